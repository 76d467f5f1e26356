"""A data set against one provider's documented rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from steelyard.core import Message
from steelyard.data.dataset import Dataset
from steelyard.data.tokens import TokenCounts
from steelyard.data.tuning.chat import alternates, chat_row, row_bytes, system_first, training_rows
from steelyard.data.tuning.rules import Provider

_GIGA, _MEGA = 10**9, 10**6


class Broken(NamedTuple):
    """One rule that the data breaks, said in words, with the rows (indices) if rows break it.

    ``refused`` says that the provider documents a refusal; else it warns, cuts, or does not say.
    """

    rule: str
    says: str
    cited: str
    refused: bool = True
    indices: tuple[int, ...] = ()


class TuningReview(NamedTuple):
    """All the rules that a data set breaks; ``fits`` when none of them refuses it."""

    provider: Provider
    broken: tuple[Broken, ...]

    @property
    def fits(self) -> bool:
        """Whether no documented rule refuses the data."""
        return not any(rule.refused for rule in self.broken)

    @property
    def indices(self) -> list[int]:
        """The rows that break a rule, those of refusing rules first, each once."""
        ordered = sorted(self.broken, key=lambda rule: not rule.refused)
        return list(dict.fromkeys(index for rule in ordered for index in rule.indices))


class Chats(NamedTuple):
    """The rows to train on: their indices in the data set, their messages, the file's size."""

    indices: list[int]
    rows: list[tuple[Message, ...]]
    file_bytes: int


def as_chats(data: Dataset) -> Chats:
    """The training rows of ``data`` as a provider would get them."""
    indices = training_rows(data)
    instruction = data.task.instruction
    rows = [chat_row(data.examples[i], data.written[i], instruction) for i in indices]
    return Chats(indices, rows, sum(map(row_bytes, rows)))


def judge(data: Dataset, chats: Chats, counts: TokenCounts, provider: Provider) -> TuningReview:
    """Hold ``chats`` against every rule of ``provider`` that is known."""
    broken = [
        *_counted(chats, provider),
        *_shaped(chats, provider),
        *_too_long(data, chats, counts, provider),
        *_too_many(chats, counts, provider),
        *_weighted(data, chats, provider),
    ]
    return TuningReview(provider, tuple(broken))


def _counted(chats: Chats, provider: Provider) -> Iterator[Broken]:
    many, size = len(chats.rows), chats.file_bytes
    least, most = provider.value("min_examples"), provider.value("max_examples")
    if least is not None and many < least:
        examples = "1 example" if many == 1 else f"{many:,} examples"
        yield _broken(provider, "min_examples", f"{examples} to train on, {least:,} are the least")
    if most is not None and many > most:
        yield _broken(provider, "max_examples", f"{many:,} examples, {most:,} are the most")
    limit = provider.value("max_file_bytes")
    if limit is not None and size > limit:
        says = f"the file would have {_size(size)}, {_size(limit)} are the most"
        yield _broken(provider, "max_file_bytes", says)


def _shaped(chats: Chats, provider: Provider) -> Iterator[Broken]:
    """Roles and texts, row by row."""
    roles = frozenset(provider.value("roles") or ())
    tests: tuple[tuple[str, str, Callable[[Sequence[Message]], bool]], ...] = (
        (
            "roles",
            "with a role other than " + ", ".join(sorted(roles)),
            lambda row: _only(row, roles),
        ),
        ("system_first", "with a system message after the first", system_first),
        ("alternate", "whose turns do not alternate between user and assistant", alternates),
        ("text_required", "with an empty message", _has_text),
    )
    for rule, says, keeps in tests:
        if provider.value(rule):
            pairs = zip(chats.indices, chats.rows, strict=True)
            rows = tuple(index for index, row in pairs if not keeps(row))
            if rows:
                yield _broken(provider, rule, f"{_rows(len(rows))} {says}", rows)


def _only(row: Sequence[Message], roles: frozenset[str]) -> bool:
    return all(turn.role in roles for turn in row)


def _has_text(row: Sequence[Message]) -> bool:
    return all(turn.content.strip() for turn in row)


def _too_long(
    data: Dataset, chats: Chats, counts: TokenCounts, provider: Provider
) -> Iterator[Broken]:
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
        says = f"{_rows(len(rows))} over the {limit:,} tokens of {of} by {by}{then}"
        yield _broken(provider, "max_tokens_per_example", says, rows, rule.then == "refused")


def _too_many(chats: Chats, counts: TokenCounts, provider: Provider) -> Iterator[Broken]:
    """A job over the provider's limit even in a single epoch."""
    most = provider.value("max_job_tokens")
    tokens = int(counts.whole[chats.indices].sum())
    if most is not None and tokens > most:
        says = f"{tokens:,} tokens an epoch, {most:,} in all epochs are the most"
        yield _broken(provider, "max_job_tokens", says)


def token_limit(provider: Provider, model: str) -> tuple[int | None, str]:
    """The longest example that ``model`` takes, else that any listed model takes, and whose it is.

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
    return int(limits[name]), f"{name}, the longest that is listed"


def _weighted(data: Dataset, chats: Chats, provider: Provider) -> Iterator[Broken]:
    """Weights between 0 and 1, or over 1, have no place in the provider's rows."""
    weights = provider.value("weights")
    if weights is None:
        return
    rows = tuple(index for index in chats.indices if data.examples[index].weight not in weights)
    if rows:
        says = (
            f"{_rows(len(rows))} with a weight other than {' or '.join(map(str, weights))}, "
            "which would be lost"
        )
        yield _broken(provider, "weights", says, rows, refused=False)


def _broken(
    provider: Provider, rule: str, says: str, rows: tuple[int, ...] = (), refused: bool = True
) -> Broken:
    return Broken(rule, says, provider.rules[rule].cited, refused, rows)


def _rows(many: int) -> str:
    return "1 row" if many == 1 else f"{many:,} rows"


def _size(size: int) -> str:
    return f"{size / _GIGA:,.2f} GB" if size >= _GIGA else f"{size / _MEGA:,.1f} MB"
