"""Choosing the best of several candidates on dev, with few questions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from steelyard.core import Answer, Example, Question

T = TypeVar("T")
P = TypeVar("P")
Scorer = Callable[[Sequence[Example], Sequence[Answer]], float]
"""The metric's value over answered examples, in [0, 1]; a failed answer counts 0."""


@dataclass(frozen=True)
class SearchCandidate(Generic[T]):
    """Something to choose from. Between equal scores the smaller ``size`` (prompt length) wins."""

    name: str
    value: T
    size: int = 0


@dataclass(frozen=True)
class Trial:
    """One candidate's score over ``items`` dev examples, and how many requests were ``asked`` for it.

    ``stage`` is ``screen`` (a part of dev), ``final`` (all of it), or a step of its strategy's own.
    """

    name: str
    stage: str
    items: int
    asked: int
    score: float


@dataclass(frozen=True)
class Stage(Generic[P]):
    """A step of a search: each of ``prompts`` answers ``items`` examples.

    A prompt is a candidate where the search runs, and a length where it is forecast. ``repeats`` is
    how often an answer is asked for at most (votes, repairs).
    """

    name: str
    prompts: Sequence[P]
    items: int
    repeats: int = 1


def questions_in(stages: Iterable[Stage[Any]]) -> int:
    """How many answers the stages ask for at most."""
    return sum(len(stage.prompts) * stage.items for stage in stages)


@dataclass(frozen=True)
class Halving:
    """The search's budget: all meet ``screen`` dev examples, ``finalists`` the whole of dev."""

    screen: int = 40
    finalists: int = 2

    def screened(self, dev: int) -> int:
        """How many of ``dev`` examples all candidates meet."""
        return min(self.screen or dev, dev)

    def stages(self, prompts: Sequence[P], dev: int) -> list[Stage[P]]:
        """Return the stages of choosing among ``prompts`` on ``dev`` examples.

        The second one names as many of the last prompts as will be finalists; the search replaces
        them by those that won the first.
        """
        screen = self.screened(dev)
        if len(prompts) <= self.finalists or screen == dev:
            return [Stage("final", prompts, dev)]
        finalists = prompts[-self.finalists :]
        return [Stage("screen", prompts, screen), Stage("final", finalists, dev - screen)]


@dataclass(frozen=True)
class Choice(Generic[T]):
    """The chosen candidate and the trials that led to it, in order."""

    best: SearchCandidate[T]
    trace: tuple[Trial, ...] = ()

    @property
    def score(self) -> float | None:
        """The winner's last dev score; ``None`` when there was no dev example to ask."""
        scores = [trial.score for trial in self.trace if trial.name == self.best.name]
        return scores[-1] if scores else None

    @property
    def dev_calls(self) -> int:
        """How many questions the search asked."""
        return sum(trial.asked for trial in self.trace)

    def ranking(self) -> list[str]:
        """Candidate names, best first: finalists before the others."""
        last = {trial.name: trial for trial in self.trace}
        rest = sorted(last.values(), key=lambda trial: (trial.stage != "final", -trial.score))
        return [self.best.name, *(trial.name for trial in rest if trial.name != self.best.name)]


@dataclass
class _Standing(Generic[T]):
    """A candidate's answers so far, by dev index."""

    candidate: SearchCandidate[T]
    answers: dict[int, Answer] = field(default_factory=dict)
    score: float = 0.0


def choose(
    candidates: Sequence[SearchCandidate[T]],
    dev: Sequence[Example],
    answer_fn: Callable[[T, Sequence[Question]], Sequence[Answer]],
    score_fn: Scorer,
    rng: np.random.Generator,
    plan: Halving = Halving(),
) -> Choice[T]:
    """Choose by successive halving (Jamieson & Talwalkar 2016), cut to two rounds.

    All candidates answer a stratified subset of dev; the best few answer the rest of it too.
    Assumes that a candidate far behind on the subset is not the best on all of dev. Without dev
    the smallest candidate is taken. One candidate alone is only scored.
    """
    standings = [_Standing(candidate) for candidate in candidates]
    if not dev:
        return Choice(min(candidates, key=lambda candidate: candidate.size))
    trace: list[Trial] = []
    for stage in plan.stages(standings, len(dev)):
        if stage.name == "screen":
            items = stratified_subset(dev, stage.items, rng)
        else:
            items = list(range(len(dev)))
        if len(stage.prompts) < len(standings):
            standings = _ranked(standings)[: len(stage.prompts)]
        for standing in standings:
            trace.append(_try(standing, stage.name, items, dev, (answer_fn, score_fn)))
    return Choice(_ranked(standings)[0].candidate, tuple(trace))


def _try(
    standing: _Standing[T],
    stage: str,
    indices: Sequence[int],
    dev: Sequence[Example],
    functions: tuple[Callable[[T, Sequence[Question]], Sequence[Answer]], Scorer],
) -> Trial:
    answer_fn, score_fn = functions
    fresh = [index for index in indices if index not in standing.answers]
    answers = (
        answer_fn(standing.candidate.value, [dev[index].question for index in fresh])
        if fresh
        else []
    )
    standing.answers.update(zip(fresh, answers, strict=True))
    examples = [dev[index] for index in indices]
    standing.score = score_fn(examples, [standing.answers[index] for index in indices])
    return Trial(standing.candidate.name, stage, len(examples), len(fresh), standing.score)


def _ranked(standings: Sequence[_Standing[T]]) -> list[_Standing[T]]:
    return sorted(standings, key=lambda standing: (-standing.score, standing.candidate.size))


def stratified_subset(
    examples: Sequence[Example], size: int, rng: np.random.Generator
) -> list[int]:
    """Indices of ``size`` examples, in order; each output keeps its share."""
    return sorted(stratified_order(examples, rng)[:size])


def stratified_order(examples: Sequence[Example], rng: np.random.Generator) -> list[int]:
    """All indices, ordered so that every prefix keeps each output's share."""
    queues: dict[str, list[int]] = {}
    for index in rng.permutation(len(examples)):
        queues.setdefault(examples[index].output, []).append(int(index))
    ranked = [
        ((turn + 0.5) / len(queue), int(place), index)
        for place, queue in zip(rng.permutation(len(queues)), queues.values(), strict=True)
        for turn, index in enumerate(queue)
    ]
    return [index for _, _, index in sorted(ranked)]


def trace_options(choice: Choice[Any]) -> Mapping[str, Any]:
    """What a result states about a search: the last dev score of the winner and of every candidate."""
    last = {trial.name: trial for trial in choice.trace}
    return {
        "dev_score": choice.score,
        "tried": {name: {"score": t.score, "items": t.items} for name, t in last.items()},
    }
