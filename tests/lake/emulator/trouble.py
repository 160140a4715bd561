"""What can go wrong with an answer, each kind as the server does it."""

import json
import socket
import struct
import time
from dataclasses import dataclass

KINDS = ["http500", "html200", "truncated", "cut", "reset", "error200", "noarray", "slow", "hang"]
HTML = "<!DOCTYPE html><html><body>系统维护中</body></html>"


@dataclass
class Answer:
    status: int
    body: str
    content_type: str = "application/json; charset=utf-8"
    headers: tuple = ()

    @staticmethod
    def json(value, status=200, headers=()):
        return Answer(status, json.dumps(value, ensure_ascii=False), headers=headers)


def draw(rng, faults):
    """`faults`: kind → probability. → a kind, or None."""
    roll = rng.random()
    for kind, chance in faults.items():
        roll -= chance
        if roll < 0:
            return kind
    return None


def spoil_answer(kind, vendor, answer, rng):
    """Faults that are a different answer."""
    if kind == "http500":
        return Answer(rng.choice([500, 502, 503, 504]), HTML, "text/html")
    if kind == "html200":
        return Answer(200, HTML, "text/html; charset=utf-8")
    if kind == "truncated":
        return Answer(200, answer.body[: rng.randrange(1, max(2, len(answer.body)))])
    if kind == "error200":
        return Answer.json({"status": 9999, "message": "系统繁忙,请稍后再试"} if vendor == "udesk" else {"error": 500, "message": "server busy, try again"})
    if kind == "noarray":
        return Answer.json({"status": 0, "message": "成功", "size": 0} if vendor == "udesk" else {"count": 0})
    return answer


def reset(connection):
    """Ends the connection with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def trickle(write, body, seconds=0.3):
    """Sends a body in a few small pieces."""
    size = max(1, len(body) // 6)
    for start in range(0, len(body), size):
        write(body[start : start + size])
        time.sleep(seconds / 6)
