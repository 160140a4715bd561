"""`views.sql` in the real DuckDB: it loads whatever the labels are, and its rows are those of the files."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from compare import whole_lake
from conftest import SEED, add, assert_complete, expectation_of
from expected import NO_DATE
from program import Toml, run
from sandbox import emulate
from test_sandbox import lines, sandbox
from worlds import account

# Some fields have two of them: the list is given to the fields in turn.
LABELS = [
    'a"b', '"', "x;\n-- DROP TABLE x;\n.quit\n", "", "   ", "STATUS", "Created_Date", "source", "o'k", "same", "SAME", "same", "a\\b",
    "/* */", "🎫 emoji\u202e", "a\tb", "long" * 800, "select", "_deleted_at", "same__raw", "nul\x00", "%s {}", "$$", "\r\n", "cf_field_2",
    "Ünïcode", "üNÏCODE", "created_month", "עברית", "same (field_10)", "filename",
]
# Nothing disputes these: they are names as they are.
UNDISPUTED = {'a"b', '"', "x;\n-- DROP TABLE x;\n.quit\n", "o'k", "select", "same__raw", "🎫 emoji\u202e", "long" * 800, "nul\ufffd", "a\\b"}
SECRETS = {"SANDBOX_PASSWORD": "sandbox", "SANDBOX_SECRET": "sandbox-secret"}
OVERALL = {"tickets", "tickets_all", "ticket_fields", "ticket_field_options"}


def change(origin, path, body):
    request = urllib.request.Request(f"{origin}/__change/{path}", json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def add_sources(home, origin, *names):
    for name in names:
        if name == "help-desk":
            home.source(name, "udesk", origin, secret=Toml('{ env = "SANDBOX_SECRET" }'))
        else:
            home.source(name, "kf5", origin, password=Toml('{ env = "SANDBOX_PASSWORD" }'))


@pytest.fixture
def views(home):
    """→ a function that loads `views.sql` from the lake's folder, as an analyst does."""
    before = os.getcwd()

    def load():
        os.chdir(home.lake)
        connection = duckdb.connect()
        connection.execute((home.lake / "views.sql").read_text(encoding="utf-8"))
        return connection

    yield load
    os.chdir(before)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def columns(connection, view):
    return [row[0] for row in connection.execute(f"DESCRIBE {quoted(view)}").fetchall()]


def view_of(source):
    return "tickets_all (source)" if source == "all" else f"tickets_{source}"


def same_rows(connection, source):
    """Every custom column of the view holds what the files hold, under a name that tells which it is."""
    files = f"read_parquet('tickets/source={source}/**/*.parquet', hive_partitioning = false)"
    labels = dict(connection.execute("SELECT column_name, label FROM ticket_fields WHERE source = ?", [source]).fetchall())
    stored = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {files}").fetchall()]
    shown = columns(connection, view_of(source))
    # Both keep one order, so the custom columns stand side by side.
    custom = [at for at, name in enumerate(stored) if name.startswith("cf_")]
    assert custom and len(shown) == len(stored) + 2
    assert len({name.encode().lower() for name in shown}) == len(shown), "DuckDB would rename one of two equal names"
    checks = []
    for at in custom:
        name, column = shown[at], stored[at]
        label = (labels.get(column.removesuffix("__raw")) or "").replace("\x00", "\ufffd")
        field = column.removesuffix("__raw").removeprefix("cf_")
        assert name.startswith(label if label.strip() else field), (name, column)
        checks.append(f"count(*) FILTER (v.{quoted(name)} IS DISTINCT FROM f.{quoted(column)})")
    differing = connection.execute(f"SELECT {', '.join(checks)} FROM {quoted(view_of(source))} v JOIN {files} f USING (id)").fetchone()
    assert not any(differing), [(shown[at], stored[at]) for at, count in zip(custom, differing) if count]
    return shown


def told_apart(connection, source, shown):
    """A label that two fields have, or that is a column of all tickets, is followed by the field's name."""
    fields = connection.execute("SELECT field_name, label FROM ticket_fields WHERE source = ?", [source]).fetchall()
    for field, label in fields:
        if label in ("same", "SAME", "STATUS", "source", "_deleted_at", "created_month"):
            assert any(name.startswith(f"{label} ({field})") for name in shown), (field, label)


def comments(connection, view):
    rows = connection.execute("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = ?", [view]).fetchall()
    return dict(rows)


def keys_are_told(connection):
    """Comments say where the vendor has a value, in the documented key, and which field a custom column is of."""
    support, shop, whole = comments(connection, "tickets_9_x"), comments(connection, "tickets_help-desk"), comments(connection, "tickets")
    for column, kf5, udesk in (("subject", "title", "subject"), ("channel", "source", "platform"), ("assigned_at", "assigneed_at", None), ("slax_id", "slax.id", None)):
        udesk = f"`{udesk}" if udesk else "none"
        assert f"Vendor key: `{kf5}`" in support[column] and f"Vendor key: {udesk}" in shop[column], (support[column], shop[column])
        assert f"`{kf5}`" in whole[column] and "(kf5); " + udesk in whole[column] and "(udesk)" in whole[column], whole[column]
    assert "Vendor key" not in support["_synced_at"] and "Vendor key: custom field field_" in support['a"b'], support['a"b']
    fields = connection.execute("SELECT field_name, column_name, label, vendor_type FROM ticket_fields WHERE source = '9_x'").fetchall()
    for field, column, label, of in fields:
        told = [text for text in support.values() if f"custom field {field} ({of}). Column {column} of" in text]
        shown = label.replace("\x00", "\ufffd").strip()
        assert told and all(text.startswith(shown or field) for text in told), (field, label, told)


@pytest.mark.folder
def test_hostile_labels_and_names(home, views):
    with sandbox(120) as origin:
        for vendor, key in (("kf5", "name"), ("udesk", "field_name")):
            names = [json.loads(line)[key] for line in lines(origin, f"{vendor}/fields")]
            for name, label in zip(names, LABELS):
                change(origin, f"{vendor}/fields", {"op": "rename", "name": name, "label": label})
        add_sources(home, origin, "all", "help-desk", "9_x")
        assert_complete(home.sync(env=SECRETS))
    connection = views()
    found = {row[0] for row in connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}
    assert found == OVERALL | {"tickets_all (source)", "tickets_help-desk", "tickets_9_x"}
    for source in ("all", "help-desk", "9_x"):
        shown = same_rows(connection, source)
        assert UNDISPUTED <= set(shown), UNDISPUTED - set(shown)
        assert not {"same", "SAME", "STATUS", "Created_Date"} & set(shown)
        told_apart(connection, source, shown)
    for view in found:
        uncommented = connection.execute("SELECT count(*) FROM duckdb_columns() WHERE table_name = ? AND comment IS NULL", [view]).fetchone()
        assert uncommented == (0,), view
        assert connection.execute("SELECT comment FROM duckdb_views() WHERE view_name = ?", [view]).fetchone()[0]
    assert connection.execute("SELECT source, count(*) FROM tickets GROUP BY ALL ORDER BY ALL").fetchall() == [("9_x", 120), ("all", 120), ("help-desk", 120)]
    keys_are_told(connection)
    plan = connection.execute("EXPLAIN SELECT count(*) FROM tickets WHERE created_date = current_date").fetchone()[1]
    assert "File Filters" in plan, plan


@pytest.mark.folder
@pytest.mark.parametrize("place", ["plain", "it's [1] a*b? {x,y}", "env=prod/desk=all"])
def test_the_views_load_from_anywhere(home, views, tmp_path, place):
    """`ticketlake views --absolute` names the files wherever the lake lies; without it the SQL is that of the lake's folder."""
    home.folder = tmp_path / place
    home.folder.mkdir(parents=True, exist_ok=True)
    with sandbox(40) as origin:
        add_sources(home, origin, "help-desk", "support")
        assert_complete(home.sync(env=SECRETS))
    os.chdir("/")
    told = home.run("views", "--absolute")
    assert told.code == 0, told
    connection = duckdb.connect()
    connection.execute(told.out)
    assert connection.execute("SELECT source, count(*), count(created_date) > 30 FROM tickets GROUP BY ALL ORDER BY ALL").fetchall() == [("help-desk", 40, True), ("support", 40, True)]
    assert connection.execute("SELECT count(*) > 10 FROM ticket_fields").fetchone() == (True,)
    assert run("views", "--lake", str(home.lake)).out == (home.lake / "views.sql").read_text(encoding="utf-8")
    one = home.run("views", "--absolute", "--source", "support", "--json")
    connection = duckdb.connect()
    connection.execute(one.summary["sql"])
    assert connection.execute("SELECT DISTINCT source FROM tickets").fetchall() == [("support",)]


@pytest.mark.folder
def test_views_follow_the_lake(home, views):
    with sandbox(60) as origin:
        add_sources(home, origin, "help-desk", "support")
        assert_complete(home.sync(env=SECRETS))
        written = (home.lake / "views.sql").stat()
        assert_complete(home.sync(env=SECRETS))
        again = (home.lake / "views.sql").stat()
        assert (again.st_ino, again.st_mtime_ns) == (written.st_ino, written.st_mtime_ns), "nothing new was said, but the file was replaced"

        field = json.loads(lines(origin, "kf5/fields")[0])["name"]
        change(origin, "kf5/fields", {"op": "rename", "name": field, "label": "新名字"})
        deleted = json.loads(change(origin, "udesk", {"op": "delete", "count": 5, "seed": 1}))
        # One source fails, and only one is asked for: the views are of all all the same.
        assert home.sync("--full", "--source", "help-desk", "--source", "support", "--accept-deletes", env={**SECRETS, "SANDBOX_PASSWORD": "wrong"}).code == 4
        connection = views()
        counts = dict(connection.execute("SELECT source, count(*) FROM tickets GROUP BY ALL").fetchall())
        assert counts == {"help-desk": 55, "support": 60}, deleted
        assert connection.execute("SELECT count(*), count(_deleted_at) FROM tickets_all").fetchone() == (120, 5)
        assert connection.execute('SELECT count(*) FROM "tickets_help-desk"').fetchone() == (55,)
        assert_complete(home.sync("--source", "support", env=SECRETS))
        assert "新名字" in same_rows(views(), "support")


@pytest.mark.folder
def test_a_lake_with_nothing_in_it(home, views):
    with sandbox(0) as origin:
        add_sources(home, origin, "support")
        home.lake_settings = {"partition": "month"}
        assert home.sync(env={**SECRETS, "SANDBOX_PASSWORD": "wrong"}).code == 4
        connection = views()
        assert connection.execute("SELECT count(*) FROM tickets").fetchone() == (0,)
        empty = columns(connection, "tickets_all")
        assert_complete(home.sync(env=SECRETS))
        assert set(empty) < set(columns(views(), "tickets_all")) == set(empty) | {"created_month"}


@pytest.mark.folder
def test_the_demo_tells_what_duckdb_tells(home, views):
    told = run("demo", "--tickets", "400", "--dir", str(home.folder))
    assert told.code == 0, told
    table = [re.split(r"  +", line.strip()) for line in told.out.splitlines()]

    connection = views()
    questions = {
        "statuses": "SELECT source, status, count(*) FROM tickets WHERE status IS NOT NULL GROUP BY ALL",
        "days": "SELECT created_date::VARCHAR, count(*) FROM tickets WHERE created_date IS NOT NULL GROUP BY ALL ORDER BY ALL DESC LIMIT 14",
        "shop": 'SELECT "问题类型", count(*) FROM tickets_shop WHERE "问题类型" IS NOT NULL GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT 6',
        "support": 'SELECT "问题类型", count(*) FROM tickets_support WHERE "问题类型" IS NOT NULL GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT 6',
    }
    for name, question in questions.items():
        rows = connection.execute(question).fetchall()
        assert rows, name
        for *words, count in rows:
            wanted = [*words, f"{count:,}"]
            assert any(line[: len(wanted)] == wanted for line in table), (name, wanted, told)
    service = """
        SELECT priority, count(*), median(epoch_us(resolved_at) - epoch_us(created_at)) / 3.6e9, 100 * avg((NOT sla_breached)::INT), avg(satisfaction_score)
        FROM tickets WHERE priority IS NOT NULL GROUP BY ALL HAVING count(sla_breached) + count(satisfaction_score) > 0
    """
    for priority, count, hours, kept, rating in connection.execute(service).fetchall():
        line = next(line for line in table if line[:2] == [priority, f"{count:,}"])
        shown = [None if cell == "–" else float(cell.removesuffix(" %").replace(",", "")) for cell in line[2:5]]
        for is_shown, wanted, near in zip(shown, (hours, kept, rating), (0.051, 0.51, 0.0051)):
            assert (is_shown is None) == (wanted is None) and (wanted is None or abs(is_shown - wanted) <= near), (line, hours, kept, rating)


def files_read(connection, query):
    """How many files DuckDB opens for it."""
    told = "".join(row[1] for row in connection.execute(f"EXPLAIN ANALYZE {query}").fetchall())
    return sum(map(int, re.findall(r"Total Files Read: (\d+)", told)))


@pytest.mark.folder
@pytest.mark.parametrize("partition, key, of", [("day", "created_date", "DATE"), ("month", "created_month", "VARCHAR")])
def test_a_ticket_without_created_at_leaves_questions_to_the_partition_as_they_are(home, views, partition, key, of):
    """The column is of one type and null where nothing is known, and a filter on it opens the files that it matches."""
    state = account("kf5", 1600, SEED, undated=0.02)  # of 32 days
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        home.lake_settings = {"partition": partition}
        assert_complete(home.sync())
    connection = views()
    counts = Counter(expectation_of(state, "kf5", partition=partition).partitions.values())
    undated = counts.pop(NO_DATE)
    value = min(counts)
    assert undated and len(counts) > 1
    for view in ("tickets", "tickets_all", "tickets_shop"):
        found = connection.execute(f"SELECT {key}::VARCHAR, count(*) FROM {view} GROUP BY ALL").fetchall()
        assert dict(found) == {**counts, None: undated}
        assert [row[1] for row in connection.execute(f"DESCRIBE {view}").fetchall() if row[0] == key] == [of]
        for matching, where in ((1, f"{key} = '{value}'"), (1, f"{key} IS NULL"), (len(counts) - 1, f"{key} > '{value}'"), (len(counts), f"{key} >= '{value}'")):
            assert files_read(connection, f"SELECT count(DISTINCT subject) FROM {view} WHERE {where}") == matching, (view, where)
    assert len(whole_lake(home.lake)) == sum(counts.values()) + undated


@pytest.mark.folder
@pytest.mark.skipif(duckdb.__version__.startswith("1.4."), reason="this is the run in DuckDB 1.4")
def test_all_of_this_in_duckdb_1_4():
    """The oldest DuckDB that is promised; `make test` installs it beside the newest."""
    place = Path(sys.prefix) / "duckdb-1.4"
    assert place.is_dir(), f"{place} is missing: `make .venv/ready` makes it"
    again = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(again, env={**os.environ, "PYTHONPATH": str(place)}, capture_output=True, text=True)
    assert done.returncode == 0 and "1 skipped" in done.stdout, done.stdout[-5000:] + done.stderr[-2000:]
