"""`ticketlake report --json` against plain SQL on the same lake: DuckDB is asked the same questions in its own words."""

import datetime
import json
import re
import shutil
import unicodedata
import zoneinfo

import duckdb
import pytest

from conftest import assert_complete
from program import Home, Toml, run
from test_sandbox import lines, sandbox
from test_views import LABELS, SECRETS, add_sources, change, quoted

DONE = "('solved', 'resolved', 'closed')"
WINDOW = ("2026-03-10", "2026-06-05")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A lake of two sources with hostile labels, some tickets of which are gone at their source."""
    home = Home(tmp_path_factory.mktemp("desk"), lake_settings={"partition": "month"})
    with sandbox(700) as origin:
        for vendor, key in (("kf5", "name"), ("udesk", "field_name")):
            names = [json.loads(line)[key] for line in lines(origin, f"{vendor}/fields")]
            for name, label in zip(names, ["</script><script>alert(1)</script>", "问题类型", *LABELS]):
                change(origin, f"{vendor}/fields", {"op": "rename", "name": name, "label": label})
        add_sources(home, origin, "help-desk", "support")
        assert_complete(home.sync(env=SECRETS))
        change(origin, "udesk", {"op": "delete", "count": 5, "seed": 1})
        change(origin, "kf5", {"op": "delete", "count": 7, "seed": 1})
        assert_complete(home.sync("--full", "--accept-deletes", env=SECRETS))
    return home


def told(home, *arguments):
    done = home.run("report", "--json", *arguments)
    assert done.code == 0, done
    return done.summary


@pytest.fixture
def lake(desk):
    """→ a function that opens the lake in DuckDB, with the view `t` of what a report with these options is about."""

    def load(since=None, until=None, source=None):
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'Asia/Shanghai'")
        conditions = ["true"]
        conditions += [f"created_at >= TIMESTAMPTZ '{since} 00:00:00+08'"] if since else []
        conditions += [f"created_at < TIMESTAMPTZ '{until} 00:00:00+08'"] if until else []
        conditions += [f"source = '{source}'"] if source else []
        files = f"read_parquet('{desk.lake}/tickets/**/*.parquet', hive_partitioning = true, union_by_name = true)"
        connection.execute(f"CREATE VIEW everything AS SELECT * FROM {files} WHERE {' AND '.join(conditions)}")
        connection.execute("CREATE VIEW t AS SELECT * FROM everything WHERE _deleted_at IS NULL")
        return connection

    return load


def near(a, b):
    return (a is None) == (b is None) and (a is None or abs(a - b) <= 1e-6 * max(1, abs(b)))


MEASURES = f"""
    count(*), count(*) FILTER (status NOT IN {DONE}), count(status),
    count(assigned) FILTER (assigned >= 0), median(assigned) FILTER (assigned >= 0), quantile_cont(assigned, 0.9) FILTER (assigned >= 0), count(*) FILTER (assigned < 0),
    count(resolved) FILTER (resolved >= 0), median(resolved) FILTER (resolved >= 0), quantile_cont(resolved, 0.9) FILTER (resolved >= 0), count(*) FILTER (resolved < 0),
    count(*) FILTER (NOT sla_breached), count(*) FILTER (sla_breached),
    count(*) FILTER (satisfaction_label IS NOT NULL OR satisfaction_score IS NOT NULL), count(satisfaction_score), avg(satisfaction_score)
"""
TIMED = "(SELECT *, (epoch_us(assigned_at) - epoch_us(created_at)) / 1e6 AS assigned, (epoch_us(resolved_at) - epoch_us(created_at)) / 1e6 AS resolved FROM t)"


def same_figures(figures, row):
    tickets, still_open, statuses, a_n, a_median, a_p90, a_before, r_n, r_median, r_p90, r_before, kept, breached, rated, scored, mean = row
    assert figures["tickets"] == tickets
    assert figures["open"] == (still_open if statuses else None)
    for name, count, median, p90, before in (("first_assignment", a_n, a_median, a_p90, a_before), ("resolution", r_n, r_median, r_p90, r_before)):
        times = figures[name]
        if count + before == 0:
            assert times is None, (name, times)
            continue
        assert (times["tickets"], times["before_creation"]) == (count, before), name
        assert near(times["median_seconds"], median) and near(times["p90_seconds"], p90), (name, times, median, p90)
    if kept + breached:
        assert (figures["sla"]["kept"], figures["sla"]["breached"]) == (kept, breached)
        assert near(figures["sla"]["attainment"], kept / (kept + breached))
    else:
        assert figures["sla"] is None
    if rated:
        assert (figures["satisfaction"]["rated"], figures["satisfaction"]["scored"]) == (rated, scored)
        assert near(figures["satisfaction"]["mean"], mean)
    else:
        assert figures["satisfaction"] is None


CASES = {
    "all": ((), {}),
    "window": (("--since", WINDOW[0], "--until", WINDOW[1]), {"since": WINDOW[0], "until": WINDOW[1]}),
    "since": (("--since", WINDOW[1]), {"since": WINDOW[1]}),
    "one source": (("--source", "help-desk"), {"source": "help-desk"}),
    "nothing": (("--since", "2031-01-01"), {"since": "2031-01-01"}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_figure_is_that_of_sql(desk, lake, case):
    arguments, options = CASES[case]
    report, sql = told(desk, *arguments), lake(**options)
    all_of = lambda question: sql.execute(question).fetchall()
    assert report["timezone"] == "Asia/Shanghai" and report["group_by"] is None and report["groups"] is None
    assert report["deleted"] == all_of("SELECT count(_deleted_at) FROM everything")[0][0]
    if case == "all":
        assert report["deleted"] == 12

    same_figures(report["all"], all_of(f"SELECT {MEASURES} FROM {TIMED}")[0])
    for source in report["sources"]:
        same_figures(source, all_of(f"SELECT {MEASURES} FROM {TIMED} WHERE source = '{source['name']}'")[0])

    volume = report["volume"]
    assert [(day["date"], day["tickets"]) for day in volume["days"]] == all_of(
        "SELECT strftime(created_at, '%Y-%m-%d'), count(*) FROM t WHERE created_at IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    hours = {(day, hour): count for day, hours in enumerate(volume["weekday_hours"], 1) for hour, count in enumerate(hours) if count}
    assert hours == {(day, hour): count for day, hour, count in all_of("SELECT isodow(created_at), hour(created_at), count(*) FROM t WHERE created_at IS NOT NULL GROUP BY ALL")}
    assert volume["undated"] == all_of("SELECT count(*) FROM t WHERE created_at IS NULL")[0][0]

    same_backlog(report, sql, options.get("until"))

    standings = {(row["source"], row["status"], row["priority"]): row["tickets"] for row in report["standings"]}
    assert standings == {row[:3]: row[3] for row in all_of("SELECT source, status, priority, count(*) FROM t GROUP BY ALL")}

    policies = {row["policy"]: (row["tickets"], row["kept"], row["breached"]) for row in report["sla"] or []}
    assert policies == {row[0]: row[1:] for row in all_of(
        "SELECT slax_title, count(*), count(*) FILTER (NOT sla_breached), count(*) FILTER (sla_breached) FROM t WHERE slax_title IS NOT NULL OR sla_breached IS NOT NULL GROUP BY ALL"
    )}
    pauses = {row["reason"]: (row["tickets"], row["paused"]) for row in report["pauses"] or []}
    assert pauses == {row[0]: row[1:] for row in all_of(
        "SELECT sla_pause_reason, count(*), count(*) FILTER (sla_paused) FROM t WHERE sla_pause_reason IS NOT NULL OR sla_paused IS NOT NULL GROUP BY ALL"
    )}

    same_satisfaction(report["satisfaction"], all_of)
    same_choices(report, all_of)
    same_filling(report, sql)


def same_backlog(report, sql, until):
    backlog = report["backlog"]
    sql.execute(f"""
        CREATE TEMP TABLE f AS SELECT source, created_at::DATE AS made, greatest(least(resolved_at, closed_at), created_at)::DATE AS ended_on, least(resolved_at, closed_at) IS NOT NULL AS has_end,
        coalesce(status IN {DONE}, false) AS done FROM t WHERE created_at IS NOT NULL
    """)
    silent = [name for (name,) in sql.execute("SELECT source FROM f GROUP BY ALL HAVING NOT bool_or(has_end) AND bool_or(done) ORDER BY ALL").fetchall()]
    assert backlog["unknown_sources"] == silent
    sql.execute("DELETE FROM f WHERE list_contains(?, source)", [silent])
    assert backlog["end_unknown"] == sql.execute("SELECT count(*) FROM f WHERE done AND NOT has_end").fetchone()[0]
    sql.execute("DELETE FROM f WHERE done AND NOT has_end")
    days = sql.execute("""
        WITH days AS (SELECT made AS day FROM f UNION SELECT ended_on FROM f WHERE has_end)
        SELECT strftime(day, '%Y-%m-%d'), (SELECT count(*) FROM f WHERE made = day), (SELECT count(*) FROM f WHERE has_end AND ended_on = day),
        (SELECT count(*) FROM f WHERE made <= day AND NOT (has_end AND ended_on <= day)) FROM days ORDER BY 1
    """).fetchall()
    days = [day for day in days if until is None or day[0] < until]
    assert [tuple(day.values()) for day in backlog["days"] or []] == days
    assert days or backlog["days"] is None


def same_satisfaction(told, all_of):
    rated = "(satisfaction_label IS NOT NULL OR satisfaction_score IS NOT NULL)"
    words = {(label, score): count for label, score, count in all_of(f"SELECT satisfaction_label, satisfaction_score, count(*) FROM t WHERE {rated} GROUP BY ALL")}
    if not words:
        assert told is None
        return
    assert {(word["label"], word["score"]): word["tickets"] for word in told["words"]} == words
    for key, id_column, name_column in (("groups", "group_id", "group_name"), ("assignees", "assignee_id", "assignee_name")):
        wanted = all_of(f"""
            SELECT source, {id_column}, CASE WHEN {id_column} IS NULL THEN {name_column} END AS alone, count(*), count(*) FILTER {'(WHERE ' + rated + ')'},
            avg(satisfaction_score) FROM t GROUP BY ALL HAVING count(*) FILTER (WHERE {rated}) > 0
        """)
        shown = {(row["source"], row["id"], row["name"] if row["id"] is None else None): (row["tickets"], row["rated"], row["mean"]) for row in told[key]}
        assert shown.keys() == {row[:3] for row in wanted}
        for row in wanted:
            tickets, count, mean = shown[row[:3]]
            assert (tickets, count) == row[3:5] and near(mean, row[5]), row


def top(told):
    return [(value["value"], value["tickets"]) for value in told["values"]]


def same_top(told, rows):
    assert top(told) == sorted(rows, key=lambda row: (-row[1], row[0].encode()))[:100]
    assert told["distinct"] == len(rows)


def same_choices(report, all_of):
    same_top(report["tags"], all_of("SELECT tag, count(*) FROM (SELECT unnest(list_distinct(tags)) AS tag FROM t) GROUP BY ALL"))
    assert report["tags"]["tickets"] == all_of("SELECT count(*) FROM t WHERE len(tags) > 0")[0][0]
    assert report["options"] and any(option["values"] for option in report["options"]) or report["all"]["tickets"] == 0
    for option in report["options"]:
        column, of = quoted(option["column"]), f"t WHERE source = '{option['source']}'"
        is_list = all_of(f"SELECT typeof(any_value({column})) FROM t")[0][0] == "VARCHAR[]"
        # A path is told from root to leaf, a set by its elements: which it is shows in what is told.
        whole = all_of(f"SELECT array_to_string({column}, ' / '), count(*) FROM {of} AND len({column}) > 0 GROUP BY ALL") if is_list else []
        if is_list and top(option) == sorted(whole, key=lambda row: (-row[1], row[0].encode()))[:100]:
            continue
        if is_list:
            same_top(option, all_of(f"SELECT v, count(*) FROM (SELECT unnest(list_distinct({column})) AS v FROM {of}) WHERE v IS NOT NULL GROUP BY ALL"))
        else:
            same_top(option, all_of(f"SELECT {column}::VARCHAR, count(*) FROM {of} AND {column} IS NOT NULL GROUP BY ALL"))


def filling(column, of):
    is_filled = f"{column} <> ''" if of == "VARCHAR" else f"len({column}) > 0" if of.endswith("[]") else f"{column} IS NOT NULL"
    return f"count(*) FILTER (WHERE {is_filled})"


def same_filling(report, sql):
    types = dict(sql.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 't'").fetchall())
    assert len(report["fields"]) > 60
    for source in {field["source"] for field in report["fields"]}:
        fields = [field for field in report["fields"] if field["source"] == source]
        filled = [filling(quoted(field["column"]), types[field["column"]]) for field in fields]
        tickets, *counts = sql.execute(f"SELECT count(*), {', '.join(filled)} FROM t WHERE source = ?", [source]).fetchone()
        assert [(field["column"], field["filled"]) for field in fields] == [(field["column"], count) for field, count in zip(fields, counts)]
        assert all(near(field["share"], field["filled"] / tickets if tickets else None) for field in fields)
    for rescued in report["rescued"]:
        rows = sql.execute("SELECT _rescued FROM t WHERE _rescued IS NOT NULL AND source = ?", [rescued["source"]]).fetchall()
        assert rescued["tickets"] == len(rows)
        keys = {}
        for (text,) in rows:
            for key, value in json.loads(text).items():
                for name in [f"custom_fields.{inner}" for inner in value] if key == "custom_fields" and isinstance(value, dict) else [key]:
                    keys[name] = keys.get(name, 0) + 1
        assert rescued["by_key"] == keys


def group_cases(desk):
    """What to group by, and the same in SQL, by source."""
    connection = duckdb.connect()
    fields = connection.execute(f"SELECT source, column_name, label FROM read_parquet('{desk.lake}/ticket_fields/**/*.parquet', hive_partitioning = true)").fetchall()
    columns = {source: column for source, column, label in fields if label == "问题类型"}
    assert len(columns) == 2
    by_label = "CASE source " + " ".join(f"WHEN '{source}' THEN {quoted(column)}::VARCHAR" for source, column in columns.items()) + " END"
    only = columns["support"]
    return [
        ("priority", "priority"),
        ("assignee_id", "assignee_id::VARCHAR"),
        ("source", "source"),
        ("问题类型", by_label),
        (only, f"CASE source WHEN 'support' THEN {quoted(only)}::VARCHAR END"),
        ("</script><script>alert(1)</script>", None),
    ]


def test_groups_are_those_of_sql(desk, lake):
    for asked, expression in group_cases(desk):
        report, sql = told(desk, "--group-by", asked), lake()
        assert report["group_by"]["asked"] == asked
        if expression is None:
            columns = report["group_by"]["columns"]
            labels = sql.execute(f"SELECT source, column_name FROM read_parquet('{desk.lake}/ticket_fields/**/*.parquet', hive_partitioning = true) WHERE label = ?", [asked]).fetchall()
            assert columns == dict(labels)
            continue
        rows = sql.execute(f"SELECT {expression} AS g, {MEASURES} FROM {TIMED} GROUP BY ALL").fetchall()
        groups = report["groups"]
        assert groups["distinct"] == len(rows)
        wanted = {row[0]: row[1:] for row in rows}
        assert [group["tickets"] for group in groups["shown"]] == sorted((row[1] for row in rows), reverse=True)[:100]
        for group in groups["shown"]:
            same_figures(group, wanted[group["value"]])
        same_figures(report["all"], sql.execute(f"SELECT {MEASURES} FROM {TIMED}").fetchone())


def test_a_ticket_is_in_the_group_of_each_of_its_tags(desk, lake):
    groups = {group["value"]: group["tickets"] for group in told(desk, "--group-by", "tags")["groups"]["shown"]}
    sql = lake()
    wanted = dict(sql.execute("SELECT tag, count(*) FROM (SELECT unnest(list_distinct(tags)) AS tag FROM t) GROUP BY ALL").fetchall())
    wanted[None] = sql.execute("SELECT count(*) FROM t WHERE tags IS NULL OR len(tags) = 0").fetchone()[0]
    assert groups == wanted


def test_the_last_days_are_compared_with_those_before(desk, lake):
    report, sql = told(desk), lake()
    recent = report["recent"]
    assert recent["days"] == 30 and recent["until"] == report["as_of"]
    same = lambda figures, since, until: same_figures(figures, sql.execute(
        f"SELECT {MEASURES} FROM {TIMED} WHERE created_at >= TIMESTAMPTZ '{since} 00:00:00+08' AND created_at < TIMESTAMPTZ '{until} 00:00:00+08'"
    ).fetchone())
    since = datetime.date.fromisoformat(recent["since"])
    same(recent["figures"], since, recent["until"])
    same(recent["before"], since - datetime.timedelta(days=30), since)
    assert recent["figures"]["tickets"] and told(desk, "--since", WINDOW[0])["recent"] is None


def test_people_have_names_where_the_lake_knows_them(desk, lake):
    """Tickets of KF5 have only ids; the small tables beside them have the names."""
    folders = [desk.lake / table / "source=support" for table in ("groups", "users")]
    had = {folder: folder.exists() for folder in folders}
    if any(had.values()):
        pytest.skip("a run writes these tables itself")
    try:
        for folder, id_column in zip(folders, ("group_id", "assignee_id")):
            folder.mkdir(parents=True)
            ids = lake(source="support").execute(f"SELECT DISTINCT {id_column} FROM t WHERE {id_column} IS NOT NULL ORDER BY 1").fetchall()
            rows = ", ".join(f"({number}::BIGINT, 'name {number}')" for (number,) in ids[1:])
            duckdb.execute(f"COPY (SELECT * FROM (VALUES {rows}) v(id, name)) TO '{folder}/part-0.parquet' (FORMAT parquet, COMPRESSION zstd)")
        satisfaction = told(desk, "--source", "support")["satisfaction"]
        for people in (satisfaction["groups"], satisfaction["assignees"]):
            nameless = min(row["id"] for row in people if row["id"] is not None)
            assert all(row["name"] == (None if row["id"] in (nameless, None) else f"name {row['id']}") for row in people), people
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def test_fields_tells_the_same_of_what_is_filled(desk):
    report = {(field["source"], field["column"]): field["filled"] for field in told(desk)["fields"]}
    fields = desk.run("fields", "--all", "--json").summary["sources"]
    fields = {(source["name"], field["column_name"]): field["filled_tickets"] for source in fields for field in source["fields"] + source["columns"]}
    assert len(report) > 60 and report.items() <= fields.items(), report.items() - fields.items()


def test_days_by_name(desk):
    today = datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Shanghai")).date()
    ago = lambda days: str(today - datetime.timedelta(days=days))
    for arguments, window in ((("--last", "7d"), (ago(7), ago(0))), (("--last", "2w"), (ago(14), ago(0))), (("--since", "yesterday"), (ago(1), None)), (("--since", "yesterday", "--until", "today"), (ago(1), ago(0)))):
        report = told(desk, *arguments)
        # Midnight may have passed between the two.
        assert (report["since"], report["until"]) == window or datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Shanghai")).date() != today
    for wrong in (["--last", "7"], ["--last", "0d"], ["--last", "7d", "--since", "today"], ["--since", "tomorrow"], ["--lang", "de"]):
        assert desk.run("report", *wrong).code == 2, wrong


def test_words_get_a_rank_by_the_configuration(desk, lake):
    """A scale ranks words that the vendor does not document; documented ranks stay."""
    ratings = told(desk, "--source", "support")["all"]["satisfaction"]
    assert ratings["scored"] < ratings["rated"]
    assert "rating_scale" in desk.run("report", "--source", "support").out
    support = next(source for source in desk.sources if source["name"] == "support")
    support["rating_scale"] = Toml("{ Great = 5, Excellent = 1 }")
    try:
        scaled = told(desk, "--source", "support")
        great, *_ = lake().execute("SELECT count(*) FROM t WHERE satisfaction_label = 'Great'").fetchone()
        assert scaled["all"]["satisfaction"]["scored"] == ratings["scored"] + great > ratings["scored"]
        words = {word["label"]: word["score"] for word in scaled["satisfaction"]["words"]}
        assert (words["Great"], words["Excellent"]) == (5, 5)
        assert "rating_scale" not in desk.run("report", "--source", "support").out
        support["rating_scale"] = Toml("{ Great = 6 }")
        wrong = desk.run("report")
        assert wrong.code == 2 and "rating_scale" in wrong.err and "`Great`" in wrong.err, wrong
    finally:
        del support["rating_scale"]


def test_a_report_in_chinese(desk):
    english, chinese = desk.run("report").out, desk.run("report", "--lang", "zh").out
    assert "Help desk report" in english and "客服工单报告" in chinese
    assert "SLA 达标率" in chinese and not re.search(r"\b(tickets|median|percentile|not known)\b", chinese), chinese
    assert re.search(r"\d{4}年\d{1,2}月\d{1,2}日", chinese) and "(Asia/Shanghai)" not in chinese
    for text in (english, chinese):
        wide = [line for line in text.split("\n") if width(line) > 80 and str(desk.lake) not in line]
        assert not wide, wide
    desk.lake_settings["language"] = "zh"
    try:
        assert "客服工单报告" in desk.run("report").out and "Help desk report" in desk.run("report", "--lang", "en").out
        desk.lake_settings["language"] = "fr"
        wrong = desk.run("report")
        assert wrong.code == 2 and '"zh"' in wrong.err, wrong
    finally:
        del desk.lake_settings["language"]
    titled = desk.run("report", "--title", "Week 23\x1b[31m")
    assert titled.out.startswith("Week 23 [31m\n"), titled.out[:80]


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def test_what_cannot_be_asked_is_told(desk):
    for arguments, words in (
        (["--group-by", "prioriti"], ["did you mean `priority`?"]),
        (["--group-by", "created_at"], ["moment"]),
        (["--group-by", "same"], ["several fields", "cf_"]),
        (["--since", "2026-1-1"], ["2024-01-31"]),
        (["--since", "2026-01-02", "--until", "2026-01-02"], ["is not before"]),
        (["--source", "nobody"], ["nobody", "help-desk"]),
    ):
        done = desk.run("report", *arguments)
        assert done.code == 2 and all(word in done.err for word in words) and not done.out, (arguments, done)


def test_no_tickets_and_no_lake(home):
    home.source("shop", "udesk", "http://127.0.0.1:9")
    none = home.run("report")
    assert none.code == 2 and "there is no lake" in none.err and str(home.lake) in none.err, none
    with sandbox(0) as origin:
        add_sources(home, origin, "help-desk")
        home.sources = [source for source in home.sources if source["name"] == "help-desk"]
        assert_complete(home.sync(env=SECRETS))
        report = told(home)
        assert report["all"] == {"tickets": 0, "open": None, "first_assignment": None, "resolution": None, "sla": None, "satisfaction": None}
        assert report["backlog"]["days"] is None and report["sla"] is None and report["volume"]["days"] == []
        assert all(field["share"] is None for field in report["fields"])
        plain = home.run("report")
        assert plain.code == 0 and "not known" in plain.out and "\x1b" not in plain.out, plain


def test_one_ticket_of_a_vendor_without_agreements(home):
    with sandbox(1) as origin:
        add_sources(home, origin, "help-desk")
        assert_complete(home.sync(env=SECRETS))
        report = told(home)
        assert report["all"]["tickets"] == 1 and report["all"]["sla"] is None and report["all"]["resolution"] is None
        plain = home.run("report").out
        assert "Not known: no ticket has an SLA." in plain and "Not known: no ticket was rated." in plain, plain


@pytest.mark.folder
def test_a_damaged_file_is_named(home):
    with sandbox(5) as origin:
        add_sources(home, origin, "support")
        assert_complete(home.sync(env=SECRETS))
    file = next(home.lake.glob("tickets/**/*.parquet"))
    content = bytearray(file.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    file.write_bytes(content)
    done = home.run("report")
    assert done.code == 6 and file.name in done.err, done


def test_the_lake_alone_is_enough(desk):
    done = run("report", "--lake", str(desk.lake), "--json", cwd=desk.folder.parent)
    assert done.code == 0 and done.summary["all"]["tickets"] == told(desk)["all"]["tickets"]


def test_a_large_file_is_read_in_parts(tmp_path):
    """Made by DuckDB, of few columns: what a file lacks is not known, and its 150,000 rows are each counted once."""
    folder = tmp_path / "lake/tickets/source=big/created_month=2026-03"
    folder.mkdir(parents=True)
    duckdb.execute(f"""
        COPY (
            SELECT i AS id, TIMESTAMPTZ '2026-02-28 16:00:00Z' + INTERVAL (i * 15) SECONDS AS created_at, ['new', 'closed', NULL][1 + i % 3] AS status,
            TIMESTAMPTZ '2026-02-28 16:00:00Z' + INTERVAL (i * 15 + i % 997) SECONDS AS resolved_at, CASE WHEN i % 1000 = 0 THEN TIMESTAMPTZ '2026-05-01 00:00:00Z' END AS _deleted_at,
            [('tag ' || i % 300)] AS tags FROM range(150000) r(i)
        ) TO '{folder}/part-0.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 16384)
    """)
    done = run("report", "--lake", str(tmp_path / "lake"), "--json", cwd=tmp_path)
    assert done.code == 0, done
    report, sql = done.summary, duckdb.connect()
    sql.execute(f"CREATE VIEW t AS SELECT *, epoch(resolved_at - created_at) AS spent FROM read_parquet('{folder}/*.parquet') WHERE _deleted_at IS NULL")
    assert (report["all"]["tickets"], report["deleted"]) == (149_850, 150)
    median, p90 = sql.execute("SELECT median(spent), quantile_cont(spent, 0.9) FROM t").fetchone()
    times = report["all"]["resolution"]
    assert times["tickets"] == 149_850 and near(times["median_seconds"], median) and near(times["p90_seconds"], p90)
    assert report["all"]["first_assignment"] is None and report["all"]["sla"] is None and report["sla"] is None
    days = sql.execute("SELECT strftime(created_at AT TIME ZONE 'Asia/Shanghai', '%Y-%m-%d'), count(*) FROM t GROUP BY ALL ORDER BY ALL").fetchall()
    assert [tuple(day.values()) for day in report["volume"]["days"]] == days
    assert report["tags"]["distinct"] == 300 and len(report["tags"]["values"]) == 100
