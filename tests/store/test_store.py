"""The store: what is committed comes back, unchanged and in order."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.core import Answer, Completion, Message, Record, Request, Usage
from steelyard.errors import StorageError
from steelyard.store.database import Store, StoredCompletion, dumps, locked


def stored(key: str, phase: str = "test:a", **fields: object) -> StoredCompletion:
    completion = Completion("BILLING", "choice", **fields)  # type: ignore[arg-type]
    return StoredCompletion(key, phase, "fake", Request((Message("user", key),)), completion)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.in_folder(tmp_path)


def test_completions_survive_reopening(store: Store, tmp_path: Path) -> None:
    row = stored("k1", input_tokens=7, probabilities={"BILLING": 0.1 + 0.2})
    store.add_completions([row])
    store.close()
    again = Store.in_folder(tmp_path)
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


def test_a_database_from_before_the_phases_wants_goes_on(store: Store, tmp_path: Path) -> None:
    store.add_completions([stored("a", "fit:x", input_tokens=10)])
    store.close()
    with sqlite3.connect(tmp_path / "run.db") as database:
        database.execute("DROP TABLE phase_keys")
    database.close()
    again = Store.in_folder(tmp_path)
    assert [each.input_tokens for each in again.usage_by_model("fit:x").values()] == [10]
    again.want("fit:y", (f"k{i}" for i in range(1203)))
    again.add_completions([stored("k1202", "test:x", input_tokens=5)])
    assert [each.input_tokens for each in again.usage_by_model("fit:y").values()] == [5]


def test_a_batch_is_stored_whole_or_not_at_all(store: Store) -> None:
    store.add_completions([stored("a")])
    with pytest.raises(StorageError):
        store.add_completions([stored("b"), stored("a")])
    assert set(store.completions(["a", "b"])) == {"a"}


def test_forgotten_completions_are_gone(store: Store) -> None:
    store.add_completions([stored("a"), stored("b")])
    store.forget_completions(["a"])
    assert set(store.completions(["a", "b"])) == {"b"}


def test_records_keep_their_order_and_replace(store: Store) -> None:
    failed = Answer(None, Completion("", "error", failure="too long"), "too long")
    good = Answer("OTHER", Completion("OTHER", "choice", output_tokens=1))
    records = [
        Record("arm", "z", "failed", 0.0, "OTHER", failed, {"accuracy": 0.0}),
        Record("arm", "a", "scored", 1.0, "OTHER", good, {"accuracy": 1.0}),
    ]
    store.add_records(records)
    store.add_records(records)
    assert store.records("arm") == records
    assert store.records("arm")[0].reason == "too long"
    assert store.records("absent") == []


def test_steps_and_meta(store: Store) -> None:
    assert store.step("fit:x") is None
    store.finish_step("fit:x", {"arms": ["x"]}, 1.5)
    store.finish_step("fit:x", {"arms": ["y"]}, 1.5)
    assert store.step("fit:x") == {"arms": ["y"]}
    store.set_meta("identity", {"seed": 0})
    assert store.meta("identity") == {"seed": 0}
    assert store.meta("absent") is None


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


_WRITER = """
import sys
from pathlib import Path
from steelyard.core import Completion, Message, Request
from steelyard.errors import StorageError
from steelyard.store.database import Store, StoredCompletion
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
