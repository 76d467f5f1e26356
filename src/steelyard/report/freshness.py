"""Who follows when a fact of the documents changes, and what that takes."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from steelyard.report import formats
from steelyard.report.view import ArmView, View
from steelyard.result.freshness import ChangedFactResult, FactAnswers, Freshness
from steelyard.words import counted, listed

_MOST_ARMS = 6
_SIDES = {"old": "old fact", "new": "new fact", "neither": "neither"}
_STILL = "nothing of it changed, so it was not asked again"


class FreshnessRow(NamedTuple):
    """One arm's line; ``takes`` is what makes it follow, ``note`` what to know of that."""

    arm: ArmView
    block: Freshness
    takes: str
    note: str


class FactRow(NamedTuple):
    """One fact, and what each arm shown said of it; ``None`` where the result does not list it."""

    fact: ChangedFactResult
    answers: tuple[FactAnswers | None, ...]


class FreshnessView:
    """The section of a result; false where the task lists no facts that change."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __bool__(self) -> bool:
        return bool(self.rows or self.unasked)

    @cached_property
    def rows(self) -> list[FreshnessRow]:
        """The arms that were asked, those first that follow most."""
        pairs = [(arm, arm.freshness) for arm in self._view.arms]
        rows = [
            FreshnessRow(arm, block, _takes(block), _note(block))
            for arm, block in pairs
            if block is not None
        ]
        return sorted(rows, key=lambda row: (-_gain(row.block), row.block.stale))

    @property
    def unasked(self) -> list[tuple[str, str]]:
        """The arms that were not asked, with the reason."""
        arms = self._view.arms
        return [(arm.name, arm.freshness_reason) for arm in arms if arm.freshness_reason]

    @property
    def intro(self) -> str:
        facts = self._view.result.changed_facts
        trained = sum(fact.trained for fact in facts)
        sentences = [
            f"{counted(len(facts), 'fact')} of the documents changed in memory after the arms were built; "
            "your files did not. Each arm was asked before and after. Which fact an answer states is told "
            "by the task's metric where it says right or wrong, else by its words; neither is also an "
            "answer that states both, or failed. An arm that states a new fact before the change does so by "
            "chance: follows is the difference.",
        ]
        if trained:
            sentences.append(
                f"{counted(trained, 'question is', 'questions are')} among the examples that arms learned "
                "from, with the old answer."
            )
        return " ".join(sentences)

    @property
    def arms(self) -> list[ArmView]:
        """The arms of the table of facts."""
        return [row.arm for row in self.rows[:_MOST_ARMS]]

    @property
    def facts(self) -> list[FactRow]:
        by_arm = [{one.fact: one for one in row.block.answers} for row in self.rows[:_MOST_ARMS]]
        return [
            FactRow(fact, tuple(answers.get(place) for answers in by_arm))
            for place, fact in enumerate(self._view.result.changed_facts)
            if any(place in answers for answers in by_arm)
        ]

    @property
    def hidden_facts(self) -> int:
        return len(self._view.result.changed_facts) - len(self.facts)

    def side(self, side: str) -> str:
        return _SIDES.get(side, side)

    @property
    def sentence(self) -> str:
        """All of it in one sentence, for a terminal; empty where nothing was asked."""
        named = [row for row in self.rows if row.block.followed or row.block.how == "tuning"]
        clauses = [f"{row.arm.name} {_follows(row.block)}{_time_text(row.block)}" for row in named]
        others = [row.arm.name for row in self.rows if row not in named]
        if others:
            follow = "follows" if len(others) == 1 else "follow"
            clauses.append(f"{listed(others)} {follow} none")
        return f"{'; '.join(clauses)}." if clauses else ""


def _gain(block: Freshness) -> int:
    """How many more answers state the new fact after the change than did by chance before it."""
    return block.followed - block.before.new


def _follows(block: Freshness) -> str:
    if not block.before.new:
        return f"follows {block.followed} of {block.n}"
    facts = counted(block.n, "new fact")
    return f"states {block.followed} of {facts}, and stated {block.before.new} before the change"


def _time_text(block: Freshness) -> str:
    verb = {"index": "to index again", "tuning": "to tune again"}.get(block.how)
    if not block.seconds or verb is None:
        return ""
    return f" ({formats.seconds(block.seconds)} {verb})"


def _takes(block: Freshness) -> str:
    if block.how == "index":
        read = counted(block.reindexed or 0, "passage")
        return f"{read} of {formats.count(block.passages)} indexed again, {block.reencoded or 0} encoded"
    if block.how == "documents":
        return "nothing: it reads all documents with each request"
    if block.how == "prompt":
        return (
            "its instruction rewritten" if block.asked_again else "a prompt that states the facts"
        )
    return "tuning again" if block.how == "tuning" else "fitting again"


def _note(block: Freshness) -> str:
    notes = ["" if block.asked_again else _STILL, block.reason or ""]
    return "; ".join(filter(None, notes))
