"""Each kind of local tuning as a strategy: chosen, saved, loaded, answering as before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import questions_of
from steelyard.errors import ConfigError, FitError
from steelyard.model import ModelSpec, load_model
from steelyard.model.planned import PlannedModel
from steelyard.strategy import StrategySpec, build_strategy, load_arm, save_arm
from steelyard.strategy.base import FitContext, TaskFacts
from steelyard.train import memory
from tests.model.tiny import save_tiny
from tests.strategy.samples import tickets

FAST = {"learning_rates": [0.01, 0.001], "max_epochs": 1, "batch_size": 6}
KINDS: dict[str, dict[str, Any]] = {
    "rslora": {"rank": 4},
    "dora": {"rank": 4},
    "lora_plus": {"rank": 4},
    "full_fine_tuning": {},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_an_arm_that_is_saved_and_loaded(
    kind: str,
    folder: Path,
    fit_context: Callable[..., FitContext],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    spec = ModelSpec("hf", str(folder))
    context = fit_context(
        spec=spec, model=load_model(spec), build_model=load_model, dev=tickets(12, offset=100)
    )
    arm = build_strategy(StrategySpec(kind, {**FAST, **KINDS[kind]})).fit(context)[0]
    assert (arm.name, arm.strategy) == (kind, kind)
    assert ("rank" in arm.options) == ("rank" in KINDS[kind])
    questions = questions_of(tickets(9, offset=300))
    answers = [answer.output for answer in arm.answer_all(questions)]
    save_arm(arm, tmp_path / "arm")
    loaded = load_arm(tmp_path / "arm")
    assert [answer.output for answer in loaded.answer_all(questions)] == answers
    assert loaded.specs[0].base == spec
    left = {path.suffix for path in context.folder.rglob("*") if path.is_file()}
    assert left <= {".json", ".jsonl", ".safetensors", ".md"}, "no checkpoint is left"


def test_a_network_that_does_not_fit_into_memory_is_refused_in_one_line(
    folder: Path, fit_context: Callable[..., FitContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = build_strategy(StrategySpec("full_fine_tuning", FAST))
    spec = ModelSpec("hf", str(folder))
    facts = TaskFacts(fit_context().brief, fit_context().train)
    count = memory.parameters_of(str(folder))
    needed = memory.needed_bytes(str(folder), count)
    assert needed > 1.2 * 16 * count
    monkeypatch.setattr(memory, "available_bytes", lambda: round(needed) + 1)
    strategy.check(facts, [PlannedModel("tiny", spec)])
    monkeypatch.setattr(memory, "available_bytes", lambda: round(needed) - 1)
    with pytest.raises(ConfigError, match=r"full_fine_tuning: training all .* GB are available"):
        strategy.check(facts, [PlannedModel("tiny", spec)])
    with pytest.raises(FitError, match=f"training all {count:,} weights needs about 0.0 GB"):
        strategy.fit(fit_context(spec=spec, model=load_model(spec), build_model=load_model))


def test_parameters_are_counted_without_loading_them(tmp_path: Path) -> None:
    from tests.model.tiny import tiny_network

    for tied in (False, True):
        network = tiny_network(tie_word_embeddings=tied)
        network.save_pretrained(tmp_path / str(tied))
        assert memory.parameters_of(str(tmp_path / str(tied))) == network.num_parameters()


def test_memory_is_read_where_the_system_says_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pages = memory.available_bytes()
    assert pages is not None and pages > 10**6
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:   1234 kB\n", encoding="ascii")
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    assert memory.available_bytes() == 1234 * 1024
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "none")
    assert memory.available_bytes() is not None
