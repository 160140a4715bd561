"""Several workers, one lake: the windows of a plan are read by processes that know nothing of each other, are killed and
repeated; in the end the lake is the one that a single process makes."""

import json
import os
import random
import subprocess
import time

import pytest

from compare import read_table
from program import BINARY, Home, Toml, environment
from test_sandbox import sandbox

WORKERS = 4
KILLS = int(os.environ.get("CHECK_WORKER_KILLS", "6"))
SECRETS = {"SANDBOX_PASSWORD": "sandbox"}


def desk(home, origin):
    home.lake_settings["partition"] = "month"
    return home.source("support", "kf5", origin, password=Toml('{ env = "SANDBOX_PASSWORD" }'))


def rows(home):
    """What the lake holds, without when it was read."""
    found = read_table(home.lake, "tickets", "support")[1]
    return {row["id"]: {key: value for key, value in row.items() if key != "_synced_at"} for row in found}


def read_windows(home, ids, kills, rng):
    """Gives the windows to WORKERS processes at a time; some are killed, and theirs given out again, as a few others are."""
    waiting, running, killed = rng.sample(ids, len(ids)) + rng.sample(ids, 2), [], 0
    end = time.monotonic() + 240
    while waiting or running:
        assert time.monotonic() < end, "the workers do not come to an end"
        while waiting and len(running) < WORKERS:
            window = waiting.pop()
            command = [str(BINARY), "--config", str(home.config), "sync", "--json", "--window", window]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment({**home.environment, **SECRETS}))
            deadline = time.monotonic() + rng.random() * 0.6 if killed < kills and rng.random() < 0.5 else None
            running.append((window, process, deadline))
        for entry in list(running):
            window, process, deadline = entry
            if deadline and time.monotonic() > deadline and process.poll() is None:
                process.kill()
            if process.poll() is None:
                continue
            out, err = process.communicate()
            running.remove(entry)
            if process.returncode == -9:
                killed += 1
                waiting.insert(rng.randrange(len(waiting) + 1), window)
            else:
                assert process.returncode == 0, (window, process.returncode, out.decode(), err.decode())
        time.sleep(0.01)
    return killed


@pytest.mark.parametrize("kind", ["bucket", "folder"])
def test_workers_make_the_lake_that_one_process_makes(request, tmp_path, kind):
    rng = random.Random(f"workers {kind}")
    (tmp_path / "alone").mkdir()
    with sandbox(1500, latency="5ms") as origin:
        home = desk(request.getfixturevalue("bucket") if kind == "bucket" else Home(tmp_path), origin)
        plan = home.run("plan", "--json", env=SECRETS)
        ids = [window["id"] for window in json.loads(plan.out)["sources"][0]["windows"]]
        assert len(ids) >= WORKERS and len(set(ids)) == len(ids), plan
        killed = read_windows(home, ids, KILLS, rng)
        print(f"{kind}: {len(ids)} windows, {killed} kills")
        assert home.run("status", "--json", env=SECRETS).code == 0
        done = home.run("sync", "--finish", "--json", env=SECRETS)
        assert done.code == 0 and done.summary["outcome"] == "complete", done
        spent = done.source("support")["requests"]["sent"]
        sound = home.run("verify", env=SECRETS)
        assert sound.code == 0, sound
        alone = desk(Home(tmp_path / "alone"), origin)
        single = alone.run("sync", "--json", env=SECRETS)
        assert single.code == 0, single
        assert spent < single.source("support")["requests"]["sent"], "the workers' windows were read again"
        assert rows(home) == rows(alone)
        # And the nights go on from there.
        night = home.run("sync", "--json", env=SECRETS)
        assert night.code == 0 and night.source("support")["mode"] == "incremental", night
        assert not list(home.lake.glob("_ticketlake/windows/*/*.json"))


def test_a_window_that_is_none(home):
    home.source("support", "kf5", "http://127.0.0.1:9").source("shop", "udesk", "http://127.0.0.1:9")
    for wrong in ("support", "support:2024-01-01", "support:x..y", "shop:2024-01-01..", "other:2024-01-01..2024-02-01"):
        refused = home.run("sync", "--window", wrong)
        assert refused.code == 2 and ("--window" in refused.err or "--source" in refused.err), refused
    home.lake_settings["partition"] = "month"
    cuts = home.run("sync", "--window", "support:2024-01-15..2024-02-01")
    assert cuts.code == 2 and "is not one month" in cuts.err, cuts


def test_workers_and_a_run_that_has_the_lake_alone(home):
    with sandbox(600, latency="200ms") as origin:
        desk(home, origin)
        home.write()
        process = subprocess.Popen([str(BINARY), "--config", str(home.config), "sync"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=environment({**home.environment, **SECRETS}))
        end = time.monotonic() + 20
        while not json.loads(home.run("status", "--json", env=SECRETS).out).get("held_by") and time.monotonic() < end:
            time.sleep(0.02)
        held = home.run("sync", "--window", "support:2024-01-01..2024-02-01", env=SECRETS)
        process.kill()
        process.wait()
    assert held.code == 5 and str(process.pid) in held.err, held
