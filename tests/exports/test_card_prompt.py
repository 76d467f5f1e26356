"""The card of a hybrid: under which prompt its weights were trained, and what of it is not in the files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

from steelyard.exports import ExportOptions
from steelyard.exports.publish import publish
from steelyard.exports.source import ExportSource
from steelyard.families import EXPORT_FORMATS
from steelyard.retrieve.base import Passage
from steelyard.retrieve.tfidf import TfidfIndex
from steelyard.strategy.formats import Shot
from steelyard.strategy.grounding import Grounding, GroundingOptions

Ready = Callable[[str], tuple[ExportSource, Any]]


def test_the_card_shows_shots_and_where_passages_are_looked_up(
    ready: Ready, tmp_path: Path
) -> None:
    source, outgoing = ready("llama")
    index = TfidfIndex.fit([Passage("one text"), Passage("another text")], "word")
    recipe = replace(source.arm.prompt.recipe, shots=(Shot("asked before", "BILLING"),))
    prompt = replace(
        source.arm.prompt,
        recipe=replace(recipe, retrieved=1),
        index=index,
        grounding=Grounding(index, GroundingOptions(2, delimits=True)),
    )
    arm = source.arm.under(prompt)
    arm.options = {**arm.options, "prompt_of": "rag"}
    form = EXPORT_FORMATS.get("adapter")()
    hybrid = replace(source, arm=arm)
    publish(hybrid, outgoing, form, tmp_path / "out", ExportOptions("float32", items=3))
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "The weights were trained under this prompt, which rag found." in text
    assert "Its passages and examples are looked up for every input" in text
    assert "(`arms/lora`), which is not in these files" in text
    assert "asked before" in text and "{example 1}" in text
    assert "<passage>\n{passage 1}\n</passage>" in text and "{passage 2}" in text
    assert "Question: {input}<|im_end|>" in text


def test_the_card_of_plain_tuning_names_no_search(ready: Ready, tmp_path: Path) -> None:
    source, outgoing = ready("llama")
    form = EXPORT_FORMATS.get("adapter")()
    publish(source, outgoing, form, tmp_path / "out", ExportOptions("float32", items=3))
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "The weights were trained under this prompt." in text and "looked up" not in text
