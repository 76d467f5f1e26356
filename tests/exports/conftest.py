"""Finished runs of tiny tuned models, one for each family, made once for all tests of exports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from steelyard.exports.publish import outgoing_of
from steelyard.exports.source import ExportSource, open_source
from tests.exports.models import finished_run


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(autouse=True)
def own_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(home / "cache"))


@pytest.fixture(scope="session")
def runs(home: Path) -> Callable[[str], Path]:
    """Return the run folder of a family, run at the first call inside a test."""
    folders = dict[str, Path]()

    def run_of(kind: str) -> Path:
        if kind not in folders:
            folders[kind] = finished_run(home / kind, kind)
        return folders[kind]

    return run_of


@pytest.fixture(scope="session")
def ready(runs: Callable[[str], Path]) -> Callable[[str], tuple[ExportSource, Any]]:
    """Return the opened arm ``lora`` of a family and what a format writes of it."""
    opened = dict[str, tuple[ExportSource, Any]]()

    def source_of(kind: str) -> tuple[ExportSource, Any]:
        if kind not in opened:
            source = open_source("lora", runs(kind), None)
            opened[kind] = source, outgoing_of(source)
        return opened[kind]

    return source_of
