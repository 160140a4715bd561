"""What a terminal, a device and a link are spared, and that the reason is always said."""

import os

from conftest import SEED, add
from sandbox import emulate
from worlds import account


def test_the_reason_is_said_though_quiet_and_no_device_is_replaced(home):
    pipe, link = home.folder / "pipe", home.folder / "link.prom"
    os.mkfifo(pipe)
    link.symlink_to(home.folder / "aim")
    with emulate("kf5", account("kf5", 20, SEED)) as emulator:
        add(home, "shop", emulator)
        for place in (pipe, link):
            done = home.sync("--metrics-file", str(place))
            assert done.code == 0 and "no regular file" in done.err, done
            done = home.run("report", "--html", str(place))
            assert done.code == 2 and "no regular file" in done.err, done
    assert pipe.is_fifo() and link.is_symlink() and not (home.folder / "aim").exists()
    home.source("gone", "kf5", "http://127.0.0.1:9", max_retries=0)
    done = home.run("sync", "-q", "--source", "gone")
    assert done.code == 3 and done.err.startswith("error: ") and "refused" in done.err, done
