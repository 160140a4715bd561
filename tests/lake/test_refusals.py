"""What must stop the program, with which exit code, saying what, and never showing a secret."""

import json
import os

import pytest

from conftest import SEED, add, assert_complete
from program import PASSWORD, Toml, run
from sandbox import emulate
from worlds import account

FAULTS = {kind: 0.05 for kind in ("http500", "html200", "truncate", "reset", "error200")}


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_wrong_password(home, vendor):
    with emulate(vendor, account(vendor, 120, SEED)) as emulator:
        add(home, "shop", emulator)
        done = home.sync(env={"CHECK_PASSWORD": "wrong-pass-77", "CHECK_SECRET": "wrong-pass-77"})
        assert done.code == 4, done
        assert done.summary["outcome"] != "complete" and done.source("shop")["error"]
        assert len(emulator.requests) <= 12, "a refused password was tried again and again"


def test_an_unreachable_host(home):
    home.source("shop", "kf5", "http://127.0.0.1:9", max_retries=1)
    done = home.sync()
    assert done.code == 3, done
    assert "127.0.0.1:9" in done.source("shop")["error"] or "127.0.0.1:9" in done.err


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_in_the_loudest_logs(home, vendor, form):
    with emulate(vendor, account(vendor, 450, SEED), FAULTS) as emulator:
        add(home, "shop", emulator)
        done = home.run("--log-format", form, "-v", "-v", "-v", "--progress", "plain", "sync", env={"RUST_LOG": "trace"})
        assert done.code == 0, done
        emulator.quirks.break_page = 1
        add(home, "shop", emulator, max_retries=1)
        failed = home.run("--log-format", form, "-v", "-v", "sync", "--full", env={"RUST_LOG": "trace"})
        assert failed.code == 3, failed
    if form == "json":
        lines = [line for line in done.err.splitlines() if line.startswith("{")]
        assert lines and all(isinstance(json.loads(line), dict) for line in lines)


def test_a_source_that_fails_does_not_stop_the_other(home):
    with emulate("udesk", account("udesk", 120, SEED)) as emulator:
        home.source("gone", "kf5", "http://127.0.0.1:9", max_retries=0)
        add(home, "shop", emulator)
        done = home.sync()
    assert done.code == 3 and done.summary["outcome"] == "incomplete", done
    assert done.source("shop")["outcome"] == "complete" and done.source("shop")["tickets"]["new"] == 120


FAULTY = """[lake]
path = "lake"
timezone = "Asia/Shangri-La"
partition = "week"
colour = "blue"

[[source]]
name = "Bad Name"
kind = "kf5"
base_url = "http://support.kf5.com"
email = "ops@example.com"
password = "in-the-open-77"

[[source]]
name = "shop"
kind = "udesk"
base_url = "https://shop.udesk.cn"
secret = { env = "CHECK_SECRET" }
rate = "fast"
page_size = "many"

[[source]]
name = "third"
kind = "zendesk"
"""


def test_all_faults_of_a_configuration_at_once_with_their_lines(home):
    home.config.write_text(FAULTY, encoding="utf-8")
    done = home.sync(write=False)
    assert done.code == 2, done
    said = done.out + done.err
    for line, word in ((3, "Asia/Shangri-La"), (4, "week"), (5, "colour"), (8, "Bad Name"), (10, "http"), (12, "password"), (19, "fast"), (20, "page_size"), (24, "zendesk")):
        assert word in said, f"nothing about {word}: {done}"
        assert f"ticketlake.toml:{line}" in said or f"line {line}" in said, f"line {line} ({word}) is not named: {done}"
    assert "in-the-open-77" not in said
    assert not home.lake.exists(), "something was written"


@pytest.mark.parametrize("name, text, word", [
    ("no TOML", "[lake\npath = 1", "1"),
    ("no source", '[lake]\npath = "lake"\n', "source"),
    ("no lake", '[[source]]\nname = "a"\nkind = "udesk"\nbase_url = "https://a.udesk.cn"\nsecret = { env = "CHECK_SECRET" }\n', "lake"),
    ("unset secret", '[lake]\npath = "lake"\n[[source]]\nname = "a"\nkind = "udesk"\nbase_url = "https://a.udesk.cn"\nsecret = { env = "NOT_SET_ANYWHERE" }\n', "NOT_SET_ANYWHERE"),
    ("twice", '[lake]\npath = "lake"\n' + '[[source]]\nname = "same"\nkind = "udesk"\nbase_url = "https://a.udesk.cn"\nsecret = { env = "CHECK_SECRET" }\n' * 2, "same"),
], ids=lambda value: value if "\n" not in value else "")
def test_other_bad_configurations(home, name, text, word):
    home.config.write_text(text, encoding="utf-8")
    done = home.sync(write=False)
    assert done.code == 2 and word in done.out + done.err, done


def test_bad_arguments(home):
    assert run("sync", "--no-such-flag").code == 2
    assert run("--config", str(home.folder / "nowhere.toml"), "sync").code == 2
    home.source("shop", "kf5", "http://127.0.0.1:9")
    done = home.sync("--source", "nobody")
    assert done.code == 2 and "nobody" in done.out + done.err, done


@pytest.mark.folder
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_lake(home):
    home.lake.mkdir()
    home.lake.chmod(0o500)
    with emulate("kf5", account("kf5", 120, SEED)) as emulator:
        add(home, "shop", emulator)
        done = home.sync()
    assert done.code in (1, 3) and str(home.lake) in done.out + done.err, done


@pytest.mark.folder
def test_a_lake_that_is_a_file(home):
    home.lake.write_text("no folder")
    with emulate("kf5", account("kf5", 120, SEED)) as emulator:
        add(home, "shop", emulator)
        done = home.sync()
    assert done.code not in (0, 101) and "lake" in done.out + done.err, done


def test_json_is_the_only_thing_on_stdout(home):
    with emulate("kf5", account("kf5", 120, SEED)) as emulator:
        add(home, "shop", emulator, password=Toml('{ file = "password.txt" }'))
        (home.folder / "password.txt").write_text(PASSWORD + "\n", encoding="utf-8")
        done = assert_complete(home.sync("-v"))
    assert json.loads(done.out)["command"] == "sync"
