"""The rounds of the search: instructions and formats, then shots, then small moves around the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import NamedTuple

from steelyard.seeds import fit_generator
from steelyard.strategy.formats import Shot
from steelyard.strategy.optimise.board import AnswerBoard
from steelyard.strategy.optimise.design import Design, PromptFactory
from steelyard.strategy.optimise.moves import moves
from steelyard.strategy.optimise.race import RaceSettings, Standing, race
from steelyard.strategy.optimise.shot_sets import bootstrapped, probed, sequences, shot_designs
from steelyard.strategy.optimise.wordings import Wording


class SearchPart(NamedTuple):
    """What the board's examples are for, by their places: to search on, to hold back, to probe."""

    search: tuple[int, ...]
    held_back: tuple[int, ...]
    probe: tuple[int, ...]


@dataclass(frozen=True)
class SearchRules:
    """How far each round goes. A round may spend its share of what those before it left."""

    max_prompt_tokens: int = 1500
    probes: int = 64
    first: int = 8
    candidates: int = 24
    keep: int = 3
    counts: tuple[int, ...] = (1, 2, 4)
    neighbours: tuple[int, ...] = (2, 4, 8)
    moves: int = 6
    patience: int = 3
    climbs: int = 12
    screen_share: float = 0.25
    reflect_share: float = 0.35
    shots_share: float = 0.5
    most_kept: float = 0.4

    def most_shots(self, labels: int) -> int:
        """The most shots of a prompt on so many labels (1: no labels): each climb may add one."""
        return max(*(count * labels for count in self.counts), *self.neighbours, 0) + self.climbs


@dataclass
class PromptSearch:
    """One search's state: everything in it follows from the seed and the answers."""

    board: AnswerBoard
    part: SearchPart
    rules: SearchRules
    seed: int
    stages: list[tuple[str, Standing]] = field(default_factory=list)
    spare: list[Shot] = field(default_factory=list)

    @property
    def factory(self) -> PromptFactory:
        return self.board.factory

    @property
    def plain(self) -> Design:
        """The task's own instruction in the first format, without shots."""
        return self.factory.design(Wording(), self.factory.formats[0])

    def screen(self) -> list[Standing]:
        """Race instructions and formats, half of them with the first few shots."""
        self.board.budget.stage(self.rules.screen_share)
        self.board.ask(self.plain, self.part.search, "plain")
        return self.note("screen", race(self.board, self._crossed(), self._race_settings("screen")))

    def shots(self, best: Sequence[Standing]) -> list[Standing]:
        """Race shot sets, bootstrapped ones among them, under the best designs."""
        self.board.budget.stage(self.rules.shots_share)
        factory, rules = self.factory, self.rules
        if not factory.pool:
            return []
        ways = sequences(factory, self.seed)
        ways = {**ways, **self._bootstrapped(best[0].design, ways["typical"])}
        self.spare = list(
            dict.fromkeys(
                shot
                for name in ("wrong", "border", "diverse", "typical")
                for shot in ways.get(name, [])[:40]
            )
        )
        designs = shot_designs(factory, best[0].design, ways, rules.counts, rules.neighbours)
        others = {name: shots for name, shots in ways.items() if name in ("diverse", "wrong")}
        for second in best[1:2]:
            designs += shot_designs(
                factory, second.design, others, rules.counts, rules.neighbours[-1:]
            )
        best_designs = [standing.design for standing in best[: rules.keep]]
        return self.note(
            "shots", race(self.board, [*best_designs, *designs], self._race_settings("shots"))
        )

    def climb(self, best: Standing) -> Standing:
        """Go on to a better neighbour until the budget is spent or nothing near is better."""
        self.board.budget.keep(*self._for_later(best.design))
        rng = fit_generator(self.seed, "optimise/moves")
        idle = number = 0
        met = {best.design.key}
        for _ in range(self.rules.climbs):
            if idle == self.rules.patience or best.score >= 1:
                break
            near = moves(self.factory, best.design, self.spare, 4 * self.rules.moves, rng)
            fresh = [candidate for candidate in near if candidate.key not in met][
                : self.rules.moves
            ]
            met |= {candidate.key for candidate in fresh}
            named = []
            for candidate in fresh:
                number += 1
                named.append(
                    replace(
                        candidate, shots_name=f"{candidate.shots_name.partition(' #')[0]} #{number}"
                    )
                )
            better = self._better(best, named)
            if better is None and not self._can_go_on(named):
                break
            idle = 0 if better is not None else idle + 1
            best = better or best
        return self.note("moves", [best])[0]

    def finalists(self, most: int) -> list[Design]:
        """Return the plain prompt and the best of each round, the last round's first."""
        designs = [standing.design for _, standing in reversed(self.stages)]
        unique = list({design.key: design for design in designs}.values())
        return [*unique[: max(1, most - 1)], self.plain]

    def _better(self, best: Standing, near: Sequence[Design]) -> Standing | None:
        """Race the neighbours against the best design itself; ``None`` where it stays ahead."""
        settings = self._race_settings("moves")
        won = race(self.board, [best.design, *near], settings)
        first = won[0] if won else best
        ahead = (first.items, first.score) > (best.items, best.score)
        return first if ahead and first.items == len(settings.items) else None

    def _for_later(self, best: Design) -> tuple[int, int]:
        """Tokens and questions to keep for finalists and free answers, in prompts like the best."""
        board, everything = self.board, (*self.part.search, *self.part.held_back)
        finals = 2 * board.expected(best, self.part.held_back) + board.expected(
            self.plain, self.part.held_back
        )
        constrainable = self.factory.evaluator.constrainable
        free = board.expected(self.factory.freed(best), everything) if constrainable else 0
        questions = 3 * len(self.part.held_back) + constrainable * len(everything)
        most = self.rules.most_kept
        calls = board.budget.calls
        reserve = questions if calls is None else min(questions, round(most * calls))
        return min(finals + free, round(most * board.budget.allowed)), reserve

    def _can_go_on(self, near: Sequence[Design]) -> bool:
        """Whether there was a neighbour, and money to ask one about everything."""
        return bool(near) and self.board.affords(near[0], self.part.search)

    def _race_settings(self, stage: str) -> RaceSettings:
        return RaceSettings(self.part.search, self.rules.first, self.rules.keep, stage)

    def note(self, stage: str, standings: list[Standing]) -> list[Standing]:
        if standings:
            self.stages.append((stage, standings[0]))
        return standings

    def _crossed(self) -> list[Design]:
        """Return combinations of wording, format and first shots in which each comes equally often.

        A balanced part of the full cross: it tells main effects apart with few candidates.
        """
        factory = self.factory
        wordings = list(factory.wordings.named().values())
        sequence = sequences(factory, self.seed)["random"] if factory.pool else []
        few = tuple(sequence[: min(factory.fitting(sequence), max(4, len(factory.labels)))])
        crossed = list(product(wordings, factory.formats, (False, True) if few else (False,)))
        order = fit_generator(self.seed, "optimise/screen").permutation(len(crossed))
        counted: dict[object, int] = {}
        picked: list[Design] = [self.plain]
        waiting = [crossed[place] for place in order]
        while waiting and len(picked) < self.rules.candidates:
            rarest = min(waiting, key=lambda one: sum(counted.get(part, 0) for part in one))
            waiting.remove(rarest)
            design = factory.design(rarest[0], rarest[1])
            if rarest[2]:
                design = design.with_shots(few, f"{len(few)} random")
            if factory.fits(design) and (rarest[2] or rarest[0].form != "as_examples"):
                picked.append(design)
                for part in rarest:
                    counted[part] = counted.get(part, 0) + 1
        return picked

    def _bootstrapped(self, design: Design, fallback: Sequence[Shot]) -> dict[str, list[Shot]]:
        """Ask the best design about train, as far as a fair share of this round allows."""
        inputs = {shot.input for shot in design.shots}
        items = [i for i in self.part.probe if self.board.examples[i].input not in inputs]
        while len(items) > self.rules.first and not self._cheap(design, items):
            items = items[: len(items) // 2]
        if not items or not self._cheap(design, items):
            return {}
        self.board.ask(design, items, "probe")
        tried = probed(self.board, design, items)
        return bootstrapped(self.factory, tried, self.seed, fallback)

    def _cheap(self, design: Design, items: Sequence[int]) -> bool:
        budget = self.board.budget
        return self.board.cost(design, items) <= budget.remaining / 3 and self.board.affords(
            design, items
        )


def choose_finalist(
    board: AnswerBoard, finalists: Sequence[Design], part: SearchPart
) -> list[Standing]:
    """Return the finalists that could be asked about what was held back, the choice first.

    The one-standard-error rule (Breiman et al. 1984), paired: among those whose score on the held-back
    part is within one standard error of the best one's, the best on all of dev; a tie goes to the
    shorter prompt. A search that fitted the dev examples it saw shows here, and loses.
    """
    everything = (*part.search, *part.held_back)
    complete = [
        design
        for design in dict.fromkeys(finalists)
        if not board.missing(design, part.search)
        and (not part.held_back or board.ask(design, part.held_back, "held_back"))
    ]
    if not complete:
        return []
    held_back = {design: board.score(design, part.held_back) for design in complete}
    leader = max(complete, key=lambda design: held_back[design])
    reach = {
        design: held_back[design] + _paired_error(board, design, leader, part.held_back)
        for design in complete
    }
    standings = [
        Standing(design, len(everything), board.score(design, everything)) for design in complete
    ]
    near = [standing for standing in standings if reach[standing.design] >= held_back[leader]]
    far = [standing for standing in standings if reach[standing.design] < held_back[leader]]
    by_worth = lambda standing: (-standing.score, board.factory.size(standing.design))  # noqa: E731
    return [*sorted(near, key=by_worth), *sorted(far, key=by_worth)]


def _paired_error(
    board: AnswerBoard, design: Design, leader: Design, items: Sequence[int]
) -> float:
    """The standard error of the mean difference of two designs over ``items``."""
    difference = board.worth(leader, items) - board.worth(design, items)
    return float(difference.std(ddof=1) / len(items) ** 0.5) if len(items) > 1 else 0.0
