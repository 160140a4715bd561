"""The commands around `sync` that need no network: they answer, and with --json in one object."""

import json

import pytest

from conftest import SEED, add, assert_complete
from program import run
from sandbox import emulate
from worlds import account


def test_fields_and_status(home):
    state = account("kf5", 120, SEED)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        for command in ("fields", "status"):
            plain, parsed = home.run(command), home.run(command, "--json")
            assert plain.code == 0 and plain.out.strip(), plain
            assert parsed.code == 0 and isinstance(json.loads(parsed.out), dict), parsed
            assert "shop" in plain.out and "shop" in parsed.out
        fields = home.run("fields").out
        assert all(word in fields for word in ("cf_field_36", "问题类型", "产品问题", "44444"))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["sync", "--help"], ["completions", "bash"], ["completions", "zsh"], ["man"]], ids=" ".join)
def test_words_for_people(home, arguments):
    done = run(*arguments)
    assert done.code == 0 and "ticketlake" in done.out, done


def test_the_environment_names_configuration_and_lake(home):
    with emulate("udesk", account("udesk", 5, SEED)) as emulator:
        add(home, "shop", emulator)
        home.write()
        done = run("sync", "--json", env={"TICKETLAKE_CONFIG": str(home.config), "TICKETLAKE_LAKE": str(home.folder / "elsewhere")})
        assert_complete(done)
        assert (home.folder / "elsewhere/tickets/source=shop").is_dir() and not home.lake.exists()
        done = run("--config", str(home.config), "--lake", str(home.folder / "third"), "sync", "--json", env={"TICKETLAKE_LAKE": str(home.folder / "elsewhere")})
        assert_complete(done)
        assert (home.folder / "third/tickets/source=shop").is_dir()
