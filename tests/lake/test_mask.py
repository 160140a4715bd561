"""Masked columns: nothing of them in any file of the lake, by whichever way they came."""

import hashlib
import hmac
import json

import duckdb
import pytest

from conftest import SEED, add, assert_complete
from program import Toml
from sandbox import emulate
from watch import MASK_KEY as KEY
from worlds import account

ENV = {"CHECK_MASK": KEY}
KEYED = {"mask_key": Toml('{ env = "CHECK_MASK" }')}


def hashed(text):
    return hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def rows(home, columns, source="shop"):
    query = f"SELECT {columns} FROM read_parquet('{home.lake}/tickets/source={source}/**/*.parquet', hive_partitioning = true) ORDER BY ALL"
    return duckdb.sql(query).fetchall()


def plain(home, emulator, columns, name="plain"):
    """The same account without a mask, in a lake of its own."""
    add(home, "shop", emulator)
    done = home.run("--lake", str(home.folder / name), "sync", "--json")
    assert_complete(done)
    query = f"SELECT {columns} FROM read_parquet('{home.folder / name}/tickets/**/*.parquet', hive_partitioning = true) ORDER BY id"
    return duckdb.sql(query).fetchall()


def test_methods_twins_and_what_was_rescued(home):
    state = account("udesk", 400, SEED, chance=0.3)
    fields = {field["field_name"]: field for field in state.fields}
    select = next(name for name, field in fields.items() if field["content_type"] == "droplist")
    several = next(name for name, field in fields.items() if field["content_type"] == "checkbox")
    number = next(name for name, field in fields.items() if field["content_type"] == "number")
    columns = f'id, requester_email, requester_phone, requester_name, "cf_{select}", "cf_{select}__raw", "cf_{several}", "cf_{number}", assignee_id'
    mask = {"requester_email": "hash", "requester_phone": "redact", "requester_name": "drop", f"cf_{select}": "hash", f"cf_{several}": "hash", f"cf_{number}": "drop", "assignee_id": "redact"}
    with emulate("udesk", state) as emulator:
        was = plain(home, emulator, columns)
        whole = plain(home, emulator, "id, _rescued", "plain2")
        toml = "{ " + ", ".join(f'"{column}" = "{method}"' for column, method in mask.items()) + " }"
        add(home, "shop", emulator, mask=Toml(toml), **KEYED)
        assert_complete(home.sync(env=ENV))
        again = assert_complete(home.sync("--full", env=ENV))
        assert again.source("shop")["lake"]["files_written"] == 0, "the same key gives the same hashes"
        assert home.run("verify", "--against-source", env=ENV).code == 0
        pulled = home.run("pull", "--all", "--source", "shop", "--format", "ndjson", env=ENV)
        emails = {row["id"]: row["requester_email"] for row in map(json.loads, pulled.out.strip().split("\n"))}
        assert emails == {row[0]: None if row[1] is None else hashed(row[1]) for row in was}
    now = rows(home, columns)
    assert len(now) == len(was) == 400
    for before, after in zip(was, now):
        number_, email, phone, name, label, raw, labels, _, _ = before
        assert after[0] == number_
        assert after[1] == (None if email is None else hashed(email))
        assert after[2] == (None if phone is None else "***")
        assert after[3] is None and after[7] is None and after[8] is None
        assert after[4] == (None if label is None else hashed(label)) and after[5] == (None if raw is None else hashed(raw))
        assert after[6] == (None if labels is None else [None if one is None else hashed(one) for one in labels])
    assert sum(email is not None for _, email, *_ in was) > 100
    sent = {"user_email", "user_cellphone", "user", "assignee_id"}
    seen = 0
    for (_, before), (_, after) in zip(whole, rows(home, "id, _rescued")):
        before, after = json.loads(before or "{}"), json.loads(after or "{}")
        for key in sent & before.keys():
            seen += 1
            assert after.get(key) != before[key] or before[key] is None, (key, before, after)
        assert "user" not in after
        custom = before.get("custom_fields")
        for field in {select, number} & custom.keys() if isinstance(custom, dict) else ():
            seen += 1
            assert after.get("custom_fields", {}).get(field) != custom[field]
        kept = before.keys() - sent - {"custom_fields"}
        assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    assert seen > 5, "the account has too few awkward values to tell anything"
    assert home.run("verify", env=ENV).code == 0
    against = home.run("verify", "--against-source", "--json", env=ENV)
    assert against.code in (2, 3), "the source is gone"


def test_a_mask_that_comes_later_reaches_every_row(home):
    state = account("kf5", 300, SEED)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        gone = state.change("delete", 4)
        assert_complete(home.sync("--full"))
        subjects = dict(rows(home, "id, subject"))
        add(home, "shop", emulator, mask=["description"], **KEYED)
        planned = json.loads(home.run("plan", "--json", env=ENV).out)
        assert planned["sources"][0]["reading"] == "full" and "mask" in planned["sources"][0]["why"], planned
        done = assert_complete(home.sync(env=ENV))
        assert done.source("shop")["mode"] == "full"
        assert set(rows(home, "DISTINCT description")) <= {("***",), (None,)}
        add(home, "shop", emulator, mask=Toml('{ description = "drop", subject = "hash" }'), **KEYED)
        assert_complete(home.sync(env=ENV))
        now = dict(rows(home, "id, subject"))
        assert set(gone) <= now.keys(), "deleted tickets stay"
        assert now == {number: None if subject is None else hashed(subject) for number, subject in subjects.items()}
        assert rows(home, "count(description)") == [(0,)]
        assert home.sync(env=ENV).source("shop")["mode"] == "incremental"
        assert home.run("verify", "--against-source", env=ENV).code == 0
        # Without the mask everything is read again; what is gone from the source stays masked.
        add(home, "shop", emulator)
        assert_complete(home.sync())
        back = dict(rows(home, "id, subject"))
        assert all(back[number] == subjects[number] for number in subjects if number not in gone)
        assert all(back[number] != subjects[number] for number in gone if subjects[number] is not None)


@pytest.mark.parametrize("mask, word, code", [
    (Toml('["cf_no_such"]'), "cf_no_such", 3),
    (Toml('["requester_mail"]'), "did you mean `requester_email`", 2),
    (Toml('["id"]'), "id", 2),
    (Toml('{ requester_email = "hash" }'), "mask_key", 2),
    (Toml('{ requester_email = "md5" }'), "redact", 2),
])
def test_a_mask_that_cannot_be_applied_stops_before_anything_is_written(home, mask, word, code):
    with emulate("kf5", account("kf5", 40, SEED)) as emulator:
        add(home, "shop", emulator, mask=mask)
        done = home.sync()
        assert done.code == code and word in done.out + done.err, done
        assert not list(home.lake.rglob("*.parquet")), "something was written"
        doctor = home.run("doctor", "--json")
        assert doctor.code == code and word in doctor.out, doctor


def test_a_page_that_is_cut_off_is_not_quoted(home):
    with emulate("udesk", account("udesk", 40, SEED), {"broken_json": 1.0}) as emulator:
        add(home, "shop", emulator, mask=["requester_email"], max_retries=1)
        done = home.run("-vv", "sync", "--json")
        assert done.code == 3 and "not shown" in done.out, done
        assert "contents" not in done.out + done.err
