"""What a run's helpers will be asked: the models that judge replies, reflect on a search or teach."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from steelyard.core import Example, Message, Usage
from steelyard.data.tokens import estimate
from steelyard.model import ModelSpec
from steelyard.model.provider_facts import Pace
from steelyard.model.tokenizer import local_tokenizer
from steelyard.planning.jobs import Job
from steelyard.planning.outlook import PlanLine
from steelyard.planning.pace import pace_of
from steelyard.planning.plan import Plan
from steelyard.score.judge import Judge
from steelyard.score.judge.prompts import compare_messages, rate_messages, support_messages
from steelyard.strategy.base import traits_of
from steelyard.strategy.long_context import LongContext
from steelyard.strategy.outlook import Forecast

_SAMPLE = 40
_CHAT_TOKENS = 16
_CHOICE_TOKENS = 8
_REASONED_TOKENS = 256
_CLASSICAL_TRIALS = 4
"""Settings that a classical strategy tries on dev, each of them judged where the judge decides."""


def judge_line(
    plan: Plan, lines: Sequence[PlanLine], folder: Path | None
) -> tuple[PlanLine, Pace] | None:
    """Return the judge's line, not priced yet, and its pace; ``None`` where no model judges."""
    judge = Judge.among(plan.metrics)
    model = plan.judge
    if judge is None or model is None:
        return None
    options = judge.options
    replies = _replies(plan, lines, decides=judge is plan.metrics[0])
    requests = replies * options.requests_per_reply
    tokens = requests * _question_tokens(plan, judge, model.spec)
    if options.groundedness:
        supported = _support_usage(plan, judge, model.spec, lines)
        requests, tokens = requests + round(supported.requests), tokens + supported.input_tokens
    written = _REASONED_TOKENS if options.reasoning else _CHOICE_TOKENS
    line = PlanLine(
        "judge",
        model,
        requests={"judge": requests},
        usage=Usage(requests, round(tokens), output_tokens=requests * written),
        note="no repeated replies, each as long as its reference",
    )
    return line, pace_of(plan, model, folder)


def _replies(plan: Plan, lines: Sequence[PlanLine], *, decides: bool) -> int:
    """How many replies are judged: on test, for the gap, and on dev where the judge decides."""
    test, dev = len(plan.split.test), len(plan.split.dev)
    total = 0
    for line in lines:
        if line.model is None:
            total += 2 * test + (_CLASSICAL_TRIALS * dev if decides else 0)
        elif line.requests is not None:
            phases = ("search", "test", "gap", "consistency") if decides else ("test", "gap")
            total += sum(line.requests.get(phase, 0) for phase in phases)
    return total


def _support_usage(plan: Plan, judge: Judge, spec: ModelSpec, lines: Sequence[PlanLine]) -> Usage:
    """What asking takes whether passages support answers: of every arm with passages, over test.

    The passages that an answer cites are among those of its prompt, so that this is the longest question.
    """
    reading = {job.key for job in plan.jobs if traits_of(job.strategy.name).carries == "documents"}
    reading -= {job.key for job in plan.jobs if job.strategy.name == LongContext.name}
    count = _counter(spec)
    frame = [_text(support_messages(judge.options, Example("", "", ""), (), ""))]
    prompts = [line.per_answer for line in lines if line.strategy in reading]
    requests = len(plan.split.test) * judge.options.votes
    tokens = [
        count(frame)[0] + _CHAT_TOKENS + prompt.input_tokens + prompt.output_tokens
        for prompt in prompts
    ]
    return Usage(requests * len(prompts), requests * sum(tokens))


def _question_tokens(plan: Plan, judge: Judge, spec: ModelSpec) -> float:
    """Mean tokens of a question, were every reply its reference."""
    examples = plan.split.test[:_SAMPLE]
    questions = [
        compare_messages(judge.options, example, example.output, True)
        if judge.options.mode == "compare"
        else rate_messages(judge.options, example, example.output)
        for example in examples
    ]
    lengths = _counter(spec)([_text(messages) for messages in questions])
    return sum(lengths) / max(1, len(lengths)) + _CHAT_TOKENS


def _counter(spec: ModelSpec) -> Callable[[Sequence[str]], Sequence[float]]:
    """What counts the tokens of texts, or estimates them."""
    tokenizer = local_tokenizer(spec)
    return estimate if isinstance(tokenizer, str) else tokenizer.count


def _text(messages: Sequence[Message]) -> str:
    return "\n".join(message.content for message in messages)


def other_model_lines(
    plan: Plan, job: Job, forecast: Forecast | None, folder: Path | None
) -> Iterator[tuple[PlanLine, Pace]]:
    """Yield a line for every other model that a job's fit asks, not priced yet, and its pace."""
    for other in () if forecast is None else forecast.other_models:
        model = next(model for model in plan.all_models if model.spec == other.spec)
        line = PlanLine(
            f"{other.role} of {job.key}",
            model,
            requests={"search" if other.is_scored else "reflect": int(other.usage.requests)},
            usage=other.usage,
            note=other.note,
        )
        yield line, pace_of(plan, model, folder)
