"""What becomes of an arm's answers when a fact of the documents changes."""

from __future__ import annotations

from steelyard.result.base import Omitted, ResultPart
from steelyard.result.figures import Figure


class FactCounts(ResultPart):
    """Answers that state the fact from before the change, the one from after it, and neither (or both)."""

    old: int = 0
    new: int = 0
    neither: int = 0

    @property
    def n(self) -> int:
        return self.old + self.new + self.neither


class FactAnswers(ResultPart):
    """What an arm said of one fact; ``before_side`` and ``after_side`` are ``old``, ``new`` or ``neither``.

    ``fact`` is its place in `Result.changed_facts`, from 0. ``None``: no usable answer.
    """

    fact: int = 0
    before: str | None = None
    before_side: str = "neither"
    after: str | None = None
    after_side: str = "neither"


class Freshness(ResultPart):
    """An arm asked about the facts that change, before the documents were changed and after.

    After the change it ``followed`` so many of ``n`` facts, is ``stale`` on others and states ``neither`` of
    the rest; ``share`` is the part that it followed, and ``before`` counts the answers from before. Some of
    these state the new fact by chance: ``gained`` is the share afterwards minus that before. ``how`` is what
    makes it follow: ``index`` (its passages are indexed again), ``documents`` (they stand in its
    prompt), ``prompt`` (its instruction is rewritten), ``tuning`` or ``fit`` (it learns again).
    ``asked_again`` is false where nothing of it changed: its answers are those from before. ``seconds``
    and ``cost`` are what following takes, ``None`` with a ``reason``. Of ``passages`` so many were
    ``reindexed``, and ``reencoded`` of these by the sentence encoder.
    """

    n: int = 0
    before: FactCounts = FactCounts()
    followed: int = 0
    stale: int = 0
    neither: int = 0
    share: Figure = Figure()
    gained: Figure = Figure(reason="not counted by the version that measured it")
    how: str = ""
    asked_again: bool = True
    seconds: float | None = None
    cost: float | None = None
    reason: Omitted[str] = None
    passages: Omitted[int] = None
    reindexed: Omitted[int] = None
    reencoded: Omitted[int] = None
    answers: tuple[FactAnswers, ...] = ()


class ChangedFactResult(ResultPart):
    """A fact that changes in a document, the question about it, and its answers before and after.

    ``trained``: the question is among the examples that arms learned from, with the old answer.
    """

    document: str = ""
    question: str = ""
    old: str = ""
    new: str = ""
    trained: bool = False
