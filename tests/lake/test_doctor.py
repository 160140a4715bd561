"""`doctor` against set-ups that are sound and broken, and `init`, by options and at a terminal."""

import fcntl
import json
import os
import pty
import subprocess
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import SEED, add, assert_complete
from program import BINARY, PASSWORD, SECRET, Toml, environment
from sandbox import emulate
from worlds import account


def doctor(home, *arguments, **more):
    done = home.run("doctor", "--json", *arguments, **more)
    report = json.loads(done.out)
    assert report["exit_code"] == done.code, done
    return done.code, report


def state(report, about, check):
    found = [c for c in report["checks"] if (c["about"], c["check"]) == (about, check)]
    assert found, f"no check `{check}` of {about}: {report}"
    return found[0]


def other_states(report):
    return [(c["about"], c["check"], c["state"]) for c in report["checks"] if c["state"] != "ok"]


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_sound_set_up(home, vendor):
    with emulate(vendor, account(vendor, 120, SEED)) as emulator:
        add(home, "shop", emulator)
        code, report = doctor(home)
        # One of the cascades has no labels in the map.
        expected = [] if vendor == "kf5" else [("shop", "fields", "warning")]
        assert (code, report["healthy"], other_states(report)) == (0, True, expected)
        assert not home.lake.exists(), "something stayed written"
        assert "100 of 120 tickets" in state(report, "shop", "first page")["found"]
        if vendor == "kf5":
            assert "admin" in state(report, "shop", "role")["found"]
        text = home.run("doctor")
        assert text.code == 0 and ("All is well" if vendor == "kf5" else "warnings to look at: 1") in text.out, text
        assert_complete(home.sync())
        before = sorted(home.lake.rglob("*"))
        assert doctor(home)[0] == 0
        assert sorted(home.lake.rglob("*")) == before, "something stayed written"


class Broken:
    """A server that answers everything in one way."""

    def __init__(self, status=200, body="{}", headers=None):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                sent = body(self.path) if callable(body) else body
                code, text = sent if isinstance(sent, tuple) else (status, sent)
                self.send_response_only(code)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                data = text.encode()
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


LIST = '{"tickets": [{"id": 1, "created_at": "2026-01-01 00:00:00"}], "count": 1, "next_page": null}'


def desk(role="admin", fields=(200, '{"ticket_fields": [], "count": 0}'), tickets=(200, LIST)):
    def body(path):
        if "users/me" in path:
            return 200, json.dumps({"user": {"id": 1, "role": role}})
        return fields if "ticket_fields" in path else tickets

    return body


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_wrong_credentials(home, vendor):
    with emulate(vendor, account(vendor, 20, SEED)) as emulator:
        add(home, "shop", emulator)
        code, report = doctor(home, env={"CHECK_PASSWORD": "wrong-pass-77", "CHECK_SECRET": "wrong-pass-77"})
        assert code == 4 and not report["healthy"], report
        found = state(report, "shop", "credentials")
        assert found["state"] == "failed" and found["todo"] and state(report, "shop", "connection")["state"] == "ok"
        assert len(emulator.requests) <= 6


@pytest.mark.parametrize("role", ["agent", "end_user"])
def test_a_role_that_does_not_see_everything(home, role):
    with Broken(body=desk(role)) as server:
        home.source("desk", "kf5", server.origin)
        code, report = doctor(home)
    found = state(report, "desk", "role")
    assert (code, found["state"]) == (4, "failed") and role in found["found"] and "administrator" in found["todo"], report


def test_an_agent_to_whom_the_list_is_refused(home):
    with Broken(body=desk("agent", tickets=(403, '{"error": "Forbidden"}'), fields=(403, "{}"))) as server:
        home.source("desk", "kf5", server.origin)
        code, report = doctor(home)
    assert code == 4 and state(report, "desk", "role")["state"] == "failed", report
    assert state(report, "desk", "credentials")["state"] == "ok"


def test_no_server_and_a_server_of_something_else(home):
    home.source("gone", "kf5", "http://127.0.0.1:9")
    with Broken(body="<html>welcome</html>") as server:
        home.source("web", "udesk", server.origin)
        code, report = doctor(home)
    assert code == 3, report
    assert state(report, "gone", "connection")["state"] == "failed" and "127.0.0.1:9" in state(report, "gone", "connection")["found"]
    assert any(c["about"] == "web" and c["state"] == "failed" for c in report["checks"]), report


@pytest.mark.parametrize("date, code, wanted", [("Thu, 01 Jan 2015 00:00:00 GMT", 3, "failed"), (None, 0, "warning")])
def test_clocks(home, date, code, wanted):
    with Broken(body=desk(), headers={"Date": date} if date else {}) as server:
        home.source("desk", "kf5", server.origin)
        found, report = doctor(home)
    assert (found, state(report, "desk", "clock")["state"]) == (code, wanted), report


def test_a_rate_that_is_refused(home):
    asked = []

    def body(path):
        asked.append(path)
        return (429, "{}") if len(asked) == 2 else desk()(path)

    with Broken(body=body, headers={"Retry-After": "0"}) as server:
        home.source("desk", "kf5", server.origin)
        code, report = doctor(home)
    assert code == 0 and state(report, "desk", "rate")["state"] == "warning", report


def test_faults_of_the_configuration_do_not_hide_the_lake(home):
    home.source("shop", "udesk", "http://127.0.0.1:9", secret=Toml('{ env = "NOT_SET_ANYWHERE" }'))
    code, report = doctor(home)
    assert code == 2 and "NOT_SET_ANYWHERE" in state(report, "configuration", "file")["found"], report
    assert state(report, "lake", "writing")["state"] == "ok" and state(report, "shop", "connection")["state"] == "skipped"
    home.config.write_text("[lake\n")
    code, report = doctor(home, write=False)
    assert code == 2 and state(report, "lake", "folder")["state"] == "skipped"
    home.config.unlink()
    code, report = doctor(home, write=False)
    assert code == 2 and "ticketlake init" in state(report, "configuration", "file")["found"]


@pytest.mark.folder
def test_a_lake_that_cannot_be_written_is_held_or_damaged(home):
    with emulate("kf5", account("kf5", 30, SEED)) as emulator:
        add(home, "shop", emulator)
        home.lake.write_text("a file")
        code, report = doctor(home)
        assert code == 1 and state(report, "lake", "writing")["state"] == "failed" and state(report, "lake", "writing")["todo"], report
        home.lake.unlink()
        assert_complete(home.sync())
        with open(home.lake / "_ticketlake/lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            code, report = doctor(home)
            assert code == 5 and state(report, "lake", "lock")["state"] == "failed", report
        version = sorted((home.lake / "_ticketlake/state/shop").iterdir())[-1]
        version.write_text("{")
        code, report = doctor(home)
        assert code == 6 and version.name in state(report, "lake", "state")["found"], report


ACCOUNT = ("--kind", "kf5", "--source", "support", "--base-url", "https://support.kf5.com", "--email", "ops@example.com")


@pytest.mark.folder
def test_init_by_options(home):
    done = home.run("init", *ACCOUNT, "--password-env", "KF5_PASSWORD", "--lake", "data", write=False)
    assert done.code == 0 and "ticketlake doctor" in done.out, done
    text = home.config.read_text(encoding="utf-8")
    made = tomllib.loads(text)
    assert made["source"] == [{"name": "support", "kind": "kf5", "base_url": "https://support.kf5.com", "email": "ops@example.com", "password": {"env": "KF5_PASSWORD"}}]
    assert made["lake"]["path"].endswith("data") and text.count("#") > 10
    loaded = home.run("status", "--json", write=False)
    assert loaded.code == 2 and "there is no lake" in loaded.out, loaded
    again = home.run("init", *ACCOUNT, "--token-file", "/run/secrets/kf5", write=False)
    assert again.code == 2 and "--force" in again.err and home.config.read_text(encoding="utf-8") == text, again
    forced = home.run("init", *ACCOUNT, "--token-file", "/run/secrets/kf5", "--force", "--json", write=False)
    assert forced.code == 0 and json.loads(forced.out)["sources"][0]["secret"] == {"file": "/run/secrets/kf5"}, forced
    assert tomllib.loads(home.config.read_text(encoding="utf-8"))["source"][0]["token"] == {"file": "/run/secrets/kf5"}
    assert sorted(path.name for path in home.folder.iterdir()) == ["ticketlake.toml"]


@pytest.mark.parametrize("arguments, word", [
    (ACCOUNT, "--password-env"),
    (("--kind", "udesk", "--base-url", "https://shop.udesk.cn", "--secret-env", "S"), "--source"),
    ((*ACCOUNT, "--secret-env", "S"), "secret"),
    ((*ACCOUNT[:-1], "nobody", "--password-env", "P"), "nobody"),
    ((*ACCOUNT, "--password-env", "s3cret-päss"), "environment variable"),
    (("--kind", "kf5", "--source", "Bad Name", "--base-url", "https://a.kf5.com", "--email", "a@b.cn", "--password-env", "P"), "small letters"),
    (("--kind", "kf5", "--source", "a", "--base-url", "http://a.kf5.com", "--email", "a@b.cn", "--password-env", "P"), "http://"),
])
def test_init_refuses_what_would_not_load(home, arguments, word):
    done = home.run("init", *arguments, write=False)
    assert done.code == 2 and word in done.err and not home.config.exists(), done


def test_init_asks_at_a_terminal(home):
    answers = ["", "zendesk", "udesk", "shop", "http://far.example.com", "https://shop.udesk.cn", "/run/secrets/udesk",
               "yes", "kf5", "shop", "support", "https://support.kf5.com", "ops@example.com", "token", "geheim!", "", "no"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen([str(BINARY), "--config", str(home.config), "init"], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), cwd=home.folder)
    os.write(ours, ("\n".join(answers) + "\n").encode())
    out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, err.decode()
    assert b"SUPPORT_TOKEN" in out and b"geheim!" not in out + err
    made = tomllib.loads(home.config.read_text(encoding="utf-8"))
    assert made["lake"] == {"path": "lake"}
    assert made["source"] == [
        {"name": "shop", "kind": "udesk", "base_url": "https://shop.udesk.cn", "secret": {"file": "/run/secrets/udesk"}},
        {"name": "support", "kind": "kf5", "base_url": "https://support.kf5.com", "email": "ops@example.com", "token": {"env": "SUPPORT_TOKEN"}},
    ]
    assert PASSWORD not in home.config.read_text(encoding="utf-8") and SECRET not in home.config.read_text(encoding="utf-8")
