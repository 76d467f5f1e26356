"""A ``run.db`` of the older layout, one run in tables without ``run_id``, opens and goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from steelyard.core import Answer, Completion, Message, Record, Request, Usage
from steelyard.errors import StorageError
from steelyard.store.database import Store
from steelyard.store.tables import AskedModel, StoredCompletion, StoredRun

COMPLETION = (
    '{"batch_size":1,"cached_tokens":0,"failure":null,"finish_reason":"stop",'
    '"first_token_seconds":0.0,"input_tokens":7,"output_tokens":1,"probabilities":null,'
    '"spent":[["fake:smart",7,0,1,2.0]],"text":"BILLING","total_seconds":2.0}'
)
REQUEST = '{"messages":[["user","hello"]],"max_output_tokens":64}'
TABLES = """
CREATE TABLE meta (key VARCHAR NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE steps (
    name VARCHAR NOT NULL PRIMARY KEY, payload TEXT NOT NULL, seconds FLOAT NOT NULL);
CREATE TABLE completions (
    key VARCHAR(64) NOT NULL PRIMARY KEY, phase VARCHAR NOT NULL, model VARCHAR NOT NULL,
    request TEXT NOT NULL, completion TEXT NOT NULL, input_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    machine_seconds FLOAT NOT NULL);
CREATE INDEX ix_completions_phase ON completions (phase);
CREATE TABLE models (fingerprint VARCHAR NOT NULL PRIMARY KEY, name VARCHAR NOT NULL);
CREATE TABLE reused (key VARCHAR(64) NOT NULL PRIMARY KEY);
CREATE TABLE records (
    arm VARCHAR NOT NULL, example_id VARCHAR NOT NULL, position INTEGER NOT NULL,
    outcome VARCHAR NOT NULL, score FLOAT NOT NULL, scores TEXT NOT NULL, reason TEXT,
    output TEXT, reference TEXT NOT NULL, completion TEXT NOT NULL,
    PRIMARY KEY (arm, example_id));
"""
PHASE_KEYS = "CREATE TABLE phase_keys (phase VARCHAR, key VARCHAR(64), PRIMARY KEY (phase, key));"
ROWS = f"""
INSERT INTO meta VALUES
    ('identity', '{{"seed":0}}'), ('created', '"2026-01-02T03:04:05+00:00"'), ('attempts', '3'),
    ('elapsed:fit:a', '1.5'), ('elapsed:fit:b', '2.5'), ('notes:fake:smart', '["a note"]'),
    ('price:fake:smart', '{{"input":"1"}}'), ('memory:fake:smart:batch', '{{"id":1}}');
INSERT INTO steps VALUES ('fit:a', '{{"arms":["a"]}}', 9.0);
INSERT INTO completions VALUES
    ('k1', 'fit:a', 'fake:smart', '{REQUEST}', '{COMPLETION}', 7, 0, 1, 2.0),
    ('k2', 'test:a', 'fake:smart', '{REQUEST}', '{COMPLETION}', 7, 0, 1, 2.0);
INSERT INTO models VALUES ('fake:smart', 'smart');
INSERT INTO reused VALUES ('k2');
INSERT INTO records VALUES
    ('a', 'e2', 1, 'failed', 0.0, '{{"accuracy":0.0}}', 'too "long"', NULL, 'x', '{COMPLETION}'),
    ('a', 'e1', 0, 'scored', 1.0, '{{"accuracy":1.0}}', NULL, 'line
two', 'BILLING', '{COMPLETION}');
"""


def older(folder: Path, script: str) -> None:
    with closing(sqlite3.connect(folder / "run.db")) as database:
        database.executescript(script)


def test_an_older_run_is_all_there(tmp_path: Path) -> None:
    wants = "INSERT INTO phase_keys VALUES ('fit:a', 'k1'), ('fit:a', 'k2');"
    older(tmp_path, TABLES + PHASE_KEYS + ROWS + wants)
    store = Store.in_folder(tmp_path)
    completion = Completion(
        "BILLING",
        "stop",
        7,
        0,
        1,
        total_seconds=2.0,
        spent={"fake:smart": Usage(0, 7, 0, 1, machine_seconds=2.0)},
    )
    smart = AskedModel("fake:smart", "smart")
    assert store.run() == StoredRun("run", "", "2026-01-02T03:04:05+00:00", 3, {"seed": 0})
    assert store.completions(["k1", "k2"]) == {"k1": completion, "k2": completion}
    assert store.usage_by_model("fit:a") == {smart: Usage(2, 14, 0, 2, machine_seconds=4.0)}
    assert store.paid_by_model() == {smart: Usage(1, 7, 0, 1, machine_seconds=2.0)}
    assert store.reused() == 1
    assert store.notes("fake:smart") == ("a note",)
    assert (store.step("fit:a"), store.step_seconds("fit:a")) == ({"arms": ["a"]}, 9.0)
    assert (store.step("fit:b"), store.step_seconds("fit:b")) == (None, 2.5)
    assert store.metas("") == {
        "price:fake:smart": {"input": "1"},
        "memory:fake:smart:batch": {"id": 1},
    }
    assert store.records("a") == [
        Record(
            "a", "e1", "scored", 1.0, "BILLING", Answer("line\ntwo", completion), {"accuracy": 1.0}
        ),
        Record(
            "a", "e2", "failed", 0.0, "x", Answer(None, completion, 'too "long"'), {"accuracy": 0.0}
        ),
    ]
    store.close()


def test_an_older_run_goes_on(tmp_path: Path) -> None:
    older(tmp_path, TABLES + ROWS)  # from before phases noted what they want
    store = Store.in_folder(tmp_path)
    assert store.begin("tickets", {"seed": 0}).attempts == 4
    assert [usage.requests for usage in store.usage_by_model("fit:a").values()] == [1]
    row = StoredCompletion(
        "k3", "test:a", "fake:smart", Request((Message("user", "x"),)), Completion("y", "stop")
    )
    store.add_completions([row])
    store.close()
    again = Store.in_folder(tmp_path)
    assert again.usage().requests == 3
    assert again.run() == StoredRun("run", "tickets", "2026-01-02T03:04:05+00:00", 4, {"seed": 0})
    again.close()


def test_what_cannot_be_migrated_stays_as_it_was(tmp_path: Path) -> None:
    older(tmp_path, TABLES + ROWS + "DROP TABLE records; CREATE TABLE records (arm VARCHAR);")
    with pytest.raises(StorageError):
        Store.in_folder(tmp_path)
    with closing(sqlite3.connect(tmp_path / "run.db")) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        assert {"meta", "reused", "ix_completions_phase"} <= names
        assert not names & {"runs", "old_meta", "phase_keys"}
        assert database.execute("SELECT count(*) FROM completions").fetchone() == (2,)


def test_reading_a_former_run_migrates_nothing(tmp_path: Path) -> None:
    assert Store.of_former_run(tmp_path) is None
    older(tmp_path, TABLES + PHASE_KEYS + ROWS)
    assert Store.of_former_run(tmp_path) is None
    with closing(sqlite3.connect(tmp_path / "run.db")) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    assert "completions" in tables and "runs" not in tables
    Store.in_folder(tmp_path).close()
    store = Store.of_former_run(tmp_path)
    assert store is not None and store.run() is not None
    store.close()
