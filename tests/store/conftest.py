"""Stores on each kind of database that runs are kept in."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from steelyard.store.database import Store

POSTGRES = os.environ.get("STEELYARD_TEST_POSTGRES", "")
NO_SERVER = "no PostgreSQL server: scripts/with-postgres scripts/test tests/store starts one"
OpenStore = Callable[..., Store]


@pytest.fixture(params=["sqlite", "postgresql"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Open the store of a run, by default always the same one, in a database of many runs."""
    if request.param == "postgresql" and not POSTGRES:
        pytest.skip(NO_SERVER)
    test = uuid.uuid4().hex  # the server's one database keeps the runs of all tests
    url = POSTGRES if request.param == "postgresql" else f"sqlite:///{tmp_path / 'run.db'}"
    stores: list[Store] = []

    def open_one(run: str = "run") -> Store:
        stores.append(Store(url, f"{test}-{run}"))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()
