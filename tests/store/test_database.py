"""The store: what is committed comes back, unchanged and in order."""

from __future__ import annotations

import resource
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from steelyard.core import Answer, Completion, Message, Record, Request, Usage
from steelyard.errors import StorageError
from steelyard.store.database import Store
from steelyard.store.folder import locked
from steelyard.store.tables import AskedModel, StoredCompletion, dumps
from tests.store.conftest import NO_SERVER, POSTGRES, OpenStore


def stored(key: str, phase: str = "test:a", **fields: object) -> StoredCompletion:
    completion = Completion("BILLING", "choice", **fields)  # type: ignore[arg-type]
    return StoredCompletion(key, phase, "fake", Request((Message("user", key),)), completion)


def test_completions_survive_reopening(open_store: OpenStore) -> None:
    row = stored("k1", input_tokens=7, probabilities={"BILLING": 0.1 + 0.2})
    store = open_store()
    store.add_completions([row])
    store.close()
    again = open_store()
    assert again.completions(["k1", "absent"]) == {"k1": row.completion}


def test_many_keys_are_found(store: Store) -> None:
    store.add_completions([stored(f"k{i}") for i in range(1203)])
    assert len(store.completions(f"k{i}" for i in range(1500))) == 1203


def test_usage_adds_up_per_phase(store: Store) -> None:
    timing = {"total_seconds": 2.0, "batch_size": 4}
    store.add_completions(
        [
            stored("a", "fit:x", input_tokens=10, cached_tokens=4, output_tokens=1, **timing),
            stored("b", "fit:x", input_tokens=20, output_tokens=2, **timing),
            stored("c", "test:x", input_tokens=99),
        ]
    )
    assert store.usage("fit:x") == Usage(2, 30, 4, 3, machine_seconds=1.0)
    assert store.usage() == Usage(3, 129, 4, 3, machine_seconds=1.0)
    assert store.usage("absent") == Usage()


def test_what_two_phases_wanted_counts_for_both_and_is_paid_once(store: Store) -> None:
    store.add_completions([stored("a", "fit:x", input_tokens=10), stored("b", "fit:y")])
    store.want("fit:x", ["a"])
    store.want("fit:y", ["b", "a", "never answered"])
    store.want("fit:y", ["a", "a"])
    [taken] = store.usage_by_model("fit:y").values()
    assert (taken.requests, taken.input_tokens) == (2, 10)
    assert [each.requests for each in store.usage_by_model("fit:x").values()] == [1]
    assert [each.requests for each in store.usage_by_model("fit:x", "fit:y").values()] == [2]
    assert [each.requests for each in store.usage_by_model().values()] == [2]
    assert [each.requests for each in store.paid_by_model("fit:y").values()] == [1]
    assert [each.requests for each in store.paid_by_model().values()] == [2]


def test_many_keys_are_wanted(store: Store) -> None:
    store.want("fit:y", (f"k{i}" for i in range(1203)))
    store.add_completions([stored("k1202", "test:x", input_tokens=5)])
    assert [usage.input_tokens for usage in store.usage_by_model("fit:y").values()] == [5]


def test_what_came_from_the_cache_is_counted_by_who_needs_it(store: Store) -> None:
    cached = [
        replace(stored(key, phase), from_cache=True)
        for key, phase in (("a", "test:x"), ("b", "fit:x"))
    ]
    store.add_completions([*cached, stored("c", "test:x")])
    store.want("test:x", ["b", "c"])
    assert (store.reused("test:x"), store.reused("fit:x"), store.reused("test:y")) == (2, 1, 0)
    assert store.reused() == 2


def test_runs_in_one_database_do_not_see_each_other(open_store: OpenStore) -> None:
    first, second = open_store("first"), open_store("second")
    first.add_completions(
        [stored("k", "test:a", input_tokens=1), replace(stored("c"), from_cache=True)]
    )
    second.add_completions([stored("k", "test:a", input_tokens=20)])
    for number, store in enumerate((first, second)):
        store.know_model(AskedModel("fake", f"model {number}"))
        store.set_notes(AskedModel("fake", f"model {number}"), [f"note {number}"])
        store.want("fit:a", ["k"])
        store.put_records({0: record("a", f"answer {number}")})
        store.finish_step("test:a", {"number": number}, 1.0)
        store.set_meta("price:x", number)
    for number, store in enumerate((first, second)):
        assert store.usage_by_model("fit:a") == {
            AskedModel("fake", f"model {number}"): Usage(1, (1, 20)[number], 0, 0, 0.0)
        }
        assert [r.answer.output for r in store.records("arm")] == [f"answer {number}"]
        assert store.step("test:a") == {"number": number}
        assert store.metas("price:") == {"price:x": number}
        assert store.notes("fake") == (f"note {number}",)
    assert (first.reused(), second.reused()) == (1, 0)
    first.set_aside_completions(["k"])
    first.undo_steps(["test:a"])
    first.drop_meta("price:x")
    assert set(second.completions(["k", "c"])) == {"k"}
    assert second.step("test:a") == {"number": 1}
    assert second.usage("test:a").requests == 1
    assert second.meta("price:x") == 1


def test_a_run_is_begun_once_and_attempted_again(open_store: OpenStore) -> None:
    store = open_store()
    assert store.run() is None
    first = store.begin("tickets", {"seed": 0})
    again = open_store().begin("tickets", {"seed": 0, "models": {}})
    assert (first.id, first.task, first.attempts, first.identity) == (
        store.run_id,
        "tickets",
        1,
        {"seed": 0},
    )
    assert (again.attempts, again.identity) == (2, {"seed": 0, "models": {}})
    assert again.created == first.created
    assert store.run() == again
    assert open_store("other").run() is None


def test_a_batch_is_stored_whole_or_not_at_all(store: Store) -> None:
    store.add_completions([stored("a")])
    with pytest.raises(StorageError):
        store.add_completions([stored("b"), stored("a")])
    assert set(store.completions(["a", "b"])) == {"a"}


def test_what_is_set_aside_is_asked_again_and_stays_on_the_account(store: Store) -> None:
    free = Completion("", "error", failure="HTTP 503")
    torn = Completion("", "error", input_tokens=9, output_tokens=64, failure="timed out")
    rows = [stored(key) for key in "abc"]
    rows[1:] = [replace(rows[1], completion=free), replace(rows[2], completion=torn)]
    for _ in range(2):
        store.add_completions(rows)
        store.set_aside_completions("bc")
        rows = rows[1:]
        assert set(store.completions("abc")) == {"a"}
    used = store.usage()
    assert (used.requests, used.input_tokens, used.output_tokens) == (3, 18, 128)


def test_what_lost_tries_took_is_paid_and_told_apart(store: Store) -> None:
    store.know_model(AskedModel("fake", "small"))
    lost = Usage(2, 18, 4, 128)
    rows = [
        stored(key, input_tokens=9, output_tokens=1, torn=torn)
        for key, torn in (("a", Usage()), ("b", lost), ("c", Usage(1, 9)))
    ]
    reused = replace(stored("d", input_tokens=9, torn=lost), from_cache=True)
    store.add_completions([*rows, reused])
    assert store.completions("b") == {"b": rows[1].completion}
    assert store.torn_by_model() == {AskedModel("fake", "small"): (2, lost + Usage(1, 9))}
    [used] = store.paid_by_model().values()
    assert used == Usage(3, 3 * 9 + 27, 4, 3 + 128)


def test_records_keep_their_order_and_replace(store: Store) -> None:
    failed = Answer(None, Completion("", "error", failure="too long"), "too long")
    good = Answer("OTHER", Completion("OTHER", "choice", output_tokens=1))
    records = [
        Record("arm", "z", "failed", 0.0, "OTHER", failed, {"accuracy": 0.0}),
        Record("arm", "a", "scored", 1.0, "OTHER", good, {"accuracy": 1.0}),
    ]
    store.put_records(dict(enumerate(records)))
    store.put_records(dict(enumerate(records)))
    assert store.records("arm") == records
    assert store.records("arm")[0].reason == "too long"
    assert store.records("absent") == []


def test_steps_and_meta(store: Store) -> None:
    assert store.step("fit:x") is None
    store.finish_step("fit:x", {"arms": ["x"]}, 1.5)
    store.finish_step("fit:x", {"arms": ["y"]}, 1.5)
    assert store.step("fit:x") == {"arms": ["y"]}
    store.set_meta("price:x", {"input": 0})
    store.set_meta("price:x", {"input": 1})
    assert store.meta("price:x") == {"input": 1}
    assert store.meta("absent") is None


def test_seconds_of_a_step_are_noted_before_it_is_finished(store: Store) -> None:
    assert store.step_seconds("fit:x") == 0
    store.note_seconds("fit:x", 1.5)
    store.note_seconds("fit:x", 2.5)
    assert (store.step("fit:x"), store.step_seconds("fit:x")) == (None, 2.5)
    store.finish_step("fit:x", {}, 4.0)
    assert (store.step("fit:x"), store.step_seconds("fit:x")) == ({}, 4.0)
    store.undo_steps(["fit:x"])
    assert (store.step("fit:x"), store.step_seconds("fit:x")) == (None, 0)


def test_any_text_comes_back(store: Store) -> None:
    text = 'a\0b \u2028 "quoted" \\ 🙂'
    answer = Answer(text, Completion(text, "stop"), text)
    store.put_records({0: Record("arm", "a", "scored", 1.0, text, answer)})
    assert [(r.reference, r.answer) for r in store.records("arm")] == [(text, answer)]


def test_threads_share_a_store(store: Store) -> None:
    def write(thread: int) -> None:
        for number in range(20):
            store.want(f"test:{thread}", ["shared", f"{thread}-{number}"])
            store.add_completions([stored(f"{thread}-{number}", f"test:{thread}")])
            store.set_meta("last", thread)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert store.usage().requests == 80
    for thread in range(4):
        assert [usage.requests for usage in store.usage_by_model(f"test:{thread}").values()] == [20]


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        dumps({"value": float("nan")})


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "run.db").write_text("this is a letter, not a database" * 100)
    with pytest.raises(StorageError, match="damaged: choose another --out"):
        Store.in_folder(tmp_path)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        Store.in_folder(tmp_path / "absent")


def test_another_kind_of_database() -> None:
    with pytest.raises(StorageError, match="SQLite or PostgreSQL, not in mysql"):
        Store("mysql://localhost/runs")


@pytest.mark.skipif(not POSTGRES, reason=NO_SERVER)
def test_runs_that_start_at_once_make_the_tables_once() -> None:
    schema = f"fresh_{uuid.uuid4().hex}"
    url = sa.make_url(POSTGRES).set(drivername="postgresql+psycopg")
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    fresh = url.update_query_dict({"options": f"-c search_path={schema}"})
    text = fresh.render_as_string(hide_password=False)

    def start(number: int) -> int:
        store = Store(text, f"run {number}")
        attempts = store.begin("tickets", {}).attempts
        store.close()
        return attempts

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(start, range(8))) == [1] * 8


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StorageError, match="check that the server is running") as caught:
        Store(f"postgresql://me:secret@/runs?host={tmp_path}")
    assert "secret" not in str(caught.value)


_WRITER = """
import sys
from pathlib import Path
from steelyard.core import Completion, Message, Request
from steelyard.errors import StorageError
from steelyard.store.database import Store
from steelyard.store.tables import StoredCompletion
store = Store.in_folder(Path(sys.argv[1]))
try:
    for i in range(10_000):
        request = Request((Message("user", "x" * 1000),))
        completion = Completion("y" * 1000, "stop")
        store.add_completions([StoredCompletion(str(i), "p", "m", request, completion)])
except StorageError as error:
    print(i, error)
"""


def test_a_full_disk_keeps_what_was_committed(tmp_path: Path) -> None:
    limit = 1_000_000
    done = subprocess.run(
        [sys.executable, "-c", _WRITER, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    count, _, message = done.stdout.strip().partition(" ")
    assert "free some disk space" in message, done.stdout + done.stderr
    kept = Store.in_folder(tmp_path).usage().requests
    assert kept == int(count) > 10


def test_the_second_run_on_a_folder_is_refused(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(StorageError, match="another run is using"),
        locked(tmp_path),
    ):
        raise AssertionError("the lock was given twice")
    with locked(tmp_path):
        pass  # free again


def record(example: str, output: str) -> Record:
    answer = Answer(output, Completion(output, "choice"))
    return Record("arm", example, "scored", 1.0, "BILLING", answer)


def test_records_come_one_batch_at_a_time_and_a_newer_one_replaces(store: Store) -> None:
    store.put_records({2: record("c", "OTHER"), 0: record("a", "BILLING")})
    store.put_records({1: record("b", "BILLING"), 2: record("c", "BILLING")})
    found = [(r.example_id, r.answer.output) for r in store.records("arm")]
    assert found == [("a", "BILLING"), ("b", "BILLING"), ("c", "BILLING")]


@pytest.mark.parametrize("name", ["a?1", "a%41", "c%2f..%2fd", "a?timeout=abc", "a#b", "a b&c=d"])
def test_the_database_lies_in_its_folder_whatever_that_is_called(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    Store.in_folder(folder).close()
    assert (folder / "run.db").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert Store.of_former_run(folder) is not None
