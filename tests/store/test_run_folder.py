"""A run writes over nothing that no run wrote."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from steelyard.errors import StorageError
from steelyard.store import folder as files
from steelyard.store.database import Store

WRITTEN = (
    *("report.html", "result.json", "run.log", "run.db-wal", "run.db-shm", "run.db-journal"),
    *("arms", "work", "winner", ".winner.part"),
)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_run_would_replace_is_refused_where_it_is_no_runs(name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    (place / "mine").mkdir(parents=True) if "." not in name[1:] else place.write_text("mine")
    with pytest.raises(StorageError, match=f"holds {name} but no run.db"):
        files.check_ours(tmp_path)


def test_a_database_of_something_else_is_no_runs(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "run.db")
    connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.close()
    with pytest.raises(StorageError, match=r"run\.db is the database of another program"):
        files.check_ours(tmp_path)


def test_a_runs_folder_stays_usable(tmp_path: Path) -> None:
    files.check_ours(tmp_path)
    files.close_run(tmp_path)
    files.check_ours(tmp_path)  # a run that ended before its database had tables
    Store.in_folder(tmp_path).close()
    for name in WRITTEN[:3]:
        (tmp_path / name).write_text("of the run")
    files.check_ours(tmp_path)


def test_all_that_a_run_leaves_is_on_the_list(tmp_path: Path) -> None:
    """What `clear_run` does not remove after a run would not be refused before one either."""
    files.close_run(tmp_path)
    Store.in_folder(tmp_path).close()
    files.clear_run(tmp_path)
    assert list(tmp_path.iterdir()) == []
