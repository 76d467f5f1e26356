"""Finished runs of tiny tuned models, one for each family, made once for all tests of exports."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from steelyard.exports.publish import outgoing_of
from steelyard.exports.source import ExportSource, open_source
from tests.exports.models import FAMILY_OF, finished_run

Ready = Callable[[str], tuple[ExportSource, Any]]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the run folder of a family, run at the first call."""
    home, made = tmp_path_factory.mktemp("exports"), dict[str, Path]()
    os.environ["STEELYARD_CACHE"] = str(home / "cache")

    def run_of(kind: str) -> Path:
        if kind not in made:
            made[kind] = finished_run(home / kind, kind)
        return made[kind]

    return run_of


@pytest.fixture(scope="session")
def ready(runs: Callable[[str], Path]) -> Ready:
    """Return the opened arm ``lora`` of a family and what a format writes of it."""
    opened = dict[str, tuple[ExportSource, Any]]()

    def source_of(kind: str) -> tuple[ExportSource, Any]:
        if kind not in opened:
            source = open_source("lora", runs(kind), None)
            opened[kind] = source, outgoing_of(source)
        return opened[kind]

    assert FAMILY_OF
    return source_of
