"""A disk without room, a file without leave to grow, a folder that cannot be written: a clear error, a lake that loads,
and a next run that mends it all."""

import resource
import signal
import subprocess
from contextlib import contextmanager

import pytest

from compare import whole_lake
from conftest import SEED, add, assert_complete, assert_lake, expectation_of
from sandbox import emulate
from worlds import NOW, account

pytestmark = pytest.mark.folder


def loads(home):
    """→ the ids of the lake, each there once."""
    if not any(home.lake.glob("tickets/**/*.parquet")):
        return set()
    found = whole_lake(home.lake)
    assert set(found.values()) == {1}
    return set(found)


def limited(size):
    """For Popen: no file of the process may grow beyond `size` bytes."""
    def limit():
        # Without a handler the signal would end the process; ignored, the write fails as it does on a full disk.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


def failed(process):
    """→ what a run that could not write said."""
    out, err = process.communicate(timeout=60)
    said = (out + err).decode()
    assert process.returncode in (1, 3), said
    assert "panicked" not in said, said
    return said


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
@pytest.mark.parametrize("size", [0, 3_000, 12_000])
def test_no_file_may_grow(home, vendor, size):
    state = account(vendor, 300, SEED, chance=0)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        said = failed(home.start("sync", "--json", preexec_fn=limited(size)))
        assert "File too large" in said and str(home.lake) in said, said
        held = loads(home)
        assert_complete(home.sync())
        assert held <= loads(home)
        state.change("update", 40)
        held = loads(home)
        failed(home.start("sync", "--json", "--full", preexec_fn=limited(size)))
        assert loads(home) == held
        assert_complete(home.sync())
    assert_lake(home, "shop", vendor, expectation_of(state, vendor))


@contextmanager
def small_disk(folder, size):
    """A file system of `size` bytes at `folder`, where the system lets us make one."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(home):
    state = account("kf5", 300, SEED)
    with small_disk(home.lake, "400k"), emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        said = failed(home.start("sync", "--json"))
        assert "No space left" in said and str(home.lake) in said, said
        held = loads(home)
        assert held, "nothing was committed before the disk was full"
        assert not list(home.lake.glob("_ticketlake/staging/*"))
        subprocess.run(["mount", "-o", "remount,size=64m", str(home.lake)], check=True)
        assert_complete(home.sync())
        assert held <= loads(home)
        assert_lake(home, "shop", "kf5", expectation_of(state, "kf5"))


@pytest.mark.parametrize("place", ["", "_ticketlake", "tickets", "tickets/source=shop"])
def test_a_file_in_place_of_a_folder(home, place):
    state = account("udesk", 60, SEED)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator)
        path = home.lake / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("in the way", encoding="utf-8")
        said = failed(home.start("sync", "--json"))
        assert str(path) in said and path.read_text(encoding="utf-8") == "in the way", said
        path.unlink()
        assert_complete(home.sync())
    assert_lake(home, "shop", "udesk", expectation_of(state, "udesk"))


def test_a_move_that_stops_half_way_is_made_good(home):
    """A ticket leaves the partition of those without a date when it gets one; the run ends between the two files."""
    state = account("kf5", 200, SEED, undated=0.05)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        undated = next(ticket for ticket in state.by_id.values() if ticket.created is None)
        state.put(state.fresh(undated.id, created=NOW - 86400))
        folder = home.lake / "tickets/source=shop/created_date=__HIVE_DEFAULT_PARTITION__"
        places = [str(folder), str(folder / "part-0.parquet")]
        if subprocess.run(["chattr", "+i", *places], capture_output=True).returncode:
            pytest.skip("no file can be made immutable here")
        try:
            failed(home.start("sync", "--json"))
        finally:
            subprocess.run(["chattr", "-i", *places], check=True)
        assert whole_lake(home.lake)["shop", undated.id] == 2
        assert_complete(home.sync())
    assert_lake(home, "shop", "kf5", expectation_of(state, "kf5"))
