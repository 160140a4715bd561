"""A lake in an object store keeps the promises of a lake in a folder: against a server that speaks S3, a network that
fails, and other writers. With CHECK_LAKE=bucket the other tests run on such a lake too."""

import json
import random
import time

import duckdb
import pytest

from compare import whole_lake
from conftest import SEED, add, assert_complete, assert_lake, expectation_of
from program import Toml, run
from sandbox import emulate
from store.home import LEASE, BucketHome
from store.proxy import between
from store.server import KIND, PROGRAM, serve
from worlds import account

only_s3 = pytest.mark.skipif(KIND.scheme != "s3", reason="in words of S3")
only_moto = pytest.mark.skipif(bool(PROGRAM), reason="such a server makes buckets by itself, or looks at signatures")


def no_secret(*runs):
    for made in runs:
        for secret in (KIND.secret, "Signature=", "X-Amz-Signature"):
            assert secret not in made.out + made.err, made


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_lake_in_a_bucket_is_a_lake(bucket, vendor):
    state = account(vendor, 300, SEED)
    with emulate(vendor, state) as emulator:
        add(bucket, "shop", emulator)
        first = assert_complete(bucket.sync())
        assert_lake(bucket, "shop", vendor, expectation_of(state, vendor), first)
        again = assert_complete(bucket.sync())
        assert again.source("shop")["lake"]["files_written"] == 0
        state.change("update", 5)
        state.change("insert", 3)
        assert_complete(bucket.sync())
        assert_lake(bucket, "shop", vendor, expectation_of(state, vendor))
        sound = bucket.run("verify", "--json")
        assert sound.code == 0 and json.loads(sound.out)["sources"][0]["rows"] == 303, sound
        told = bucket.run("status", "--json")
        assert json.loads(told.out)["lake"] == bucket.place and json.loads(told.out)["held_by"] is None
    assert not any(key.startswith("_ticketlake/staging") for key in bucket.keys())
    assert json.loads(bucket.read(LEASE))["released"]
    assert f"{bucket.place}/tickets/source=shop/**/*.parquet" in bucket.read("views.sql").decode()
    no_secret(first, again, sound, told)


def test_a_second_run_and_the_lease_of_a_dead_one(bucket):
    state = account("kf5", 200, SEED)
    with emulate("kf5", state, latency=0.3) as emulator:
        add(bucket, "shop", emulator, concurrency=1)
        process = bucket.start("sync")
        wait_for(lambda: len(emulator.requests) >= 2)
        held = bucket.sync(write=False)
        assert held.code == 5 and str(process.pid) in held.err, held
        assert str(process.pid) in json.loads(bucket.run("status", "--json").out)["held_by"]
        process.kill()
        process.communicate()
        emulator.latency = 0
        still = bucket.sync(write=False)
        assert still.code == 5, f"the lease of a dead run holds until it expires: {still}"
        bucket.expire()
        taken = assert_complete(bucket.sync())
        assert "taking over the lake" in taken.err
    assert_lake(bucket, "shop", "kf5", expectation_of(state, "kf5"))


def test_a_run_that_lost_its_lease_writes_no_more(bucket):
    state = account("kf5", 200, SEED)
    with emulate("kf5", state, latency=0.3) as emulator:
        add(bucket, "shop", emulator, concurrency=1)
        process = bucket.start("sync", "--json")
        wait_for(lambda: len(emulator.requests) >= 2)
        before = [key for key in bucket.keys() if key.startswith("_ticketlake/state/")]
        other = {**json.loads(bucket.read(LEASE)), "holder": "process 4711 on elsewhere", "token": "other"}
        bucket.put(LEASE, json.dumps(other).encode())
        emulator.latency = 0
        out, err = (stream.decode() for stream in process.communicate(timeout=60))
    assert process.returncode == 5, (process.returncode, out, err)
    assert "process 4711 on elsewhere" in out and "lost the lake" in out
    assert [key for key in bucket.keys() if key.startswith("_ticketlake/state/")] == before, "it has put state"
    assert json.loads(bucket.read(LEASE)) == other, "it has touched the lease of the other"


@pytest.mark.skipif(bool(PROGRAM), reason="such a server may check a condition before it writes, not while")
def test_writers_that_start_together(bucket):
    state = account("kf5", 100, SEED)
    with emulate("kf5", state, latency=0.2) as emulator:
        add(bucket, "shop", emulator, concurrency=1)
        codes = []
        for _ in range(3):
            bucket.write()
            processes = [bucket.start("sync", "--json", write=False) for _ in range(4)]
            codes.append(sorted((process.communicate(timeout=60), process.returncode)[1] for process in processes))
        assert all(set(some) == {0, 5} for some in codes), codes
    assert_lake(bucket, "shop", "kf5", expectation_of(state, "kf5"))


NIGHTLY = [pytest.param(fault, marks=pytest.mark.nightly) for fault in ("reset", "broken", "cut", ("late", 0.3))]


@pytest.mark.parametrize("fault", ["busy", "lost", *NIGHTLY], ids=str)
def test_a_store_that_fails_now_and_then(tmp_path, fault):
    state = account("udesk", 60, SEED)
    rng = random.Random(f"{fault} {SEED}")
    with serve(tmp_path) as store, between(store, lambda *_: fault if rng.random() < 0.06 else None) as network, emulate("udesk", state) as emulator:
        home = BucketHome(tmp_path, server=store, address=network.address, lake_settings={"partition": "month"})
        add(home, "shop", emulator)
        for _ in range(2):
            done = home.sync()
            assert done.code in (0, 1, 3), done
            no_secret(done)
            if home.keys("tickets"):
                assert set(whole_lake(home.lake).values()) <= {1}
            home.expire()
        assert any(hit for _, _, hit in network.seen)
        network.rule = lambda *_: None
        assert_complete(home.sync())
        assert_lake(home, "shop", "udesk", expectation_of(state, "udesk", partition="month"))


def test_puts_whose_answer_is_lost_are_not_taken_for_another_writer(tmp_path):
    """Every conditional put is done and answered with a failure: the run sees that what is there is its own."""
    rule = lambda method, path, headers: "broken" if method == "PUT" and ("If-None-Match" in headers or "If-Match" in headers) else None
    with serve(tmp_path) as store, between(store, rule) as network, emulate("kf5", account("kf5", 40, SEED)) as emulator:
        home = BucketHome(tmp_path, server=store, address=network.address)
        add(home, "shop", emulator)
        seen = []
        network.rule = lambda *asked: rule(*asked) if seen.append(asked) is None and len(seen) % 2 else None
        assert_complete(home.sync())


@only_s3
@pytest.mark.nightly
def test_a_large_partition_is_one_put_and_is_read_again(bucket):
    """One month whose file is larger than what is read into memory."""
    state = account("kf5", 28, SEED)
    noise, letters = random.Random(SEED), [chr(code) for code in range(0x4E00, 0x9FA5)]
    bucket.lake_settings["partition"] = "month"
    for ticket in list(state.by_id.values()):
        text = json.loads(ticket.text)
        text["description"] = "".join(noise.choices(letters, k=180_000))
        state.put(type(ticket)(ticket.id, ticket.created, ticket.updated, json.dumps(text, ensure_ascii=False)))
    with between(bucket.server) as network, emulate("kf5", state) as emulator:
        add(bucket, "shop", emulator, page_size=20)
        bucket.settings = KIND.told(network.address)
        assert_complete(bucket.sync())
        state.change("update", 3)
        assert_complete(bucket.sync())
        assert not any("upload" in path for _, path, _ in network.seen)
        assert bucket.run("verify").code == 0
    assert len(whole_lake(bucket.lake)) == 28
    assert max(len(bucket.read(key)) for key in bucket.keys("tickets")) > 4 << 20


def test_records_that_an_older_version_left_are_swept(bucket):
    for name in ("1", "2"):
        bucket.put(f"_ticketlake/staging/{name}.json", b"no record")
    with emulate("kf5", account("kf5", 20, SEED)) as emulator:
        add(bucket, "shop", emulator)
        assert "removed temporary files" in assert_complete(bucket.sync()).err
    assert not bucket.keys("_ticketlake/staging")


@only_moto
def test_what_is_wrong_with_a_store_is_said(bucket, tmp_path):
    home = bucket.source("shop", "kf5", "http://127.0.0.1:9", max_retries=1)
    place = "s3://no-such-bucket/x"
    missing = home.run("sync", "--lake", place)
    assert missing.code == 1 and place in missing.err and "make the bucket" in missing.err, missing
    plain = home.run("status", env={"AWS_ALLOW_HTTP": "false"})
    assert plain.code != 0 and "AWS_ALLOW_HTTP" in plain.err, plain
    nonsense = home.run("sync", env={"AWS_ALLOW_HTTP": "perhaps"})
    assert nonsense.code == 2 and "AWS_" in nonsense.err, nonsense
    denied = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message><HostId>Signature=s3cret</HostId></Error>"
    with between(bucket.server) as network:
        from store import proxy

        network.rule = lambda *_: "busy"
        before, proxy.BUSY = proxy.BUSY, denied
        try:
            refused = home.run("sync", env=KIND.told(network.address), timeout=120)
        finally:
            proxy.BUSY = before
    assert refused.code == 1 and "AccessDenied: Access Denied" in refused.err, refused
    no_secret(missing, plain, nonsense, refused)


@only_moto
def test_a_store_without_conditions_is_refused(bucket):
    """It takes every put: nothing would tell two writers apart."""
    with between(bucket.server) as network:
        from store.proxy import Handler

        class Careless(Handler):
            def forward(self, body):
                for name in ("If-None-Match", "If-Match"):
                    if self.command == "PUT" and name in self.headers:
                        del self.headers[name]
                return super().forward(body)

        network.RequestHandlerClass = Careless
        bucket.source("shop", "kf5", "http://127.0.0.1:9", max_retries=1)
        refused = bucket.run("sync", env=KIND.told(network.address))
    assert refused.code == 1 and "conditional puts" in refused.err, refused
    no_secret(refused)


@pytest.mark.parametrize("place", ["s3://", "s3://key:s3cret@bucket/x", "s3://b/../x", "hdfs://x/y"])
def test_no_place_of_a_lake(home, place):
    refused = run("--lake", place, "status", cwd=home.folder)
    assert refused.code == 2 and "s3cret" not in refused.err, refused


@only_s3
def test_duckdb_reads_the_bucket_itself(bucket):
    connection = duckdb.connect()
    try:
        connection.execute("INSTALL httpfs; LOAD httpfs")
    except duckdb.Error as why:
        pytest.skip(f"httpfs cannot be installed here: {str(why).splitlines()[0][:200]}")
    with emulate("kf5", account("kf5", 60, SEED)) as emulator:
        add(bucket, "shop", emulator)
        assert_complete(bucket.sync())
    host = bucket.server.removeprefix("http://")
    connection.execute(f"CREATE SECRET (TYPE s3, KEY_ID 'x', SECRET 'y', ENDPOINT '{host}', USE_SSL false, URL_STYLE 'path')")
    connection.execute(bucket.read("views.sql").decode())
    assert connection.execute("SELECT count(*) FROM tickets_shop").fetchone()[0] == 60
