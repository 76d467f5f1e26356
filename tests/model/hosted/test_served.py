"""Whether an endpoint serves the model and the prompt that it was asked for."""

from __future__ import annotations

import pytest

from steelyard.core import Message, Request
from steelyard.model import ModelSpec
from steelyard.model.hosted.client import HostedModel
from steelyard.model.hosted.served import PromptCounts, same_model
from tests.model.endpoint import serving, stream


@pytest.mark.parametrize(
    ("requested", "answering"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o", "gpt-4o-2024-07-18"),
        ("gpt-4", "gpt-4-0613"),
        ("openai/gpt-4o", "gpt-4o"),
        ("gpt-4o", "openai/gpt-4o-2024-07-18"),
        ("claude-sonnet-4", "claude-sonnet-4-20250514"),
        ("claude-sonnet-4-latest", "claude-sonnet-4"),
        ("mistral-small-latest", "mistral-small"),
        ("gemini-1.5-pro", "models/gemini-1.5-pro-002"),
        ("Qwen/Qwen2-7B-Instruct", "qwen2-7b-instruct"),
        ("llama3", "llama3:latest"),
        ("qwen2-7b", "/models/qwen2-7b.gguf"),
        ("qwen2-7b", "C:\\models\\Qwen2-7B-Q4_K_M.gguf"),
        ("meta/llama-3:free", "meta/llama-3"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022"),
        ("mistral-small-latest", "mistral-small-2503"),
        ("llama3:latest", "llama3"),
        ("gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06"),
        ("qwen2-7b", "Qwen2-7B.Q8_0.gguf"),
        ("qwen2-7b", "qwen2-7b-IQ4_XS-00001-of-00002.gguf"),
    ],
)
def test_one_model_by_two_names(requested: str, answering: str) -> None:
    assert same_model(requested, answering)


@pytest.mark.parametrize(
    ("requested", "answering"),
    [
        ("gpt-4", "gpt-4o-mini-2024-07-18"),
        ("gpt-4", "gpt-4o"),
        ("gpt-4o", "gpt-4"),
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4-0314", "gpt-4-0613"),
        ("llama3:8b", "llama3:70b"),
        ("m", "mistral"),
        ("qwen2-7b", "/models/llama3.gguf"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-07-18"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o-latest"),
        ("claude-3-5-sonnet-latest", "claude-3-5-haiku-20241022"),
        ("mistral-small-latest", "mistral-medium-2503"),
        ("llama3:70b", "llama3"),
        ("llama3", "llama3:70b"),
        ("llama-3", "llama-3.1-70b.gguf"),
        ("qwen2.5-7b", "qwen2.5-7b-coder.gguf"),
        ("m", "mistral.gguf"),
    ],
)
def test_two_models(requested: str, answering: str) -> None:
    assert not same_model(requested, answering)


@pytest.mark.parametrize(
    ("counts", "is_too_low"),
    [
        ([(100, 30), (800, 200), (4000, 1000)], False),
        ([(400, 100), (460, 100)], False),  # alike
        ([(40, 20), (130, 20)], False),  # short: a little may be much
        ([(600, 100), (2400, 100)], True),
        ([(2400, 64), (600, 64)], True),
        ([(40_000, 2048)], True),
        ([(40_000, 9000)], False),
        ([(900, 20)], False),
    ],
)
def test_a_prompt_that_is_dropped_shows_in_its_count(
    counts: list[tuple[int, int]], is_too_low: bool
) -> None:
    seen = PromptCounts()
    for characters, tokens in counts:
        seen.add("x" * characters, tokens)
    assert seen.is_too_low == is_too_low


def test_scripts_differ_in_characters_and_in_bytes() -> None:
    seen = PromptCounts()
    seen.add("\u4e2d" * 320, 300)
    seen.add("x" * 1300, 300)
    seen.add("\u4e2d" * 1300, 1200)
    seen.add("x" * 2800, 1200)
    assert not seen.is_too_low
    seen.add("\u4e2d" * 1300, 300)
    assert seen.is_too_low


def test_dropped_prompts_are_told_and_remembered() -> None:
    requests = [Request((Message("user", "word " * count),)) for count in (20, 400)]
    with serving(lambda *_: stream("ok")) as endpoint:
        model = HostedModel(ModelSpec("openai", "m", endpoint.base_url))
        model.generate(requests)
        later = HostedModel(ModelSpec("openai", "m", endpoint.base_url))
    assert "drop most of a long prompt" in " ".join(model.notes)
    later.learned = model.learned
    assert later.notes == model.notes
