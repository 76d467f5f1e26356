"""A data set as the chats that a provider trains on, against its documented rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from steelyard.core import Example, Message
from steelyard.data.dataset import Dataset
from steelyard.data.tokens import TokenCounts
from steelyard.data.tuning.rules import Provider
from steelyard.data.tuning.turns import TURN_RULES, TurnRule, is_unweighed
from steelyard.words import counted

_GIGA, _MEGA = 10**9, 10**6


def training_rows(data: Dataset) -> list[int]:
    """Indices of what would be trained on: train, or all rows before a split."""
    train = [index for index, part in enumerate(data.parts) if part == "train"]
    return train or list(range(len(data.examples)))


def chat_row(example: Example, answer: str, instruction: str) -> tuple[Message, ...]:
    """The instruction as system message, the row's turns, its answer.

    A system message with which the row itself begins follows the instruction in the same message,
    as when a model is asked.
    """
    turns = list(example.context)
    heads = [instruction.strip()]
    while turns and turns[0].role == "system":
        heads.append(turns.pop(0).content)
    head = "\n\n".join(dict.fromkeys(text for text in heads if text))
    system = [Message("system", head)] if head else []
    return (*system, *turns, Message("user", example.input), Message("assistant", answer))


def row_bytes(messages: Sequence[Message]) -> int:
    """The size of a chat row as one line of JSON in UTF-8."""
    line = json.dumps({"messages": [turn._asdict() for turn in messages]}, ensure_ascii=False)
    return len(line.encode()) + 1


class RuleViolation(NamedTuple):
    """One rule that the data breaks, in words, with the rows (indices) if rows break it.

    ``refused``: the provider documents a refusal; otherwise it warns, cuts, or does not say.
    """

    rule: str
    says: str
    cited: str
    refused: bool = True
    indices: tuple[int, ...] = ()


class TuningReview(NamedTuple):
    """All the rules that a data set breaks; it ``fits`` when none of them refuses it."""

    provider: Provider
    violations: tuple[RuleViolation, ...]

    @property
    def fits(self) -> bool:
        return not any(rule.refused for rule in self.violations)

    @property
    def indices(self) -> list[int]:
        """The rows that break a rule, those of refusing rules first, each once."""
        ordered = sorted(self.violations, key=lambda rule: not rule.refused)
        return list(dict.fromkeys(index for rule in ordered for index in rule.indices))


class TrainingChats(NamedTuple):
    """The rows to train on: their indices in the data set, their messages, the file's size."""

    indices: list[int]
    rows: list[tuple[Message, ...]]
    file_bytes: int


def as_chats(data: Dataset) -> TrainingChats:
    """The training rows of ``data`` as a provider would get them."""
    indices = training_rows(data)
    instruction = data.task.instruction
    rows = [chat_row(data.examples[i], data.written[i], instruction) for i in indices]
    return TrainingChats(indices, rows, sum(map(row_bytes, rows)))


def review(
    data: Dataset, chats: TrainingChats, counts: TokenCounts, provider: Provider
) -> TuningReview:
    """Check ``chats`` against every known rule of ``provider``."""
    violations = [
        *_counted(data, chats, provider),
        *_shaped(chats, provider),
        *_too_long(data, chats, counts, provider),
        *_too_many(chats, counts, provider),
        *_weighted(data, chats, provider),
    ]
    return TuningReview(provider, tuple(violations))


def _counted(data: Dataset, chats: TrainingChats, provider: Provider) -> Iterator[RuleViolation]:
    """The number of rows, also of those that cannot be weighed, and the file's size."""
    trained = (row.bad.reason for row in data.bad if row.part in ("train", "all"))
    unweighed = sum(is_unweighed(reason, provider.name) for reason in trained)
    many, size = len(chats.rows) + unweighed, chats.file_bytes
    least, most = provider.value("min_examples"), provider.value("max_examples")
    if least is not None and many < least:
        says = f"{counted(many, 'training example')}, and the minimum is {least:,}"
        yield _broken(provider, "min_examples", says)
    if most is not None and many > most:
        says = f"{many:,} training examples, and the maximum is {most:,}"
        yield _broken(provider, "max_examples", says)
    limit = provider.value("max_file_bytes")
    if limit is not None and size > limit:
        says = f"the file would have {_size(size)}, and the maximum is {_size(limit)}"
        yield _broken(provider, "max_file_bytes", says)


def _shaped(chats: TrainingChats, provider: Provider) -> Iterator[RuleViolation]:
    """Roles and texts, row by row."""
    roles = frozenset(provider.value("roles") or ())
    listed = ", ".join(sorted(roles))
    known = TurnRule(
        "roles", f"with a role other than {listed}", lambda row: {x.role for x in row} <= roles
    )
    for rule, says, keeps in (known, *TURN_RULES):
        if provider.value(rule):
            pairs = zip(chats.indices, chats.rows, strict=True)
            rows = tuple(index for index, row in pairs if not keeps(row))
            if rows:
                yield _broken(provider, rule, f"{counted(len(rows), 'row')} {says}", rows)


def _too_long(
    data: Dataset, chats: TrainingChats, counts: TokenCounts, provider: Provider
) -> Iterator[RuleViolation]:
    limit, of = token_limit(provider, data.model.name)
    if limit is None or not chats.indices:
        return
    tokens = counts.whole[chats.indices]
    order = np.argsort(-tokens, kind="stable")
    rows = tuple(int(chats.indices[place]) for place in order if tokens[place] > limit)
    if rows:
        rule = provider.rules["max_tokens_per_example"]
        then = {"cut": ", which would be cut", "refused": ""}.get(
            rule.then, ", and it is not documented whether they are refused or cut"
        )
        by = counts.how if counts.method == "exact" else "an estimate from characters"
        says = f"{counted(len(rows), 'row')} over the {limit:,} tokens of {of}, by {by}{then}"
        yield _broken(provider, "max_tokens_per_example", says, rows, rule.then == "refused")


def _too_many(
    chats: TrainingChats, counts: TokenCounts, provider: Provider
) -> Iterator[RuleViolation]:
    """A job over the provider's limit even in a single epoch."""
    most = provider.value("max_job_tokens")
    tokens = int(counts.whole[chats.indices].sum())
    if most is not None and tokens > most:
        says = f"{tokens:,} tokens per epoch, and the maximum over all epochs is {most:,}"
        yield _broken(provider, "max_job_tokens", says)


def token_limit(provider: Provider, model: str) -> tuple[int | None, str]:
    """The longest example that ``model`` takes, else that any listed model takes, and which one.

    Dated names (``gpt-4.1-mini-2025-04-14``) have the limit of the longest listed name they begin with.
    """
    limits = provider.value("max_tokens_per_example")
    if not limits:
        return None, ""
    named = [name for name in limits if f"{model}-".startswith(f"{name}-")]
    if named:
        name = max(named, key=len)
        return int(limits[name]), name
    name = max(limits, key=lambda name: int(limits[name]))
    return int(limits[name]), f"{name}, the longest listed"


def _weighted(data: Dataset, chats: TrainingChats, provider: Provider) -> Iterator[RuleViolation]:
    """Weights between 0 and 1, or over 1, have no place in the provider's rows."""
    weights = provider.value("weights")
    if weights is None:
        return
    rows = tuple(index for index in chats.indices if data.examples[index].weight not in weights)
    if rows:
        says = (
            f"{counted(len(rows), 'row')} with a weight other than {' or '.join(map(str, weights))}, "
            "which would be lost"
        )
        yield _broken(provider, "weights", says, rows, refused=False)


def _broken(
    provider: Provider, rule: str, says: str, rows: tuple[int, ...] = (), refused: bool = True
) -> RuleViolation:
    return RuleViolation(rule, says, provider.rules[rule].cited, refused, rows)


def _size(size: int) -> str:
    return f"{size / _GIGA:,.2f} GB" if size >= _GIGA else f"{size / _MEGA:,.1f} MB"
