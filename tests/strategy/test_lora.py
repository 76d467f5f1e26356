"""LoRA over a tiny network: trained once, saved, loaded, and answering as before."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import questions_of
from steelyard.errors import ConfigError
from steelyard.model import ModelSpec, load_model
from steelyard.store.database import Store
from steelyard.store.recorder import Recorder
from steelyard.strategy import StrategySpec, build_strategy, load_arm, save_arm
from steelyard.strategy.base import Arm, FitContext
from steelyard.strategy.optimise.one_pass import CountedPass
from steelyard.train.course import read_course
from tests.model.tiny import save_tiny
from tests.strategy.samples import tickets

OPTIONS = {"learning_rates": [0.01, 0.001], "max_epochs": 1, "rank": 4, "batch_size": 6}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def fitted(
    folder: Path,
    fit_context: Callable[..., FitContext],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> tuple[FitContext, list[Arm]]:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    spec = ModelSpec("hf", str(folder))
    context = fit_context(
        spec=spec, model=load_model(spec), build_model=load_model, dev=tickets(12, offset=100)
    )
    return context, build_strategy(StrategySpec("lora", OPTIONS)).fit(context)


def outputs(arm: Arm) -> list[Any]:
    return [answer.output for answer in arm.answer_all(questions_of(tickets(9, offset=300)))]


def test_two_arms_over_one_training(fitted: tuple[FitContext, list[Arm]]) -> None:
    context, arms = fitted
    assert [arm.name for arm in arms] == ["lora", "lora_free"]
    assert set(outputs(arms[0])) <= set(context.brief.labels)
    training = arms[0].fit.training
    assert training is not None
    assert [entry["learning_rate"] for entry in training.trace[:2]] == [0.01, 0.001]
    assert training.seconds > 0 and training.tokens > 0
    assert arms[0].options["instruction"] == "Give the label."
    budget = arms[0].fit.search["budget"]
    assert budget["unit"] == "forward-pass tokens"
    assert 3 * training.tokens < budget["used"] <= budget["allowed"]
    course = read_course(context.folder)
    assert course is not None
    assert round(course.config.allowed_tokens) == budget["allowed"], "its page says the same"
    search = build_strategy(StrategySpec("lora", OPTIONS))
    allowed = search.tuning_tokens(context.brief, CountedPass(context))
    assert allowed == budget["allowed"], "a prompt search gets what this tuning may"
    assert arms[1].fit.search["budget"] == budget
    searches = [arm.fit.search for arm in arms]
    assert [search["dev_calls"] for search in searches] == [3 * 12, 12]
    assert [trial["stage"] for trial in searches[0]["trace"]] == ["screen", "screen", "final"]
    scores = [entry["dev_score"] for entry in training.trace]
    assert searches[0]["dev_score"] == scores[-1], (
        "the arm answers as the epoch that was chosen did"
    )
    assert arms[0].options["learning_rate_from"] == "given"
    assert any("the option learning_rates takes more" in note for note in training.notes)
    work = [path.name for path in context.folder.iterdir() if path.is_dir()]
    assert work == ["adapter"], "no adapter of a candidate is left"


def test_a_finished_training_is_not_repeated(fitted: tuple[FitContext, list[Arm]]) -> None:
    context, arms = fitted
    adapter = context.folder / "adapter" / "adapter_model.safetensors"
    before = adapter.stat().st_mtime_ns
    again = build_strategy(StrategySpec("lora", OPTIONS)).fit(context)
    assert adapter.stat().st_mtime_ns == before
    assert outputs(again[0]) == outputs(arms[0])


def test_saved_and_loaded_without_refitting(
    fitted: tuple[FitContext, list[Arm]], tmp_path: Path
) -> None:
    for arm in fitted[1]:
        save_arm(arm, tmp_path / arm.name)
        loaded = load_arm(tmp_path / arm.name)
        assert outputs(loaded) == outputs(arm)
        assert loaded.machine_seconds == arm.machine_seconds > 0


def test_a_model_that_is_let_go_leaves_no_network_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    store = Store.in_folder(tmp_path)
    model = Recorder(store).later(lambda: load_model(ModelSpec("hf", str(folder))))
    network = weakref.ref(model.inner.network)  # type: ignore[attr-defined]
    model.release()
    assert network() is None
    store.close()


def test_a_model_elsewhere_cannot_be_tuned(fit_context: Callable[..., FitContext]) -> None:
    with pytest.raises(ConfigError, match="the model behind 'fake' cannot be tuned"):
        build_strategy(StrategySpec("lora")).fit(fit_context())


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'rank'"):
        build_strategy(StrategySpec("lora", {"rnak": 4}))
