"""Servers that speak S3 on loopback: `moto` in this process, or a program that CHECK_S3_SERVER starts."""

import contextlib
import logging
import os
import shlex
import socket
import subprocess
import time

SECRETS = {"AWS_ACCESS_KEY_ID": "AKIACHECKS", "AWS_SECRET_ACCESS_KEY": "s3cret+store/key"}
PROGRAM = os.environ.get("CHECK_S3_SERVER")  # a command with {host}, {port}, {folder}, {key} and {secret}


@contextlib.contextmanager
def serve(folder):
    """→ the address of a server of its own."""
    with (_program(folder) if PROGRAM else _moto()) as address:
        yield address


@contextlib.contextmanager
def _moto():
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextlib.contextmanager
def _program(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"host": "127.0.0.1", "port": port, "folder": folder, "key": SECRETS["AWS_ACCESS_KEY_ID"], "secret": SECRETS["AWS_SECRET_ACCESS_KEY"]}
    command = [part.format(**told) for part in shlex.split(PROGRAM)]
    (folder / "store").mkdir()
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.02)
        else:
            raise RuntimeError(f"{command[0]} does not listen: {(folder / 'server.log').read_text()}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
