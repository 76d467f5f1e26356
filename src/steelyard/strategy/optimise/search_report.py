"""What a result states about the search: its trace, where the gain came from, what it may be worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from steelyard.strategy.optimise.design import Design
from steelyard.strategy.optimise.late_gain import late_gain
from steelyard.strategy.optimise.race import Standing
from steelyard.strategy.optimise.search import PromptSearch
from steelyard.strategy.optimise.wordings import about
from steelyard.strategy.prompt_search import DevEvaluator, SearchResult
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.search import SearchCandidate


class SearchReport:
    """Turns a finished search into arms that state it."""

    def __init__(
        self, search: PromptSearch, finalists: Sequence[Standing], reflected: Mapping[str, Any]
    ) -> None:
        self._search = search
        self._finalists = list(finalists)
        self._reflected = reflected

    def outcome(self, standings: Sequence[Standing] | None = None, start: int = 0) -> SearchResult:
        """Return the search's outcome; the trace begins at ``start``."""
        factory = self._search.factory
        standings = standings or self._finalists
        ranked = tuple(
            SearchCandidate(
                standing.design.name, factory.prompt(standing.design), factory.size(standing.design)
            )
            for standing in standings
        )
        score = standings[0].score if standings[0].items else None
        return SearchResult(ranked, score, self._spread(), tuple(self._search.board.trace[start:]))

    def arm(self, evaluator: DevEvaluator, name: str) -> PromptArm:
        """Return the arm of the chosen finalist, with the record of the whole search."""
        arm = evaluator.arm(name, self.outcome(), _described(self._finalists[0].design))
        return _with_search(
            arm,
            **self._budget(),
            held_back=self._held(),
            gain=self._gain(),
            late_gain=self._late_gain(),
            finalists=[self._finalist(standing) for standing in self._finalists],
            reflect=dict(self._reflected),
        )

    def free_arm(
        self, evaluator: DevEvaluator, name: str, standings: Sequence[Standing], start: int
    ) -> PromptArm:
        """Return the arm of free answers; its trace begins at ``start``."""
        arm = evaluator.arm(name, self.outcome(standings, start), _described(standings[0].design))
        reason = "chosen on all of dev, among the finalists of the constrained search"
        held_back = {"items": 0, "score": None, "reason": reason}
        return _with_search(arm, **self._budget(), held_back=held_back)

    def _budget(self) -> Mapping[str, Any]:
        return {"budget": self._search.board.budget.to_dict()}

    def _held(self) -> Mapping[str, Any]:
        """The choice's score on the part of dev that nothing was searched on."""
        score = self._finalist(self._finalists[0])["held_back"]
        items = len(self._search.part.held_back)
        if score is not None:
            return {"items": items, "score": score}
        reason = "the budget ran out first" if items else "dev is too small to hold part of it back"
        return {"items": items, "score": None, "reason": reason}

    def _finalist(self, standing: Standing) -> Mapping[str, Any]:
        board, part = self._search.board, self._search.part
        parts = {"searched": part.search, "held_back": part.held_back}
        return {"name": standing.design.name} | {
            name: board.score(standing.design, items)
            if items and not board.missing(standing.design, items)
            else None
            for name, items in parts.items()
        }

    def _gain(self) -> list[Mapping[str, Any]]:
        """The best score on the searched part after each round, the plain prompt's first."""
        board, part = self._search.board, self._search.part
        plain = self._search.plain
        steps: list[Mapping[str, Any]] = []
        if part.search and not board.missing(plain, part.search):
            score = board.score(plain, part.search)
            steps.append({"stage": "plain", "name": plain.name, "score": score})
        steps += [
            {"stage": stage, "name": standing.design.name, "score": standing.score}
            for stage, standing in self._search.stages
        ]
        return steps

    def _late_gain(self) -> Mapping[str, Any]:
        """Whether the last third of what was spent still gained."""
        return late_gain(self._search.board, self._search.part, self._search.seed).to_dict()

    def _spread(self) -> Mapping[str, float]:
        """Each format's best score in the screening's first round."""
        first = self._search.rules.first
        spread: dict[str, float] = {}
        for trial in self._search.board.trace:
            if trial.stage == "screen" and trial.items <= first:
                name = self._search.board.designs[trial.name].format
                spread[name] = max(trial.score, spread.get(name, 0.0))
        return spread


def _with_search(arm: PromptArm, **more: Any) -> PromptArm:
    arm.fit = replace(arm.fit, search={**arm.fit.search, **more})
    return arm


def _described(design: Design) -> dict[str, Any]:
    """The options that say which prompt it is, in words and in full."""
    purpose = "rewritten by a model" if design.wording is None else about(design.wording)
    return {
        "instruction": design.instruction,
        "wording": design.wording_name,
        "wording_about": purpose,
        "shown": design.shots_name,
        **({"retrieval": asdict(design.retrieval)} if design.retrieved else {}),
    }
