"""`verify` says whether each byte is the one that was written: it is what people run after a disk made noises, and before they
delete a backup. A file that DuckDB cannot open must never pass as sound."""

import os
import shutil
import time

import pytest

from compare import whole_lake
from conftest import assert_complete
from damage import (DAMAGES, assert_whole, changed_paths, delete_all, delete_folder, delete_undated, double, largest, partitions, said, swap, synced, touch, tree, truncate)
from sandbox import refused

pytestmark = pytest.mark.folder
FLIPS = int(os.environ.get("CHECK_FLIPS", "60"))
TABLES = ["ticket_fields", "ticket_field_options"]


def offsets(size, count):
    """So many places in a file: both magics, the footer's length, the footer densely, the pages evenly."""
    footer = list(range(size - 12, size)) + [size - 12 - step * 41 for step in range(1, count // 3)]
    pages = [4 + (size - 900) * step // (count - len(footer) - 4) for step in range(count - len(footer) - 4)]
    return sorted({place for place in [0, 1, 2, 3, *pages, *footer] if 0 <= place < size})


def flip(path, content, place, bit):
    """One bit, as a disk turns it: size and times stay."""
    stat = path.stat()
    spoilt = bytearray(content)
    spoilt[place] ^= 1 << bit
    path.write_bytes(spoilt)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def verify(home, *arguments):
    return home.run("verify", *arguments)


def assert_found(run, *names):
    assert run.code == 6, run
    missing = [name for name in names if name not in said(run)]
    assert not missing, f"{missing} are not named: {run!r}"


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_each_flipped_bit_is_found(home, vendor):
    """Of 420 flips 13 that DuckDB or pyarrow cannot open pass as sound today, and many more that change values."""
    with synced(home, vendor, count=60, days=5):
        assert verify(home).code == 0
        (value, path, _), _ = largest(home)
        content, missed, unnamed = path.read_bytes(), [], []
        places = offsets(len(content), FLIPS)
        assert len(places) >= FLIPS * 0.8
        for turn, place in enumerate(places):
            flip(path, content, place, turn % 8)
            run = verify(home)
            missed += [place] if run.code != 6 else []
            unnamed += [place] if run.code == 6 and value not in said(run) else []
        stat = path.stat()
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert not missed, f"{len(missed)} of {len(places)} flips in {len(content)} bytes pass as sound: {missed}"
        assert not unnamed, f"found, and the file is not named: {unnamed}"
        assert verify(home).code == 0


@pytest.mark.parametrize("table", TABLES)
def test_each_flipped_bit_of_a_small_table_is_found(home, table):
    with synced(home, "kf5", count=60, days=5):
        path = home.lake / table / "source=shop/part-0.parquet"
        content, missed = path.read_bytes(), []
        for turn, place in enumerate(offsets(len(content), 24)):
            flip(path, content, place, turn % 8)
            run = verify(home)
            missed += [place] if run.code != 6 or table not in said(run) else []
        assert not missed, f"of {len(content)} bytes: {missed}"


@pytest.mark.parametrize("where", ["first byte", "a page", "the footer", "last byte"])
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_repair_heals_a_flipped_bit(home, vendor, where):
    """Set aside, and read again from the source."""
    with synced(home, vendor, count=60, days=5) as (state, _):
        (value, path, _), _ = largest(home)
        content = path.read_bytes()
        flip(path, content, {"first byte": 0, "a page": len(content) // 3, "the footer": len(content) - 300, "last byte": len(content) - 1}[where], 4)
        spoilt = path.read_bytes()
        assert_found(verify(home), value)
        run = verify(home, "--against-source", "--repair")
        assert_whole(home, state, about=run)
        assert run.code == 0, run
        assert spoilt in [kept.read_bytes() for kept in (home.lake / "_ticketlake/aside").rglob("*") if kept.is_file()]
        assert verify(home).code == 0 and verify(home, "--against-source").code == 0
        assert_complete(home.sync())
        assert_whole(home, state)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_verify_finds_what_is_lost_and_repair_heals_it(home, vendor, damage):
    """The manifest agrees with the files (V12), or verify says where it does not; a deleted `tickets/` is healed, too."""
    with synced(home, vendor, count=100) as (state, _):
        _, wrong, _ = damage(home)
        before = tree(home.lake)
        assert_found(verify(home), *wrong[:3])
        assert changed_paths(before, tree(home.lake)) == [], "verify wrote something"
        run = verify(home, "--against-source", "--repair")
        assert_whole(home, state, about=run)
        assert run.code == 0, run
        assert verify(home).code == 0
        assert_complete(home.sync())
        assert_whole(home, state)


@pytest.mark.parametrize("damage", [delete_all, delete_folder, truncate], ids=lambda damage: damage.__name__)
def test_verify_finds_it_with_the_state_gone_for_the_source(home, damage):
    """Against the source the loss is seen without any memory of it."""
    with synced(home, "kf5", count=100) as (state, _):
        damage(home)
        shutil.rmtree(home.lake / "_ticketlake/state")
        assert verify(home, "--against-source").code in (3, 6)
        run = verify(home, "--against-source", "--repair")
        assert_whole(home, state, about=run)
        assert verify(home).code == 0


def test_a_file_of_yesterday_is_found(home):
    with synced(home, "kf5", count=100) as (state, _):
        (value, path, ids), _ = largest(home)
        shutil.copy2(path, home.folder / "backup.parquet")
        for number in sorted(ids)[:2]:
            state.put(state.fresh(number, state.by_id[number].created))
        assert_complete(home.sync())
        shutil.copy2(home.folder / "backup.parquet", path)
        assert_found(verify(home), value)
        assert verify(home, "--against-source", "--repair").code == 0
        assert_whole(home, state)


def test_touched_files_are_sound(home):
    with synced(home, "kf5", count=60):
        for path in partitions(home).values():
            touch(path)
        assert verify(home).code == 0


def test_undated_tickets_are_verified_too(home):
    with synced(home, "kf5", count=100, undated=0.1) as (state, _):
        _, wrong, _ = delete_undated(home)
        assert_found(verify(home), *wrong)
        assert verify(home, "--against-source", "--repair").code == 0
        assert_whole(home, state)


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_verify_beside_a_run(home, vendor):
    """The morning's check does not wait for a night that is late, and finds nothing wrong with a lake in the making."""
    with synced(home, vendor, count=100, page_size=20, concurrency=1) as (state, emulator):
        emulator.latency = 0.4
        state.change("update", 30)
        state.change("redate", 10)
        first = len(emulator.requests)
        process = home.start("sync", "--full")
        end = time.monotonic() + 20
        while len(emulator.requests) < first + 2 and time.monotonic() < end:
            time.sleep(0.01)
        looked, codes = 0, set()
        while process.poll() is None:
            run = home.run("verify", write=False)
            if process.poll() is None:
                looked, codes = looked + 1, codes | {run.code}
                assert run.code == 0, run
        assert looked >= 2
        process.communicate()
        assert process.returncode == 0
        assert_whole(home, state)


def test_repair_waits_for_no_run(home):
    with synced(home, "kf5", count=100, page_size=20, concurrency=1) as (state, emulator):
        emulator.latency = 0.5
        state.change("update", 30)
        first = len(emulator.requests)
        process = home.start("sync", "--full")
        end = time.monotonic() + 20
        while len(emulator.requests) < first + 2 and time.monotonic() < end:
            time.sleep(0.01)
        run = home.run("verify", "--repair", write=False)
        assert run.code == 5 and str(process.pid) in run.err, run
        process.communicate()
        assert process.returncode == 0


def test_verify_beside_a_run_still_finds_damage(home):
    """A file that does not decode is read once more, since the run may have replaced it just then; a second time it is damage."""
    with synced(home, "kf5", count=100, page_size=20, concurrency=1) as (state, emulator):
        emulator.latency = 0.5
        state.change("update", 30)
        first = len(emulator.requests)
        process = home.start("sync")
        end = time.monotonic() + 20
        while len(emulator.requests) < first + 2 and time.monotonic() < end:
            time.sleep(0.01)
        _, [value], _ = truncate(home)
        run = home.run("verify", write=False)
        process.communicate()
        assert_found(run, value)


def test_a_doubled_ticket_is_found(home):
    with synced(home, "udesk", count=100) as (state, _):
        double(home)
        assert set(whole_lake(home.lake).values()) == {1, 2}
        assert verify(home).code == 6
        assert verify(home, "--against-source", "--repair").code == 0
        assert_whole(home, state)


def test_repair_alone_puts_right_what_the_lake_itself_can_tell(home):
    """Two exchanged days hold every row: no source is needed to put them back."""
    with synced(home, "udesk", count=100) as (state, emulator):
        swap(home)
        emulator.script = [refused()]
        verify(home, "--repair")
        assert whole_lake(home.lake).keys() == {("shop", number) for number in state.by_id}
        emulator.script = []
        run = home.sync()
        assert_whole(home, state, about=run)
