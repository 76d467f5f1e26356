"""What a search may spend: forward-pass tokens, the currency that tuning and prompting share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, NamedTuple

from steelyard.core import Completion, Example, Message, questions_of
from steelyard.families import STRATEGIES
from steelyard.model.base import Model
from steelyard.strategy.base import Brief, build_strategy, traits_of
from steelyard.strategy.formats import get_format
from steelyard.strategy.outlook import PassTokens
from steelyard.strategy.prompt import count_tokens
from steelyard.strategy.traits import StrategySpec
from steelyard.train.base import BACKWARD, ChatSample, Passes
from steelyard.words import listed

UNIT = "forward-pass tokens"
_TURN_MARKS = 8
MARKS = 3 * _TURN_MARKS
"""Tokens of a chat's marks around an example that a model is tuned on."""
HOSTED_CALLS = 1500
"""Questions at most that a search asks of a hosted model unless the user says otherwise."""


def tuning_budget(train_tokens: float, dev_tokens: float, passes: Passes) -> int:
    """Return what tuning may take at most, in forward-pass tokens.

    ``train_tokens`` and ``dev_tokens`` are one pass over each, prompts and answers.
    """
    return round(passes.tokens(train_tokens, dev_tokens))


def tuning_used(trained_tokens: int, dev_tokens: float, measured: float) -> int:
    """Return what a finished training took: ``trained_tokens`` passed through it, dev so often."""
    return round(BACKWARD * trained_tokens + measured * dev_tokens)


def pass_tokens(
    model: Model, instruction: str, examples: Sequence[Example], most: int | None = None
) -> int:
    """Return the tokens of one pass over ``examples`` as tuning reads them; see `chat_pass_tokens`."""
    shape = get_format("system_user")
    return chat_pass_tokens(
        model,
        [
            ChatSample(shape.render(instruction, "text", (), question), one.output)
            for question, one in zip(questions_of(examples), examples, strict=True)
        ],
        most,
    )


def chat_pass_tokens(model: Model, samples: Sequence[ChatSample], most: int | None = None) -> int:
    """Return the tokens of one pass over ``samples``; of a pair, both answers after their prompt.

    Samples of more than ``most`` are left out, as training leaves them out, and a pair where either side
    is. Where the chat template is not known here, they are those of the turns, and 8 for the marks of each.
    """
    answers = [[one for one in (row.output, row.rejected) if one is not None] for row in samples]
    prompts = [row.messages for row, some in zip(samples, answers, strict=True) for _ in some]
    counts = iter(_chat_tokens(model, prompts, [*chain.from_iterable(answers)]))
    sizes = [[*islice(counts, len(some))] for some in answers]
    return sum(sum(some) for some in sizes if most is None or max(some) <= most)


def _chat_tokens(
    model: Model, prompts: Sequence[tuple[Message, ...]], answers: Sequence[str]
) -> Sequence[int]:
    counted = model.count_chats(prompts, answers)
    if counted is not None:
        return counted
    chats = [
        (*(turn.content for turn in prompt), answer)
        for prompt, answer in zip(prompts, answers, strict=True)
    ]
    tokens = {
        text: count_tokens(model, text) + _TURN_MARKS for text in {*chain.from_iterable(chats)}
    }
    return [sum(tokens[text] for text in chat) for chat in chats]


class Allowance(NamedTuple):
    """Forward-pass tokens, and where that number comes from."""

    tokens: int
    source: str


def allowance(
    budget: int, brief: Brief, tunings: Sequence[StrategySpec], once: PassTokens
) -> Allowance:
    """Return ``budget`` where there is one, else what the most expensive of the run's ``tunings`` may take.

    Where none of the run's sets a limit, the defaults of the first strategy that tunes hold.
    """
    if budget:
        return Allowance(budget, "the option budget")

    def limits(specs: Sequence[StrategySpec]) -> list[tuple[str, int]]:
        tokens = [(spec.name, build_strategy(spec).tuning_tokens(brief, once)) for spec in specs]
        return [(name, most) for name, most in tokens if most]

    several, whose = limits(tunings), "this run's"
    if not several:
        several, whose = limits(tunings_of(map(StrategySpec, STRATEGIES)))[:1], "the defaults of"
    names = listed(list(dict.fromkeys(name for name, _ in several)))
    return Allowance(max((most for _, most in several), default=0), f"{whose} {names}")


def tunings_of(specs: Iterable[StrategySpec]) -> tuple[StrategySpec, ...]:
    """Return those of ``specs`` that fine-tune."""
    return tuple(spec for spec in specs if traits_of(spec.name).tunes)


@dataclass
class BudgetTracker:
    """Counts what a search asks and says what it may still ask.

    ``limit`` bounds the tokens of the current stage, ``calls_limit`` its questions (``calls``: all of
    them; ``None``: any number). On a local model the tokens are those that were computed: a prefix
    shared by a call's requests counts once. Elsewhere they are those sent and answered. ``source``
    says where ``allowed`` comes from.
    """

    allowed: int
    local: bool
    calls: int | None = None
    spent: int = 0
    questions: int = 0
    source: str = ""
    limit: int = field(init=False)
    calls_limit: int | None = field(init=False)

    def __post_init__(self) -> None:
        """The first stage may spend everything."""
        self.stage(1.0)

    def stage(self, share: float) -> None:
        """Let the next stage spend ``share`` of what is left."""
        self.limit = self.spent + round(share * max(0, self.allowed - self.spent))
        if self.calls is not None:
            self.calls_limit = self.questions + round(share * max(0, self.calls - self.questions))
        else:
            self.calls_limit = None

    def keep(self, tokens: int, questions: int) -> None:
        """Let the next stage spend everything but this reserve."""
        self.limit = self.allowed - tokens
        self.calls_limit = None if self.calls is None else self.calls - questions

    @property
    def remaining(self) -> int:
        """Tokens that the current stage may still spend."""
        return max(0, self.limit - self.spent)

    def affords(self, tokens: float, questions: int) -> bool:
        """Whether this stage can still pay for ``tokens`` and ``questions``."""
        fits = self.calls_limit is None or self.questions + questions <= self.calls_limit
        return fits and tokens <= self.remaining

    def book(self, completions: Sequence[Completion], requests: int) -> None:
        """Add the answers of one call, for which ``requests`` were made."""
        self.spent += tokens_of(completions, self.local)
        self.questions += requests

    def to_dict(self) -> dict[str, Any]:
        bound = {"max_calls": self.calls} if self.calls is not None else {}
        source = {"source": self.source} if self.source else {}
        return {"unit": UNIT, "allowed": self.allowed, "used": self.spent, **source, **bound}


def tokens_of(completions: Sequence[Completion], local: bool) -> int:
    """Forward-pass tokens of one call's completions; see `BudgetTracker`."""
    sent = sum(completion.input_tokens + completion.output_tokens for completion in completions)
    if not local:
        return sent
    cached = [completion.cached_tokens for completion in completions]
    # a prefix computed before the call began is reported as cached by every request: it counts once
    shared = max(cached) if cached and min(cached) > 0 else 0
    return sent - sum(cached) + shared


def budget_block(allowed: int, spent: int) -> Mapping[str, Any]:
    """Return the block ``budget`` of a search that counts for itself."""
    return {"unit": UNIT, "allowed": allowed, "used": spent}
