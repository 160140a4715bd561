"""The secrets of the checks, in every form in which they travel, looked for in everything that is printed or written."""

import base64
import json
import re
from urllib.parse import quote, quote_plus

PASSWORD, SECRET = "s3cret-päss:word/%", "99d80d18b0b9a994a8d0283e830e5099"
TOKEN, WRONG = "tok-en_123", "wrong-pass-77"
MASK_KEY = "a key that nobody else has, 钥匙"
COLLECTOR_KEY = "s3cret-header/token=="
USERS = ("agent@example.com", "agent@example.com/token")

# A signature is a credential: whoever has the address can send it again.
SIGNED = re.compile(r"sign(?:=|%3D|%3d)[0-9a-fA-F]{16,}")
looked_at = {"texts": 0, "failed": 0, "files": 0}


def forms(secret):
    """The secret as it stands, and as addresses, JSON, headers and base64 carry it."""
    def coded(text):
        return base64.b64encode(text.encode()).decode().rstrip("=")

    plain = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    return plain | {coded(secret)} | {coded(f"{user}:{secret}") for user in USERS}


FORMS = sorted({form for secret in (PASSWORD, SECRET, TOKEN, WRONG, MASK_KEY, COLLECTOR_KEY) for form in forms(secret)})


def leaks(text):
    """What of it a text shows."""
    found = [form for form in FORMS if form in text]
    return found + SIGNED.findall(text)


def watch(where, code, *texts):
    """Fails where a command shows a secret."""
    for text in texts:
        looked_at["texts"] += 1
        looked_at["failed"] += code != 0
        for leak in leaks(text):
            at = text.find(leak)
            raise AssertionError(f"{where} shows {leak!r}: …{text[max(0, at - 200) : at + 200]}…")


def watch_files(folder):
    """Fails where a file that is no table shows a secret. A file that is one is where a check has put it."""
    for path in folder.rglob("*"):
        if not path.is_file() or path.suffix == ".parquet":
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if text.strip() in (PASSWORD, SECRET, TOKEN, MASK_KEY):
            continue
        looked_at["files"] += 1
        watch(str(path), 0, text)
