"""A whole result as a run leaves it: the support-tickets task with eleven arms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def result() -> dict[str, Any]:
    """A fresh copy of ``result_sample.json``."""
    text = (Path(__file__).parent / "result_sample.json").read_text(encoding="utf-8")
    return dict(json.loads(text))
