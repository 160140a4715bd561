"""Object stores on loopback: `moto` in this process, which speaks S3, or a program that CHECK_STORE_SERVER starts, of the kind
that CHECK_STORE says."""

import contextlib
import logging
import os
import shlex
import socket
import subprocess
import time

from store.kind import KINDS

PROGRAM = os.environ.get("CHECK_STORE_SERVER")  # a command with {host}, {port}, {folder}, {account} and {secret}
KIND = KINDS[os.environ.get("CHECK_STORE", "s3")]


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
    told = {"host": "127.0.0.1", "port": port, "folder": folder, "account": KIND.account, "secret": KIND.secret}
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
