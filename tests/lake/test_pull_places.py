"""What `pull` refuses, where it writes, and what it does when the source misbehaves or moves."""

import csv
import json
import os
import re
import signal
import time
from pathlib import Path

import openpyxl
import pytest

from compare import shown
from conftest import SEED, add, expectation_of
from extract import READERS, complaints_of
from sandbox import emulate
from test_pull import assert_extract, pull
from worlds import account

COUNT = 230


@pytest.fixture
def shop(home):
    """A Udesk account of a few tickets, in the configuration."""
    state = account("udesk", 12, SEED, chance=0)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator)
        yield home, state, emulator


@pytest.mark.parametrize("arguments, word", [
    (["--all"], "--json"),  # `--json` goes to standard output, as would the extract
    (["-o", "x.csv"], "which tickets"),
    (["--all", "--ids", "1", "-o", "x.csv"], "--ids and --all"),
    (["--ids", "1,a", "-o", "x.csv"], '"a" is no ticket id'),
    (["--ids", "@none.txt", "-o", "x.csv"], "none.txt cannot be read"),
    (["--ids", "1", "--since", "2024-01-01", "-o", "x.csv"], "--since"),
    (["--since", "2024-02-01", "--until", "2024-01-01", "-o", "x.csv"], "does not lie before"),
    (["--all", "-o", "x.json"], ".ndjson"),
    (["--all", "-o", "x"], "--format"),
    (["--all", "-o", "-", "--format", "xlsx"], "standard output"),
    (["--all", "-o", "x.parquet", "--for-excel"], "--for-excel"),
    (["--all", "-o", ".", "--format", "csv"], "folder"),
    (["--all", "-o", "/dev/null", "--format", "csv", "--force"], "no file"),
    (["--all", "-o", "no/such/folder/x.csv"], "cannot be written"),
    (["--all", "-o", "there.csv"], "--force"),
    pytest.param(["--all", "-o", "lake/tickets/x.parquet"], "lies in the lake", marks=pytest.mark.folder),
    (["--search", "x", "-o", "x.csv"], "kf5"),
    (["--problems", "-o", "x.csv"], "kf5"),
    (["--incidents-of", "1", "-o", "x.csv"], "kf5"),
    (["--user", "1", "-o", "x.csv"], "kf5"),
    (["--status", "open", "-o", "x.csv"], "kf5"),
    (["--field-value", "a=b", "-o", "x.csv"], "kf5"),
    (["--agent", "1", "-o", "x.csv"], "--filter"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_what_is_refused_before_anything_is_fetched(shop, arguments, word):
    home, _, emulator = shop
    (home.folder / "there.csv").write_text("mine")
    (home.lake / "tickets").mkdir(parents=True)
    run = pull(home, *arguments)
    assert (run.code, word in run.err) == (2, True), run
    assert emulator.requests == [] and (home.folder / "there.csv").read_text() == "mine"
    assert sorted(path.name for path in home.folder.iterdir() if path.suffix in (".csv", ".parquet", ".part", ".xlsx")) == ["there.csv"]


def test_the_other_vendors_options_are_named(home):
    with emulate("kf5", account("kf5", 5, SEED)) as emulator:
        add(home, "desk", emulator)
        for options in (["--filter", "12"], ["--filter", "name"], ["--customer", "a@b.c"]):
            run = pull(home, *options, "-o", "x.csv")
            assert run.code == 2 and "desk is of kind kf5" in run.err and "it is for udesk" in run.err, run
        assert emulator.requests == []


def test_one_source_must_be_chosen(home):
    state = account("udesk", 5, SEED)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator)
        add(home, "other", emulator)
        run = pull(home, "--all", "-o", "x.csv", env={"CHECK_SECRET": ""})
        assert run.code == 2 and "shop (udesk), other (udesk)" in run.err and "--source" in run.err, run
        run = pull(home, "--source", "other", "--all", "-o", "x.csv")
        assert not complaints_of(home.folder / "x.csv", "csv", expectation_of(state, "udesk"), list(state.by_id), source="other") and run.code == 0, run


def test_a_file_is_replaced_only_when_asked_and_as_a_whole(shop):
    home, state, _ = shop
    target = home.folder / "kept"
    target.mkdir()
    real, link = home.folder / "real.csv", home.folder / "link.csv"
    real.write_text("old")
    link.symlink_to(real)
    run = pull(home, "--all", "-o", "link.csv", "--force")
    assert run.code == 2 and "symbolic link" in run.err and link.is_symlink() and real.read_text() == "old", run
    run = pull(home, "--all", "-o", "real.csv", "--force")
    assert_extract(home, run, real, state, "udesk", list(state.by_id))
    umask = os.umask(0)
    os.umask(umask)
    assert real.stat().st_mode & 0o777 == 0o666 & ~umask
    assert pull(home, "--all", "-o", "link.csv").code == 2


def test_standard_output_is_the_extract_and_nothing_else(shop):
    home, state, _ = shop
    for form in ("csv", "ndjson"):
        run = home.run("pull", "--all", "--format", form, "--out", "-")
        assert run.code == 0 and f"Complete: {len(state.by_id)} tickets" in run.err, run
        (home.folder / f"out.{form}").write_text(run.out, encoding="utf-8", newline="")
        assert not complaints_of(home.folder / f"out.{form}", form, expectation_of(state, "udesk"), list(state.by_id))
    assert home.run("pull", "--all").out.count("\n") >= len(state.by_id) + 1
    lines = home.run("pull", "--all", "-q")
    assert lines.err == "" and lines.code == 0


def test_ids_from_a_pipe(shop):
    home, state, _ = shop
    home.write()
    wanted = sorted(state.by_id)[:3]
    import subprocess
    from program import BINARY, environment
    done = subprocess.run([BINARY, "--config", home.config, "pull", "--ids", "-", "-o", "x.csv"], input="\n".join(map(str, wanted)).encode(), cwd=home.folder, env=environment(), capture_output=True)
    assert done.returncode == 0 and not complaints_of(home.folder / "x.csv", "csv", expectation_of(state, "udesk"), wanted), done


def plant(state, values):
    """Puts tickets of the given texts into the account. → their ids."""
    made = []
    for number, (subject, custom) in enumerate(values, 5_000_000):
        text = json.dumps({"id": number, "subject": subject, "content": "", "content_type": "text", "created_at": "2024-01-02 03:04:05 +0800",
                           "updated_at": "2024-01-02 03:04:05 +0800", "assignee_id": number - 5_000_000 + 999_999_999_999_998,
                           "custom_fields": {"TextField_1": custom}})
        state.put(type(next(iter(state.by_id.values())))(number, 1704135845, 1704135845, text))
        made.append(number)
    return made


HOSTILE = [
    ("=1+1", "=cmd|' /C calc'!A0"), ("+49 30", "-1"), ("@SUM(A1)", "\tx"), ("a,b;c", 'say "hi", "she" said'), ("第一行\r\n第二行\n\r", "é́ 𠮷 👨‍👩‍👧"),
    (" left and right ", "'quoted'"), ("_x0041_ is no A", "\ufeffmark"), ("NULL", ""), ("\\N", "null"), ("true", "00123"), ("1E5", "0x10"),
    ("x" * 1_000_000, "😀" * 40_000), ("2024-01-02", "1/2"), ("\x01\x1f\x7f", "a\u2028b"),
]


@pytest.mark.parametrize("form", READERS)
def test_hostile_values(home, form):
    state = account("udesk", 3, SEED, chance=0)
    plant(state, HOSTILE)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator)
        run = pull(home, "--all", "-o", f"x.{form}")
    assert_extract(home, run, home.folder / f"x.{form}", state, "udesk", list(state.by_id))
    assert run.summary["cut_cells"] == (2 if form == "xlsx" else 0)
    assert ("subject of ticket 5000011" in run.err) == (form == "xlsx")


def test_a_workbook_holds_texts_and_no_formula(home):
    state = account("udesk", 1, SEED, chance=0)
    plant(state, HOSTILE)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator)
        run = pull(home, "--all", "-o", "x.xlsx")
        assert run.code == 0, run
    book = openpyxl.load_workbook(home.folder / "x.xlsx")
    sheet = book["tickets"]
    names = [cell.value for cell in sheet[1]]
    subject, assignee, created = (names.index(name) for name in ("subject", "assignee_id", "created_at"))
    rows = {row[0].value: row for row in sheet.iter_rows(min_row=2)}
    assert rows[5_000_000][subject].value == "=1+1" and rows[5_000_000][subject].data_type != "f"
    assert [rows[5_000_000 + n][assignee].value for n in range(3)] == [999_999_999_999_998, 999_999_999_999_999, "1000000000000000"]
    assert rows[5_000_000][created].is_date and rows[5_000_000][created].value.isoformat() == "2024-01-01T19:04:05"
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref.startswith("A1:")
    explained = {row[0]: row[1:] for row in book["columns"].iter_rows(min_row=2, values_only=True)}
    assert explained["cf_SelectField_1"][:2] == ("下拉列表字段", "text") and explained["created_at"][1] == "instant"


def test_a_csv_for_excel(home):
    state = account("udesk", 1, SEED, chance=0)
    plant(state, HOSTILE)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator)
        assert pull(home, "--all", "--for-excel", "-o", "x.csv").code == 0
    raw = (home.folder / "x.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfid,")
    csv.field_size_limit(10_000_000)
    with open(home.folder / "x.csv", encoding="utf-8-sig", newline="") as lines:
        rows = {int(row["id"]): row for row in csv.DictReader(lines)}
    assert [rows[5_000_000 + n]["subject"] for n in range(3)] == ["'=1+1", "'+49 30", "'@SUM(A1)"]
    assert [rows[5_000_000 + n]["cf_TextField_1"] for n in range(3)] == ["'=cmd|' /C calc'!A0", "'-1", "'\tx"]
    assert [rows[5_000_000 + n]["assignee_id"] for n in (1, 2)] == ["999999999999999", "'1000000000000000"]
    assert not [cell for row in rows.values() for cell in row.values() if re.match(r"[=+@\t\r]|-[^0-9]", cell)]


@pytest.mark.parametrize("vendor, options", [("kf5", ["--search", "退款"]), ("kf5", ["--problems"]), ("udesk", ["--customer", "test@sample.com"]), ("udesk", ["--all"])])
def test_faults_are_overcome(home, vendor, options):
    state = account(vendor, COUNT, SEED)
    faults = {"http500": 0.2, "html200": 0.2, "broken_json": 0.2, "truncate": 0.1, "reset": 0.1, "error200": 0.1, "no_list": 0.1}
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator, max_retries=20, page_size=20)
        calm = pull(home, *options, "-o", "calm.parquet")
    with emulate(vendor, state, faults=faults, spoilt_at_most=2) as emulator:
        add(home, "shop", emulator, max_retries=20, page_size=20)
        run = pull(home, *options, "-o", "rough.parquet")
        assert sum(emulator.injected.values()) >= 2
    ids = [row["id"] for row in READERS["parquet"](home.folder / "calm.parquet", None)[1]]
    assert calm.code == 0 and len(ids) > 20, calm
    assert_extract(home, run, home.folder / "rough.parquet", state, vendor, ids)
    assert run.summary["sources"][0]["requests"]["retried"] > 0


@pytest.mark.moving
@pytest.mark.parametrize("vendor, options", [("kf5", ["--status", "open,new,pending,solved,closed"]), ("kf5", ["--all"]), ("udesk", ["--customer", "test@sample.com"])])
def test_lists_that_move(home, vendor, options):
    """Every ticket that was in the list from start to end is in the extract, in one of the versions that it had."""
    state = account(vendor, COUNT, SEED, chance=0)
    state.awkward = 0
    with emulate(vendor, state, changes={"insert": 2, "delete": 3, "update": 5}) as emulator:
        add(home, "shop", emulator, page_size=20)
        run = pull(home, *options, "-o", "x.parquet")
        assert emulator.changed
    if run.code == 3:
        assert run.summary["outcome"] == "incomplete" and "what was found is written" in run.err and run.summary["sources"][0]["error"], run
    else:
        assert run.code == 0, run
        rows = READERS["parquet"](home.folder / "x.parquet", None)[1]
        found = [row["id"] for row in rows]
        stayed = set(state.initial) - state.deleted
        assert len(found) == len(set(found)) and stayed <= set(found), shown([str(number) for number in sorted(stayed - set(found))])
        newest = {number: expectation_of(state, vendor).rows.get(number) for number in state.by_id}
        same = sum(row["updated_at"] == newest[row["id"]]["updated_at"] for row in rows if newest.get(row["id"]))
        assert same > len(stayed) // 2


def test_what_is_not_proven_is_written_and_told(home):
    state = account("udesk", COUNT, SEED)
    with emulate("udesk", state, count=COUNT + 7) as emulator:
        add(home, "shop", emulator)
        run = pull(home, "--customer", "test@sample.com", "-o", "x.csv")
    assert run.code == 3 and run.summary["outcome"] == "incomplete" and "what was found is written" in run.err, run
    rows = READERS["csv"](home.folder / "x.csv", expectation_of(state, "udesk"))[1]
    assert len(rows) == run.summary["rows"] > 100


def test_a_list_that_breaks_off_leaves_no_file(home):
    state = account("udesk", COUNT, SEED)
    with emulate("udesk", state, break_page=2) as emulator:
        add(home, "shop", emulator, max_retries=1)
        run = pull(home, "--all", "-o", "x.csv")
    assert run.code == 3 and run.summary["outcome"] == "failed" and run.summary["file"] is None and "nothing is written" in run.err, run
    assert list(home.folder.glob("*x.csv*")) == [] and list(home.folder.glob(".*")) == []


def test_credentials_that_are_refused(home):
    with emulate("kf5", account("kf5", 5, SEED)) as emulator:
        add(home, "desk", emulator)
        run = pull(home, "--all", "-o", "x.csv", env={"CHECK_PASSWORD": "wrong"})
    assert run.code == 4 and run.summary["outcome"] == "failed" and not (home.folder / "x.csv").exists(), run


def test_an_interrupted_pull_leaves_no_file(home):
    with emulate("udesk", account("udesk", COUNT, SEED), faults={"hang": 1.0}) as emulator:
        add(home, "shop", emulator)
        child = home.start("pull", "--all", "--out", "x.csv")
        while not emulator.requests:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=20)
    assert child.returncode == 130 and b"nothing is written" in said, said
    assert list(Path(home.folder).glob("*x.csv*")) == []


def test_a_lake_is_left_as_it_is(home):
    state = account("udesk", 40, SEED)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator)
        assert home.sync().code == 0
        before = {path: path.stat().st_mtime_ns for path in home.lake.rglob("*")}
        (home.lake / "_ticketlake/lock").touch()
        before = {path: path.stat().st_mtime_ns for path in home.lake.rglob("*")}
        assert pull(home, "--all", "-o", "x.csv").code == 0
        assert {path: path.stat().st_mtime_ns for path in home.lake.rglob("*")} == before


def test_a_masked_column_is_masked_in_an_extract_and_not_compared(home):
    state = account("kf5", 30, SEED)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator, mask=["subject", "cf_field_36"])
        run = pull(home, "--all", "-o", "x.parquet")
        assert run.code == 0, run
        told = [json.loads(ticket.text).get("title") for ticket in state.by_id.values()]
        texts = {row["subject"] for row in READERS["parquet"](home.folder / "x.parquet", None)[1]}
        assert not texts & {title for title in told if isinstance(title, str) and title}, texts
        run = pull(home, "--field-value", "field_36=产品问题", "-o", "y.csv")
        assert run.code == 2 and "cf_field_36 is masked" in run.err, run
