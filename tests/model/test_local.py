"""A model from a local folder: the fast engine and the plain one say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from steelyard.core import Completion, Message, Request
from steelyard.errors import ModelError
from steelyard.model import ModelSpec, load_model
from steelyard.model import huggingface as hf
from steelyard.model.local import EngineSettings, LocalModel
from steelyard.model.plain import PlainModel
from steelyard.model.ready import understands
from tests.model.tiny import engine_of, save_tiny, tiny_network, tiny_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture
def fast(folder: Path) -> LocalModel:
    return engine_of(folder)


def ask(text: str, *, choices: tuple[str, ...] = (), tokens: int = 8) -> Request:
    chat = (Message("system", "Answer with one word."), Message("user", text))
    return Request(chat, max_output_tokens=tokens, choices=choices)


REQUESTS = [ask(text) for text in ("hello", "a longer question than that", "x", "y" * 40)] + [
    ask("which?", choices=("red", "green", "greenish", "blue")),
    ask("and now?", choices=("red", "green", "greenish", "blue")),
]


def texts(completions: list[Completion | None]) -> list[str]:
    return [completion.text for completion in completions if completion is not None]


def test_engine_and_plain_generate_agree(fast: LocalModel, folder: Path) -> None:
    assert texts(fast.generate(REQUESTS)) == texts(as_plain(folder).generate(REQUESTS))


def as_plain(folder: Path) -> PlainModel:
    network = hf.read_network(str(folder), "float32")
    return PlainModel(
        "plain", "tiny", network, hf.read_tokenizer(str(folder)), EngineSettings(rows=4)
    )


def test_counts_and_probabilities(fast: LocalModel) -> None:
    done = [c for c in fast.generate(REQUESTS) if c is not None]
    assert all(c.failure is None and c.input_tokens > c.cached_tokens for c in done)
    assert done[4].text in ("red", "green", "greenish", "blue")
    assert done[4].finish_reason == "choice"
    assert done[4].probabilities is not None and 0 < done[4].probabilities[done[4].text] <= 1
    assert done[0].output_tokens <= 8


def test_skipped_requests_are_not_asked_and_change_nothing(fast: LocalModel) -> None:
    whole = fast.generate(REQUESTS)
    seen: list[int] = []
    part = fast.generate(REQUESTS, lambda done: seen.extend(i for i, _ in done), frozenset([0, 4]))
    assert part[0] is None and part[4] is None
    assert sorted(seen) == [1, 2, 3, 5]
    assert texts([part[i] for i in (1, 2, 3, 5)]) == texts([whole[i] for i in (1, 2, 3, 5)])


def test_a_prompt_beyond_the_context_fails_alone(fast: LocalModel) -> None:
    good, bad = fast.generate([ask("hello"), ask("long " * 200)])
    assert good is not None and good.failure is None
    assert bad is not None and bad.failure is not None and "context is 512" in bad.failure


def test_a_lone_question_uses_a_remembered_prefix(fast: LocalModel) -> None:
    fast.generate(REQUESTS)
    [again] = fast.generate([ask("hello there")])
    assert again is not None and again.cached_tokens > 0


def test_the_provider_loads_a_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path))
    model = load_model(ModelSpec("hf", str(folder)))
    [answer] = model.generate([ask("hello")])
    assert answer is not None and answer.failure is None
    assert (tmp_path / "tuning.json").is_file()


def test_a_missing_folder_is_one_line() -> None:
    with pytest.raises(ModelError, match="cannot load the model 'no/such/model'") as caught:
        load_model(ModelSpec("hf", "./no/such/model".removeprefix("./")))
    assert "\n" not in str(caught.value)


def test_architectures_the_engine_would_get_wrong_are_refused() -> None:
    from transformers import MistralConfig, MistralForCausalLM

    assert understands(tiny_network())
    config = MistralConfig(
        vocab_size=128,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=4,
    )
    assert not understands(MistralForCausalLM(config).eval())


def test_a_tokenizer_without_a_template_still_writes_prompts() -> None:
    from steelyard.model.prompts import PromptWriter

    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = None
    chat = (Message("system", "one"), Message("user", "two"))
    assert PromptWriter(tokenizer).text(chat) == "one\n\ntwo\n\n"


def test_a_lower_precision_leaves_the_rotary_frequencies_alone(folder: Path) -> None:
    spec = ModelSpec("hf", str(folder))
    model = hf.assemble(spec, str(folder), "tiny", EngineSettings("bfloat16"), "tiny")
    network = model.network  # type: ignore[attr-defined]
    assert network.model.rotary_emb.inv_freq.dtype == torch.float32
    assert network.model.embed_tokens.weight.dtype == torch.bfloat16


COLOURS = ("red", "green", "greenish", "blue")


@pytest.mark.parametrize("choices", [(), COLOURS])
@pytest.mark.parametrize("plain", [False, True])
def test_repeats_differ_by_their_nonce_alone(
    fast: LocalModel, folder: Path, choices: tuple[str, ...], plain: bool
) -> None:
    model: LocalModel = as_plain(folder) if plain else fast
    chat = (Message("user", "which?"),)
    asked = [
        Request(chat, 8, choices, temperature=3.0, nonce=f"vote-{number}") for number in range(9)
    ]
    first = texts(model.generate(asked))
    assert len(set(first)) > 1
    assert texts(model.generate(list(reversed(asked)))) == list(reversed(first))
    assert texts(model.generate(asked[3:4])) == first[3:4]
    assert not choices or set(first) <= set(choices)
