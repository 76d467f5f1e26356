"""A tuned model ends its answers by itself, under the chat templates of many families."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from steelyard.core import Message, Request
from steelyard.model import ModelSpec, load_model
from steelyard.train.base import ChatSample, TuningJob
from steelyard.train.config import LoraOptions
from steelyard.train.lora import LoraTuner
from tests.model.chat_templates import FAMILIES, tokenizer_of

ROWS, ASKED, LIMIT = 48, 200, 24
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
    rows = [ChatSample(question(n), ("yes", "no way")[n % 2]) for n in range(ROWS)]
    before = endings(spec)
    tuned = LoraTuner().tune(
        rows, rows[:8], OPTIONS, TuningJob(spec, tmp_path / "job", 0, lambda done, total: None)
    )
    after = endings(tuned.spec)
    assert before < ASKED / 2, "the base seldom ends by itself, or this test shows nothing"
    assert after >= 0.99 * ASKED


def endings(spec: ModelSpec) -> int:
    """How many of the answers to new questions end before the limit."""
    model = load_model(spec)
    requests = [Request(question(1000 + n), max_output_tokens=LIMIT) for n in range(ASKED)]
    completions = model.generate(requests)
    model.release()
    return sum(one is not None and one.finish_reason == "stop" for one in completions)
