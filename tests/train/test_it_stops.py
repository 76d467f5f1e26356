"""A tuned model is asked as it was trained, and ends its answers, under the templates of many families."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from steelyard.core import Message, Request
from steelyard.model import ModelSpec, huggingface, load_model
from steelyard.model.local import LocalModel
from steelyard.train.base import ChatSample, TuningJob
from steelyard.train.config import LoraOptions
from steelyard.train.lora import LoraTuner, tokenize
from tests.model.chat_templates import FAMILIES, tokenizer_of

ROWS, ASKED, LIMIT = 48, 200, 24
ANSWERS = ("yes", "no way")
OPTIONS = LoraOptions(rank=8, alpha=32, learning_rates=(0.02,), batch_size=8, max_epochs=6)


def save_base(name: str, folder: Path) -> str:
    """Random weights beneath a family's tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tokenizer_of(name)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
        initializer_range=0.3,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def question(number: int) -> tuple[Message, ...]:
    return (Message("user", f"the answer is {number}?"),)


@pytest.mark.parametrize("name", FAMILIES)
def test_answers_end_before_the_limit(name: str, tmp_path: Path) -> None:
    spec = ModelSpec("hf", save_base(name, tmp_path / "base"))
    rows = [ChatSample(question(n), ANSWERS[n % 2]) for n in range(ROWS)]
    before = endings(spec)
    tuned = LoraTuner().tune(
        rows, rows[:8], OPTIONS, TuningJob(spec, tmp_path / "job", 0, lambda done, total: None)
    )
    after = endings(tuned.spec)
    assert before < ASKED / 2, "the base seldom ends by itself, or this test shows nothing"
    assert after >= 0.99 * ASKED
    assert any("channel" in note for note in tuned.notes) == (name == "a channel before the answer")
    asked_as_trained(tuned.spec, rows)


def asked_as_trained(spec: ModelSpec, rows: list[ChatSample]) -> None:
    """Whether free or held to choices, the tuned model reads the very tokens that it was trained on."""
    model = load_model(spec)
    assert isinstance(model, LocalModel)
    trained = tokenize(huggingface.tuned_tokenizer(spec.name), rows)
    for choices in (None, ANSWERS):
        asked = model.prompts([Request(row.messages, choices=choices) for row in rows])
        assert asked == [list(sample.prompt) for sample in trained]
    plain = load_model(replace(spec, adapter=None))
    assert plain.count_chats([row.messages for row in rows], [row.output for row in rows]) == [
        sample.length for sample in trained
    ]


def endings(spec: ModelSpec) -> int:
    """How many of the answers to new questions end before the limit."""
    model = load_model(spec)
    requests = [Request(question(1000 + n), max_output_tokens=LIMIT) for n in range(ASKED)]
    completions = model.generate(requests)
    model.release()
    return sum(one is not None and one.finish_reason == "stop" for one in completions)
