"""What holds for every test: none of them reads or writes the user's own answers and agreements."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from steelyard.task import Task, build_task

os.environ["STEELYARD_ANSWER_CACHE"] = "off"

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

TRUST = Path(tempfile.mkdtemp(prefix="steelyard-tests-")) / "trust"
os.environ["STEELYARD_TRUST_FILE"] = str(TRUST)

MakeTask = Callable[..., Task]
HidePackages = Callable[..., None]


@pytest.fixture
def make_task(tmp_path: Path) -> MakeTask:
    """Build a task over files given as text, bytes or rows (written as JSON Lines)."""

    def make(
        files: Mapping[str, str | bytes | Sequence[Mapping[str, Any]]],
        kind: str = "label",
        labels: Sequence[str] = (),
        **config: Any,
    ) -> Task:
        for name, content in files.items():
            if isinstance(content, bytes):
                (tmp_path / name).write_bytes(content)
            else:
                text = content if isinstance(content, str) else to_jsonl(content)
                (tmp_path / name).write_text(text, encoding="utf-8", newline="")
        output: dict[str, Any] = {"kind": kind} | ({"labels": list(labels)} if labels else {})
        base = {
            "name": "t",
            "instruction": "Do it.",
            "output": output,
            "examples": next(iter(files)),
        }
        return build_task({**base, **config}, tmp_path)

    return make


@pytest.fixture(autouse=True, scope="session")
def no_encoder_in_auto() -> Iterator[None]:
    """What `auto` takes does not hang on a package that some machines have and setup does not install."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("steelyard.strategy.classifier_head._has_encoder", lambda: False)
        yield


@pytest.fixture
def without_packages(monkeypatch: pytest.MonkeyPatch) -> HidePackages:
    """Make packages, by the names they are imported by, look as if they were not installed."""

    def hide(*names: str) -> None:
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


def to_jsonl(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
