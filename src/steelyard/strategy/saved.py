"""Saved arms: a folder with ``arm.json`` and what else the arm needs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from steelyard.config.records import read_as
from steelyard.errors import ArmError, ConfigError, StorageError
from steelyard.families import STRATEGIES
from steelyard.files import check_inside, expanded, make_private, read_json
from steelyard.json_schema import check_schema_text
from steelyard.model import load_model
from steelyard.model.base import Model, ModelSpec
from steelyard.strategy.base import Arm, ArmFacts, Brief, Strategy
from steelyard.strategy.record import FitRecord

SCHEMA = 1
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile)


def save_arm(arm: Arm, folder: Path) -> None:
    """Write ``arm`` to ``folder``, replacing what was there, never leaving a half-written arm.

    A crash between the two renames leaves no arm at ``folder``; saving again repairs it. Raises
    `StorageError` when the disk refuses.
    """
    fresh = folder.with_name(f".{folder.name}.partial")
    old = folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir(0o700)
        arm.save(fresh)
        make_private(fresh)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise StorageError(
            f"cannot save the arm {arm.name!r} to {folder}: {error.strerror or error}; "
            "free some space or choose another folder"
        ) from error


def load_arm(folder: Path | str, build_model: Callable[[ModelSpec], Model] = load_model) -> Arm:
    """Read the arm saved in ``folder``. Its language model, if any, is built at the first answer.

    Raises `ArmError` when the folder holds no arm of this schema, or a damaged one.
    """
    folder = Path(folder)
    try:
        check_inside(folder)
        saved = read_json(folder / "arm.json")
        schema = saved["schema"]
    except FileNotFoundError:
        raise ArmError(
            f"no saved arm at {folder}: arm.json is missing; give a run's winner/ folder"
        ) from None
    except _UNREADABLE as error:
        raise ArmError(f"{folder / 'arm.json'} is not a saved arm: {error}") from error
    if schema != SCHEMA:
        raise ArmError(
            f"the arm at {folder} has schema {schema!r}, this version reads {SCHEMA}; "
            "save it again with this version"
        )
    try:
        strategy: type[Strategy] = STRATEGIES.get(saved["strategy"])
        return strategy.arm_type.restore(folder, saved, build_model)
    except ConfigError as error:
        raise ArmError(
            f"the arm at {folder} cannot be loaded: {error}; install what it needs, if that is missing, or "
            "save it again from its run"
        ) from error
    except _UNREADABLE as error:
        detail = f"{type(error).__name__}: {error}"
        raise ArmError(
            f"the arm at {folder} is damaged ({detail}); save it again from its run"
        ) from error


def load(path: Path | str) -> Arm:
    """Load an arm: from its folder (``winner/``, ``arms/NAME``), or the winner of a run folder.

    Raises `ArmError` when there is none, and what building its model raises.
    """
    folder = expanded(path)
    for place in (folder, folder / "winner"):
        if (place / "arm.json").is_file():
            return load_arm(place, cache(load_model))  # arms of one model share it
    if not folder.exists():
        raise ArmError(f"no folder {folder}: give a run folder, or the winner/ in it")
    if (folder / "result.json").is_file():
        raise ArmError(
            f"{folder} has no winner/: its verdict recommends no arm, or the folder was removed; load "
            f"one of {folder / 'arms'}, or run it again"
        )
    if (folder / "run.db").is_file():
        raise ArmError(f"the run in {folder} is not finished: run it again to finish it")
    raise ArmError(f"{folder} holds no saved arm: give a run folder, or the winner/ in it")


def write_manifest(arm: Arm, folder: Path, more: Mapping[str, Any] | None = None) -> None:
    """Write ``arm.json``: what every arm has, and what this one adds in ``more``."""
    manifest = {
        "schema": SCHEMA,
        "name": arm.name,
        "strategy": arm.strategy,
        "brief": asdict(arm.brief),
        "options": arm.options | arm.fit.to_dict(),
        **(more or {}),
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    (folder / "arm.json").write_text(text, encoding="utf-8")


def read_facts(saved: Mapping[str, Any]) -> ArmFacts:
    """Rebuild what every arm has from a manifest. Raises `ValueError` and `KeyError`."""
    brief: Brief = read_as(Brief, saved["brief"], "brief")
    check_schema_text(brief.schema)
    options = read_as(dict[str, Any], saved["options"], "options")
    fit = FitRecord.take_from(options)
    name, strategy = (read_as(str, saved[key], key) for key in ("name", "strategy"))
    return ArmFacts(name, strategy, brief, options, fit)
