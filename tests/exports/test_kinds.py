"""Arms of other kinds than LoRA leave the house, or are refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

from steelyard.errors import SteelyardError
from steelyard.exports import ExportOptions, export
from steelyard.files import read_json
from tests.exports.models import finished_run

OPTIONS = {"learning_rates": [0.02], "max_epochs": 1}
ADAPTED = {**OPTIONS, "rank": 4, "alpha": 8}
KINDS: list[dict[str, Any]] = [
    {"name": "rslora", "options": ADAPTED},
    {"name": "dora", "options": ADAPTED},
    {"name": "lora_plus", "options": {**ADAPTED, "learning_rates": [0.005]}},
    {"name": "full_fine_tuning", "options": OPTIONS},
]
NAMES = [kind["name"] for kind in KINDS]


@pytest.fixture(scope="module")
def run(home: Path) -> Callable[[], Path]:
    folders: list[Path] = []

    def finished() -> Path:
        if not folders:
            folders.append(finished_run(home / "kinds", "llama", KINDS))
        return folders[0]

    return finished


@pytest.mark.parametrize("form", ["adapter", "safetensors", "gguf"])
@pytest.mark.parametrize("name", NAMES)
def test_each_kind_answers_as_measured_or_is_refused(
    name: str, form: str, run: Callable[[], Path], tmp_path: Path
) -> None:
    options = ExportOptions(tolerance=0.25)
    if (name, form) == ("full_fine_tuning", "adapter"):
        with pytest.raises(SteelyardError, match="it has no adapter, all its weights were tuned"):
            export(name, form, run=run(), out=tmp_path / "out", options=options)
        return
    stated = export(name, form, run=run(), out=tmp_path / "out", options=options)
    assert stated.reasons == () and stated.published
    assert stated.rescored is not None and stated.rescored.equal_share >= 0.75
    if form != "adapter":
        return
    settings = read_json(tmp_path / "out" / "adapter_config.json")
    assert not settings["use_rslora"], "servers ignore it, so the scale is in the weights"
    assert settings["use_dora"] == (name == "dora")
    notes = " ".join(stated.notes)
    assert ("the scale of rsLoRA is folded" in notes) == (name == "rslora")
    assert ("it is DoRA" in notes) == (name == "dora")


def test_an_arm_of_whole_weights_keeps_its_tied_head(run: Callable[[], Path]) -> None:
    from safetensors import safe_open

    folder = run() / "arms" / "full_fine_tuning" / "adapter"
    with safe_open(str(folder / "model.safetensors"), "pt") as file:
        names = set(file.keys())
    assert "model.embed_tokens.weight" in names and "lm_head.weight" not in names
    assert read_json(folder / "config.json")["tie_word_embeddings"] is True
