"""What is learnt, over the chat templates of many families: the answer and exactly the end of a turn."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from steelyard.core import Message
from steelyard.errors import ConfigError, ModelError
from steelyard.model import ModelSpec, load_model
from steelyard.model.prompts import PromptWriter, without_thought
from steelyard.train.base import ChatSample, TuningJob
from steelyard.train.config import LoraOptions
from steelyard.train.learnt import learnt_of
from steelyard.train.lora import LoraTuner, tokenize
from tests.model.chat_templates import FAMILIES, tokenizer_of
from tests.model.tiny import save_tiny

WITH_SYSTEM = (Message("system", "Be brief."), Message("user", "What is the answer?"))
WITHOUT = (Message("user", "What is the answer?"),)
ANSWERS = ["forty-two", " spaced ", "two\nlines", "ü🙂", "<|im_end|> said he"]


@cache
def tokenizer(name: str) -> Any:
    return tokenizer_of(name)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("answer", ANSWERS)
def test_the_answer_and_the_templates_end_of_turn_are_learnt(name: str, answer: str) -> None:
    [sample] = tokenize(tokenizer(name), [ChatSample(WITH_SYSTEM, answer)])
    learnt = tokenizer(name).decode(sample.completion)
    assert learnt == answer + FAMILIES[name].closes


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "no template"])
def test_the_prompt_is_what_transformers_makes_of_the_template(name: str) -> None:
    """Once: no token that the tokenizer puts before a text stands there beside the template's own."""
    [sample] = tokenize(tokenizer(name), [ChatSample(WITHOUT, "forty-two")])
    chat = [{"role": m.role, "content": m.content} for m in WITHOUT]
    rendered = tokenizer(name).apply_chat_template(chat, add_generation_prompt=True)
    assert list(sample.prompt) == rendered["input_ids"]
    begins = tokenizer(name).convert_tokens_to_ids(FAMILIES[name].begins or "x")
    assert sample.prompt.count(begins) == (FAMILIES[name].begins is not None)


@pytest.mark.parametrize("name", FAMILIES)
def test_only_a_channel_before_an_answer_is_named(name: str) -> None:
    header = "<|channel|>final<|message|>" if name == "a channel before the answer" else ""
    assert PromptWriter(tokenizer(name)).before_answer() == header


def test_a_token_that_would_reach_over_the_seam_is_never_learnt() -> None:
    """9: prompt and answer as one text make a token of both, which the arm is never sent."""
    channel, answer = tokenizer("a channel before the answer"), "answer"
    prompt = channel(PromptWriter(channel).text(WITHOUT), add_special_tokens=False)["input_ids"]
    joint = channel(PromptWriter(channel).text(WITHOUT) + answer, add_special_tokens=False)[
        "input_ids"
    ]
    assert joint[: len(prompt)] != prompt, "no merge crosses the seam: the test shows nothing"
    [sample] = tokenize(channel, [ChatSample(WITHOUT, answer)])
    assert list(sample.prompt) == prompt
    assert channel.decode(sample.completion) == "answer<|return|>"


RULES = "{% if messages[0].role != 'system' %}{{ raise_exception('say who you are') }}{% endif %}"
SAYS = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
THINKS = "{% if add_generation_prompt %}[assistant] <think>\n{% endif %}"


@pytest.mark.parametrize(
    "template",
    [RULES + SAYS + THINKS, RULES + SAYS + THINKS + "\n", {"default": RULES + SAYS + THINKS}],
)
def test_a_thought_is_closed_where_a_system_message_is_needed(template: Any) -> None:
    thinking = tokenizer_of("smollm2")
    thinking.chat_template = template
    closed = without_thought(thinking)
    assert PromptWriter(closed).text(WITH_SYSTEM).endswith("[assistant] <think>\n</think>\n\n")
    assert PromptWriter(thinking).text(WITH_SYSTEM).endswith("<think>\n")
    assert without_thought(closed) is closed


def test_a_thought_that_cannot_be_closed_is_refused_by_the_tuner_alone(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = save_tiny(tmp_path / "tiny")
    thinking = AutoTokenizer.from_pretrained(folder)
    thinking.chat_template = SAYS + THINKS + "{% set add_generation_prompt = false %}"
    thinking.save_pretrained(folder)
    spec = ModelSpec("hf", str(folder))
    assert load_model(spec).count_chats([WITHOUT], ["yes"]) is not None
    with pytest.raises(ModelError, match="opens a thought, <think>, and Steelyard cannot close it"):
        LoraTuner().learnt([ChatSample(WITHOUT, "yes")], LoraOptions(), spec, 1)


APART = {"qwen3", "deepseek-r1", "a channel before the answer"}
"""Families that write something between a prompt and its answer when they render both."""
SILENT = {"words alone", "no template", "no answer at the end"}
"""Families that write nothing special behind an answer, or refuse to write one."""


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in APART | SILENT])
def test_the_whole_begins_the_templates_own_rendering(name: str) -> None:
    messages = WITHOUT if name in ("gemma", "mistral") else WITH_SYSTEM
    [sample] = tokenize(tokenizer(name), [ChatSample(messages, "forty-two")])
    chat = [{"role": m.role, "content": m.content} for m in messages]
    chat.append({"role": "assistant", "content": "forty-two"})
    rendered = tokenizer(name).apply_chat_template(chat, tokenize=False)
    whole = tokenizer(name).decode([*sample.prompt, *sample.completion])
    if name == "a space before the end":  # its answer begins with a space that no prompt holds
        rendered = rendered.replace(" forty-two", "forty-two")
    assert rendered.startswith(whole)
    assert rendered[len(whole) :].strip() in ("", "<|endoftext|>")


def test_rows_to_look_at_and_counts_over_all() -> None:
    samples = [ChatSample(WITHOUT, "x" * length) for length in (1, 2, 200)]
    tokens = tokenize(tokenizer("smollm2"), samples)
    learnt = learnt_of(tokenizer("smollm2"), tokens, max_tokens=150, show=2)
    assert [row.learnt for row in learnt.rows] == ["x<|im_end|>", "xx<|im_end|>"]
    assert [row.learnt_tokens for row in learnt.rows] == [2, 3]
    assert (learnt.examples, learnt.too_long, learnt.learnt_tokens) == (3, 1, 5)
    assert learnt.prompt_tokens == 2 * len(tokens[0].prompt)
    assert learnt.rows[0].prompt.endswith("<|im_start|>assistant\n")


def test_a_model_that_could_not_stop_is_refused() -> None:
    endless = tokenizer_of("words alone")
    endless.eos_token = None
    with pytest.raises(ConfigError, match="would never stop"):
        tokenize(endless, [ChatSample(WITHOUT, "x")])


def test_nothing_learnt_and_everything_learnt_are_refused() -> None:
    with pytest.raises(ConfigError, match="nothing is learnt: every answer is empty"):
        tokenize(tokenizer("smollm2"), [ChatSample(WITHOUT, ""), ChatSample(WITHOUT, "")])
    silent = tokenizer_of("no template")
    silent.chat_template = "{{ '' }}"
    with pytest.raises(
        ConfigError, match="everything is learnt: the chat template writes no prompt"
    ):
        tokenize(silent, [ChatSample(WITHOUT, "x")])


def test_nothing_to_learn_is_refused_when_it_is_shown(tmp_path: Path) -> None:
    spec = ModelSpec("hf", str(save_tiny(tmp_path / "tiny")))
    samples = [ChatSample((Message("user", "a long question " * 9),), "yes")]
    with pytest.raises(ConfigError, match="every example of train has more than 5 tokens"):
        LoraTuner().learnt(samples, LoraOptions(max_tokens=5), spec, 1)


@pytest.mark.parametrize("part", ["train", "dev"])
def test_the_part_whose_examples_are_all_too_long_is_named(tmp_path: Path, part: str) -> None:
    spec = ModelSpec("hf", str(save_tiny(tmp_path / "tiny")))
    long, short = (
        [ChatSample((Message("user", words),), "yes")] for words in ("a long question " * 9, "a")
    )
    parts = (long, short) if part == "train" else (short, long)
    with pytest.raises(ConfigError, match=f"every example of {part} has more than 80 tokens"):
        LoraTuner().tune(*parts, LoraOptions(max_tokens=80), TuningJob(spec, tmp_path, 0))
