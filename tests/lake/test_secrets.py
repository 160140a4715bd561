"""Secrets reach nothing that is printed or written; what is written keeps to the user's umask."""

import base64
import os
import stat
import subprocess
from urllib.parse import quote

import pytest

from conftest import SEED, add, assert_complete
from program import BINARY, Toml, environment
from sandbox import emulate
from watch import COLLECTOR_KEY, MASK_KEY, PASSWORD, SECRET, TOKEN, leaks, watch_files
from worlds import account


@pytest.mark.parametrize("text", [
    f"password {PASSWORD}", f'"{SECRET}"', quote(PASSWORD, safe=""), base64.b64encode(f"agent@example.com:{PASSWORD}".encode()).decode(),
    "Basic " + base64.b64encode(f"agent@example.com/token:{TOKEN}".encode()).decode(), MASK_KEY, COLLECTOR_KEY,
    "https://a.udesk.cn/api/v1/tickets.json?page=1&sign=b48d4134e7d13839b09b5423e300c352", "sign%3Db48d4134e7d13839b09b5423e300c352",
])
def test_the_watch_sees_every_form(tmp_path, text):
    assert leaks(f"… {text} …")
    (tmp_path / "record.json").write_text(text, encoding="utf-8")
    if text != MASK_KEY:
        (tmp_path / "record.json").write_text(f"{{{text}}}", encoding="utf-8")
        with pytest.raises(AssertionError):
            watch_files(tmp_path)


def test_the_watch_lets_the_rest_pass():
    assert not leaks("https://a.udesk.cn/api/v1/tickets.json?page=1&sign=*** Authorization: Basic *** password = { env = \"KF5_PASSWORD\" }")


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_server_that_gives_back_what_it_was_sent(home, vendor):
    """Headers and addresses in error bodies are what a debugging proxy answers with."""
    with emulate(vendor, account(vendor, 30, SEED)) as emulator:
        body = "bad gateway: GET {target} {headers} " + (PASSWORD if vendor == "kf5" else SECRET)
        emulator.script = [{"when": {}, "then": {"status": 502, "body": body}}]
        add(home, "shop", emulator, max_retries=1)
        for command in (["sync", "--json"], ["-vv", "sync"], ["--log-format", "json", "-vv", "sync"], ["plan"], ["doctor"], ["doctor", "--json"],
                        ["backfill", "--since", "2024-01-01"], ["sync", "--metrics-file", str(home.folder / "t.prom")]):
            assert home.run(*command, env={"RUST_LOG": "trace", "RUST_BACKTRACE": "full"}).code == 3, command


def test_a_token_and_files_as_places(home):
    (home.folder / "token").write_text(TOKEN + "\n", encoding="utf-8")
    with emulate("kf5", account("kf5", 30, SEED)) as emulator:
        add(home, "shop", emulator, password=None, token=Toml('{ file = "token" }'))
        assert_complete(home.sync("-vv"))
        emulator.account.token = "other"
        assert home.sync("-vv", "--full").code == 4
        assert home.run("doctor").code == 4


@pytest.mark.folder
@pytest.mark.parametrize("mask, file_mode, folder_mode", [(0o022, 0o644, 0o755), (0o027, 0o640, 0o750), (0o077, 0o600, 0o700)])
def test_files_keep_to_the_users_umask(home, mask, file_mode, folder_mode):
    with emulate("kf5", account("kf5", 40, SEED)) as emulator:
        add(home, "shop", emulator)
        home.write()
        command = [str(BINARY), "--config", str(home.config), "sync", "-q", "--metrics-file", str(home.folder / "t.prom")]
        done = subprocess.run(command, env=environment(), cwd=home.folder, umask=mask, capture_output=True)
        assert done.returncode == 0, done
    paths = [home.lake, home.folder / "t.prom", *home.lake.rglob("*")]
    assert len(paths) > 10
    for path in paths:
        wanted = folder_mode if path.is_dir() else file_mode
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


@pytest.mark.skipif(not os.path.exists("/proc/self/coredump_filter"), reason="only Linux has it")
def test_a_crash_leaves_no_memory_in_a_core_file(home):
    """The memory of a run holds its secrets."""
    process = subprocess.Popen([str(BINARY), "sandbox", "--tickets", "10"], stdout=subprocess.PIPE, env=environment())
    try:
        process.stdout.readline()
        with open(f"/proc/{process.pid}/coredump_filter", encoding="utf-8") as dumped:
            assert int(dumped.read(), 16) == 0
    finally:
        process.kill()
        process.communicate()


def test_every_failing_command_was_looked_at(watched):
    """Runs last: each command of the checks went through the watch, those that failed too."""
    if not watched["texts"]:
        pytest.skip("no command was run")
    assert watched["failed"] > 0 and watched["files"] > 0
