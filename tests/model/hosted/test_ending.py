"""An answer that its limit cut counts as cut, though its finish reason is ``stop``."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.core import Completion, Message, Request
from steelyard.model import ModelSpec
from steelyard.model.hosted.client import HostedModel
from steelyard.model.hosted.dialect import Dialect
from steelyard.model.hosted.reply import EndpointReply, to_completion

LIMIT = 16
REQUEST = Request((Message("user", "hi"),), max_output_tokens=LIMIT)
LABELS = Request((Message("user", "hi"),), max_output_tokens=LIMIT, choices=("A", "B"))
OPEN = "We add up the parts of it, and the number that comes out of the sum of them all"
WHOLE = f"{OPEN} is twelve."


def completed(
    text: str,
    request: Request = REQUEST,
    finish: str = "stop",
    limit: int | None = LIMIT,
    reasoning: str = "",
    **usage: Any,
) -> Completion:
    """What is read of an answer."""
    reply = EndpointReply(is_ended=True)
    message = {"content": text, "reasoning_content": reasoning}
    reply.add({"choices": [{"message": message, "finish_reason": finish}], "usage": usage}, 0.1)
    return to_completion(reply, request, str, limit)


def ended(*args: Any, **known: Any) -> str:
    """The finish reason that is read."""
    return completed(*args, **known).finish_reason


@pytest.mark.parametrize(
    ("text", "tokens", "finish"),
    [
        ("12", 15, "stop"),
        ("12", 16, "length"),
        ("12", 17, "length"),  # its end is counted as well
        ("12", 40, "stop"),  # the limit is not kept to, or leaves out what is hidden
        (OPEN, 40, "length"),
        (WHOLE, 40, "stop"),
        (WHOLE, 16, "length"),  # an honest server says so too
        (WHOLE, 15, "stop"),
        ("", 16, "length"),
        ('{"total": 12}', 16, "stop"),
        ('{"total": 12', 16, "length"),
        ("```json\n[1, 2]\n```", 16, "stop"),
    ],
)
def test_the_count_decides(text: str, tokens: int, finish: str) -> None:
    assert ended(text, prompt_tokens=9, completion_tokens=tokens) == finish


@pytest.mark.parametrize(
    ("text", "finish"), [("A", "choice"), ('{"label": "B"}', "choice"), ("A is", "length")]
)
def test_a_whole_choice_is_none_that_was_cut(text: str, finish: str) -> None:
    assert ended(text, LABELS, prompt_tokens=9, completion_tokens=LIMIT) == finish


@pytest.mark.parametrize(
    ("output", "reasoning", "thought", "finish"),
    [
        (800, 790, "", "stop"),  # reasoning that the limit leaves out, counted
        (800, 0, "hm", "stop"),  # and not counted apart
        (800, 784, "", "length"),
        (16, 10, "", "length"),
        (16, 0, "hm", "length"),
        (15, 10, "hm", "stop"),
    ],
)
def test_reasoning_may_stand_outside_of_the_limit(
    output: int, reasoning: int, thought: str, finish: str
) -> None:
    apart = {"reasoning_tokens": reasoning}
    usage = {"prompt_tokens": 9, "completion_tokens": output, "completion_tokens_details": apart}
    assert ended("12", reasoning=thought, **usage) == finish


@pytest.mark.parametrize(
    ("text", "finish"),
    [
        (OPEN, "length"),
        (WHOLE, "stop"),
        (f"{OPEN}:", "length"),
        (OPEN[:40], "stop"),
        (f"<think>{OPEN}", "length"),
        (f"<think>{OPEN}</think>12", "stop"),
    ],
)
def test_without_a_count_a_long_text_must_break_off(text: str, finish: str) -> None:
    assert ended(text) == finish


def test_what_stands_behind_a_stop_text_is_no_cut() -> None:
    request = Request((Message("user", "hi"),), max_output_tokens=LIMIT, stop=("\n\n",))
    usage = {"prompt_tokens": 9, "completion_tokens": LIMIT}
    assert ended("12\n\nQuestion: how", request, **usage) == "stop"
    assert ended("12 and so on", request, **usage) == "length"


def test_where_no_limit_was_sent_nothing_is_cut() -> None:
    assert ended(OPEN, limit=None, prompt_tokens=9, completion_tokens=99) == "stop"


@pytest.mark.parametrize("word", ["tool_calls", "content_filter"])
def test_other_endings_stay(word: str) -> None:
    assert ended("x", finish=word, prompt_tokens=9, completion_tokens=LIMIT) == word


@pytest.mark.parametrize("request_", [REQUEST, LABELS])
@pytest.mark.parametrize(
    ("learned", "limit"), [([], None), (["least_limit=64"], 64), (["most_limit=8"], 8)]
)
def test_the_limit_is_the_one_that_was_sent(
    request_: Request, learned: list[str], limit: int | None
) -> None:
    dialect = Dialect(official=False)
    dialect.recall(learned)
    assert dialect.limit(request_) == dialect.parameters("m", request_)["max_tokens"]
    assert limit in (None, dialect.limit(request_))
    dialect.recall(["limit=none"])
    assert dialect.limit(request_) is None


def test_a_model_reads_its_answers_so() -> None:
    spec = ModelSpec("openai", "m", base_url="http://127.0.0.1:9/v1")
    reply = EndpointReply(is_ended=True)
    usage = {"prompt_tokens": 9, "completion_tokens": LIMIT}
    choice = {"message": {"content": OPEN}, "finish_reason": "stop"}
    reply.add({"choices": [choice], "usage": usage}, 0.1)
    assert HostedModel(spec).read(reply, REQUEST).is_cut


LONG = Request((Message("user", "hi"),), max_output_tokens=400)


@pytest.mark.parametrize(
    ("text", "known", "left"),
    [
        ("Danke Nr", {"prompt_tokens": 4090, "completion_tokens": 3, "total_tokens": 4093}, 397),
        ("Danke Nr", {"prompt_tokens": 4090, "completion_tokens": 300}, 100),
        ("", {"prompt_tokens": 4090, "completion_tokens": 1}, 399),
        ("Danke Nr", {"prompt_tokens": 4090, "completion_tokens": 400}, 0),
        ("Danke Nr", {"prompt_tokens": 4090, "completion_tokens": 399}, 0),
        ("Danke Nr", {"prompt_tokens": 4090, "completion_tokens": 370}, 0),
        ("Danke Nr", {}, 0),
        (400 * OPEN, {"prompt_tokens": 4090, "completion_tokens": 3}, 0),
        ("Danke", {"prompt_tokens": 40, "completion_tokens": 3, "reasoning": 400 * OPEN}, 0),
    ],
)
def test_an_answer_cut_below_the_limit_sent_met_the_servers_own(
    text: str, known: dict[str, Any], left: int
) -> None:
    completion = completed(text, LONG, "length", 400, **known)
    assert completion.tokens_left == left
    assert completion.is_cut and completion.is_cut_early == (left > 0)


def test_one_that_stopped_or_had_no_limit_is_not_cut_below_it() -> None:
    used = {"prompt_tokens": 40, "completion_tokens": 3}
    assert not completed("Danke.", LONG, "stop", 400, **used).is_cut_early
    assert not completed("Danke", LONG, "length", None, **used).is_cut_early
