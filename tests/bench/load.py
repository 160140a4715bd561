"""How many pages a second the sandbox gives on one core: so that it is never what is measured.

A raw socket asks for pages one behind the other, as a client without any work of its own would.
"""

import base64
import re
import socket
import time
from urllib.parse import urlsplit

from desk import PASSWORD, USER, desk

WINDOW = 1 << 20


def pages_per_second(binary, tickets, pages, processors):
    """Pages of 100 tickets per second of the sandbox's CPU, and per second of wall time.

    With a second processor the sandbox has the first one for itself.
    """
    with desk(binary, tickets, cores="0" if processors > 1 else None) as opened:
        place = urlsplit(opened.address)
        held = max(1, tickets // 100)
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        with socket.create_connection((place.hostname, place.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            buffer = bytearray(WINDOW)
            ask(connection, buffer, place.netloc, login, 1)
            start, before, read = time.perf_counter(), opened.cpu(), 0
            for page in range(pages):
                read += ask(connection, buffer, place.netloc, login, page % held + 1)
            wall, cpu = time.perf_counter() - start, opened.cpu() - before
    return {"pages": pages, "per_cpu_s": round(pages / cpu), "per_wall_s": round(pages / wall), "page_bytes": read // pages}


def ask(connection, buffer, host, login, page):
    """One page; gives the bytes of its body."""
    request = f"GET /apiv2/tickets.json?created_order=asc&page={page}&per_page=100 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {login}\r\n\r\n"
    connection.sendall(request.encode())
    head = b""
    while b"\r\n\r\n" not in head:
        got = connection.recv(4096)
        if not got:
            raise SystemExit("the sandbox closed the connection")
        head += got
    head, _, body = head.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"the sandbox answered {head[:80]!r}")
    length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
    missing = length - len(body)
    while missing > 0:
        got = connection.recv_into(buffer, min(missing, WINDOW))
        if not got:
            raise SystemExit("the sandbox closed the connection within a page")
        missing -= got
    return length
