"""Arms trained over something else than the base as published: rounded, or its thought closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

from steelyard.exports import ExportOptions, merged
from steelyard.exports.publish import outgoing_of, publish
from steelyard.exports.records import Export
from steelyard.exports.source import ExportSource, open_source
from steelyard.families import EXPORT_FORMATS
from steelyard.model import nf4
from tests.exports.models import TUNED, finished_run
from tests.model.tiny import quantise_plainly

Ready = Callable[[str], tuple[ExportSource, Any]]


def exported(source: ExportSource, form: str, folder: Path) -> Export:
    options = ExportOptions("f16" if form == "gguf" else "float32")
    return publish(source, outgoing_of(source), EXPORT_FORMATS.get(form)(), folder, options)


def test_what_was_learnt_over_four_bits_is_merged_onto_rounded_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """16: over the weights in full the same adapter answers otherwise, and its export is refused."""
    pytest.importorskip("bitsandbytes")
    monkeypatch.setattr(nf4, "missing", lambda: None)
    monkeypatch.setattr(nf4, "quantise", quantise_plainly)
    rounded = {**TUNED, "name": "qlora"}
    source = open_source("qlora", finished_run(tmp_path / "home", "llama", [rounded]), None)
    assert exported(source, "safetensors", tmp_path / "rounded").published
    monkeypatch.setattr(merged, "base_under", lambda _, network: network)
    planted = exported(source, "safetensors", tmp_path / "full")
    assert not planted.published
    assert "answers are equal" in "\n".join(planted.reasons)


@pytest.mark.parametrize("form", ["adapter", "safetensors", "gguf"])
def test_a_thought_that_the_template_opens_is_closed_in_the_files(
    form: str, ready: Ready, tmp_path: Path
) -> None:
    source, _ = ready("thinking")
    stated = exported(source, form, tmp_path / "out")
    assert stated.published, stated.reasons
    assert stated.rescored is not None and stated.rescored.equal == stated.rescored.items
