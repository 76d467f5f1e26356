"""The licences that base and data state; nothing is guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from steelyard.extras import require
from steelyard.model.embedded import find_gguf

NOT_STATED = "not stated"
_LONGEST = 2**20  # characters of a README that are searched


def base_licence(provider: str, weights: str) -> str:
    """The licence of the base: of the embedded model by its file, else by the README beside the weights."""
    if provider == "embedded":
        fields = require("gguf", "local").GGUFReader(str(find_gguf())).fields
        return str(fields["general.license"].contents())
    return readme_licence(Path(weights)) or _cached(weights) or NOT_STATED


def readme_licence(folder: Path) -> str | None:
    """The ``license`` in the front matter of a folder's README.md."""
    path = folder / "README.md"
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")[:_LONGEST]
    if not text.startswith("---\n"):
        return None
    try:
        front: Any = yaml.safe_load(text[4:].partition("\n---")[0])
    except yaml.YAMLError:
        return None
    licence = front.get("license") if isinstance(front, dict) else None
    return licence if isinstance(licence, str) else None


def _cached(name: str) -> str | None:
    """The same of a hub name, where its README lies in the cache; nothing is downloaded."""
    hub = require("huggingface_hub", "local")
    try:
        path = hub.try_to_load_from_cache(name, "README.md")
    except ValueError:  # a path, which cannot be a hub name
        return None
    return readme_licence(Path(path).parent) if isinstance(path, str) else None
