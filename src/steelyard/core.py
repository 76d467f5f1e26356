"""The records every room shares. This module imports no sibling."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from operator import add
from typing import Any, Literal, NamedTuple, get_args

Role = Literal["system", "user", "assistant"]
OutputKind = Literal["label", "labels", "json", "text"]
Recommendation = Literal[
    "prompt", "few_shot", "retrieval", "fine_tune", "hybrid", "classical", "undecided"
]
FAMILIES: tuple[str, ...] = get_args(Recommendation)[:-1]
"""What a strategy may belong to, in the order of every table and legend."""
PROMPT_FAMILIES: tuple[Recommendation, ...] = ("prompt", "few_shot")
"""Those that adapt a model by its prompt alone."""
COMMON_FAMILIES: tuple[Recommendation, ...] = (*PROMPT_FAMILIES, "fine_tune", "classical")
"""Those that a comparison shows in any case, if only to say that none was weighed."""
COMPOSED_FAMILIES: tuple[Recommendation, ...] = ("hybrid",)
"""Those whose arms are made of others' arms."""


FinishReason = Literal[
    "stop", "length", "choice", "refusal", "content_filter", "tool_calls", "error"
]
"""How an answer ended. ``length``: at the request's limit; ``error``: there is none."""


class Message(NamedTuple):
    """One turn of a chat."""

    role: Role
    content: str


@dataclass(frozen=True)
class Question:
    """What an arm is asked: an input and the turns before it. It has no reference to read."""

    input: str
    context: tuple[Message, ...] = ()


class EvidencePiece(NamedTuple):
    """What holds an answer: a text of the documents, or a stretch of one, in characters of its file.

    A text without a ``document`` may stand in any; of a stretch ``end`` is above ``start``.
    """

    text: str = ""
    document: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Example:
    """One input with its reference output.

    ``context`` holds the turns before the last user turn (a row's own system message included);
    ``source`` says where the row came from (``examples.jsonl:12``). ``rules`` is what a reply to this
    example must keep, in addition to the task's rules: a list as JSON text. ``accepted`` are other outputs
    that are as right as the reference; ``rejected`` is a worse one, which training on pairs alone reads.
    ``evidence`` holds the answer in the task's documents, every piece
    of it; one that is not ``answerable`` from them has a refusal as its reference. ``cluster`` is the number
    of the cluster that it shares with other examples of its part, which have its group or repeat it nearly
    or exactly; ``None`` on its own or before a split.
    """

    id: str
    input: str
    output: str
    context: tuple[Message, ...] = ()
    group: str | None = None
    slice: str | None = None
    timestamp: str | None = None
    weight: float = 1.0
    source: str = ""
    rules: str | None = None
    accepted: tuple[str, ...] = ()
    rejected: str | None = None
    evidence: tuple[EvidencePiece, ...] = ()
    answerable: bool = True
    cluster: int | None = field(default=None, compare=False)

    @property
    def question(self) -> Question:
        return Question(self.input, self.context)


def questions_of(examples: Iterable[Example]) -> list[Question]:
    """What an arm is asked about ``examples``: all of them but their references."""
    return [example.question for example in examples]


def clusters_of(examples: Sequence[Example]) -> list[Hashable] | None:
    """What each example depends on others by; ``None`` where each stands alone.

    The one place where it is decided which examples count as independent: those of one cluster of the
    split (a group, or rows that repeat each other exactly or nearly) do not. An example that no split has
    seen has its group alone.
    """
    clusters: list[Hashable] = [
        example.group if example.cluster is None else example.cluster for example in examples
    ]
    shared = [cluster for cluster in clusters if cluster is not None]
    return clusters if len(set(shared)) < len(shared) else None


def cluster_count(examples: Sequence[Example]) -> int:
    """How many clusters examples fall into (`clusters_of`); one that stands alone is one too."""
    clusters = clusters_of(examples)
    if clusters is None:
        return len(examples)
    return clusters.count(None) + len({cluster for cluster in clusters if cluster is not None})


class Split(NamedTuple):
    """Disjoint parts of a task's examples. A strategy never sees ``test``."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]


@dataclass(frozen=True)
class Request:
    """What is asked of a model once.

    ``choices`` constrains the answer to exactly one of the given texts, ``schema`` (JSON text) to JSON
    that fits the JSON schema; a model that cannot be constrained may say more, for who asked to read.
    ``nonce`` enters the cache key only: the same request with another nonce is answered afresh (repeats,
    latency probes).
    """

    messages: tuple[Message, ...]
    max_output_tokens: int = 64
    choices: tuple[str, ...] = ()
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    nonce: str = ""
    schema: str | None = None


class Usage(NamedTuple):
    """What was asked of models and computed: for one answer, on average, or in all.

    ``cached_tokens`` are the part of ``input_tokens`` whose computation was reused, ``trained_tokens``
    pass through training; ``machine_seconds`` is the time of a whole machine. `+` adds, `*` multiplies.
    """

    requests: float = 0
    input_tokens: float = 0
    cached_tokens: float = 0
    output_tokens: float = 0
    trained_tokens: float = 0
    machine_seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:  # type: ignore[override]
        return Usage(*map(add, self, other))

    def __mul__(self, count: float) -> Usage:  # type: ignore[override]
        return Usage(*(figure * count for figure in self))

    def __truediv__(self, count: float) -> Usage:
        return Usage(*(figure / count for figure in self))


@dataclass(frozen=True)
class Completion:
    """A model's answer to one request, or its failure with the reason in ``failure``.

    Tokens are the model's own counts; ``cached_tokens`` is the part of ``input_tokens`` whose
    computation was reused. ``probabilities`` maps each choice to its probability: the model's own
    where it was constrained, a classifier's, or the shares of a vote.
    ``batch_size`` is how many requests shared the time ``total_seconds``: the machine time of this
    request alone is ``total_seconds / batch_size``. ``reasoning`` is what the model thought before it
    answered, as far as it was told, and stands not in ``text``; its tokens are among the
    ``output_tokens``, and ``reasoning_tokens`` where they are known apart. An answer made of several
    requests (votes, a second model, a repair) holds their sums, and in ``spent`` what each model was
    asked, by the model's account. ``torn`` is what earlier tries of the same requests took, which a
    broken connection or a failing endpoint lost: it is paid, and in no other figure. ``tokens_left``
    is how many tokens an endpoint that cut the answer left of the limit it was sent. ``stage`` names the
    part of an arm of several that gave the answer (``then``; of an arm within it, ``then/first``).
    """

    text: str
    finish_reason: FinishReason
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    first_token_seconds: float = 0.0
    total_seconds: float = 0.0
    batch_size: int = 1
    probabilities: Mapping[str, float] | None = None
    failure: str | None = None
    spent: Mapping[str, Usage] = field(default_factory=dict)
    reasoning: str = ""
    reasoning_tokens: int = 0
    torn: Usage = field(default_factory=Usage)
    tokens_left: int = 0
    stage: str = ""

    @property
    def is_cut(self) -> bool:
        """Whether it ended at the limit of its request, or at one of the server."""
        return self.finish_reason == "length"

    @property
    def is_cut_early(self) -> bool:
        """Whether it was cut well below the limit of its request: by the server's limit or context."""
        return self.is_cut and self.tokens_left > 0

    @property
    def is_reasoned(self) -> bool:
        """Whether the model is seen to have reasoned first, in the open or hidden."""
        hidden = self.is_cut and not self.text.strip() and self.output_tokens > 0
        return bool(self.reasoning or self.reasoning_tokens) or hidden

    @property
    def machine_seconds(self) -> float:
        return self.total_seconds / self.batch_size

    @property
    def was_paid(self) -> bool:
        """Whether it took what requests take: an answer, or a failure that a model worked on.

        A refusal is paid for as an answer is; a request that was never served is not.
        """
        used = self.usage
        return self.failure is None or bool(used.input_tokens or used.output_tokens)

    @property
    def usage(self) -> Usage:
        if self.spent:
            return sum(self.spent.values(), Usage())
        return Usage(
            1,
            self.input_tokens,
            self.cached_tokens,
            self.output_tokens,
            machine_seconds=self.machine_seconds,
        )

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Completion:
        """Build a completion from what `dataclasses.asdict` made of it, by any version."""
        spent = saved.get("spent") or {}
        if isinstance(spent, Mapping):
            usages = {account: Usage(*figures) for account, figures in spent.items()}
        else:  # as first written: a list for each account, without requests and trained tokens
            usages = {
                account: Usage(0, inputs, reused, outputs, 0, seconds)
                for account, inputs, reused, outputs, seconds in spent
            }
        return cls(**{**saved, "spent": usages, "torn": Usage(*saved.get("torn", ()))})


@dataclass(frozen=True)
class Answer:
    """What an arm says to one input: its output, or ``None`` with the reason in ``failure``."""

    output: str | None
    completion: Completion
    failure: str | None = None

    @property
    def confidence(self) -> float | None:
        """The probability of the output, in [0, 1]; ``None`` where there is none to read."""
        probabilities = self.completion.probabilities
        return None if self.output is None or not probabilities else probabilities.get(self.output)


@dataclass(frozen=True)
class Record:
    """One example answered by one arm once. Exactly one outcome: scored, or failed with a reason.

    ``scores`` holds every metric's score by name, and under ``METRIC/PART`` the scores of its parts
    (rules, fields) where they apply.
    """

    arm: str
    example_id: str
    outcome: Literal["scored", "failed"]
    score: float
    reference: str
    answer: Answer
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def reason(self) -> str | None:
        """Why the answer failed; ``None`` when it was scored."""
        return self.answer.failure

    def parts(self, metric: str) -> dict[str, float]:
        """The scores of the parts of ``metric``, by the names of the parts."""
        start = f"{metric}/"
        return {
            name.removeprefix(start): score
            for name, score in self.scores.items()
            if name.startswith(start)
        }


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval. ``value`` is ``None`` when undefined, and ``reason`` says why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    n: int = 0
    method: str = ""
    reason: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The paired difference ``a - b`` of two arms on the same examples.

    ``low`` and ``high`` are its interval at ``level``: beside a ``p_adjusted`` the level at which this pair
    was tested among all, so that the interval excludes 0 where the difference is shown, and only there.
    """

    a: str
    b: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    p_adjusted: float | None
    method: str
    level: float = 0.95

    def turned(self) -> Comparison:
        """The same comparison as ``b - a``."""
        low, high = -self.high, -self.low
        return replace(self, a=self.b, b=self.a, difference=-self.difference, low=low, high=high)


@dataclass(frozen=True)
class Price:
    """Money per million tokens, or a machine's price per hour, with currency, date and source."""

    currency: str = "USD"
    input: Decimal | None = None
    cached: Decimal | None = None
    output: Decimal | None = None
    training: Decimal | None = None
    machine_hour: Decimal | None = None
    source: str = ""
    date: str = ""
