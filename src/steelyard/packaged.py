"""Data files that ship with the package."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def packaged(path: str) -> Any:
    """Return what the package's file ``path`` holds, read once: JSON and YAML parsed, else the text.

    ``path`` starts at the package: ``strategy/data/formats.json``. Callers share what they get and
    must not change it.
    """
    text = files("steelyard").joinpath(path).read_text(encoding="utf-8")
    if path.endswith(".json"):
        return json.loads(text)
    return yaml.safe_load(text) if path.endswith((".yaml", ".yml")) else text
