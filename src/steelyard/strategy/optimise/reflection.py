"""A stronger model rewrites the instruction: GEPA (Agrawal et al. 2025) through our adapter."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from steelyard.core import Message, Request
from steelyard.errors import SteelyardError
from steelyard.extras import require
from steelyard.model.thoughts import without_thoughts
from steelyard.packaged import packaged
from steelyard.strategy.formats import fill
from steelyard.strategy.optimise.board import AnswerBoard
from steelyard.strategy.optimise.design import Design
from steelyard.strategy.optimise.race import Standing, ranked
from steelyard.strategy.optimise.reflecting import ReflectingModel, ReflectionError
from steelyard.strategy.optimise.search import PromptSearch

log = logging.getLogger("steelyard")
EXTRA = "optimise"
MINIBATCH = 4
_COMPONENT = "instruction"
_WORDS = 250
REFLECTED_TOKENS = 2048
"""A reflection's length at most."""
_FAILURES = 3
"""So many useless reflections in a row end it."""
_STAGE = "reflect"


@cache
def _texts() -> Mapping[str, Any]:
    return dict(packaged("strategy/data/reflection.json"))


class Reflector:
    """Asks a model for better instructions and counts what that takes.

    Each question has a number in its cache key: asked again in another round, the same prompt is
    answered afresh, and a search that is resumed reads every reply back.
    """

    def __init__(self, model: ReflectingModel, constraint: str) -> None:
        self.model = model
        self.requests = self.input_tokens = self.output_tokens = 0
        self.failures = 0
        self._constraint = constraint

    def better(self, instruction: str, records: Sequence[Mapping[str, Any]]) -> str | None:
        """Return a new instruction, or ``None`` where the model gave none that can be used."""
        records_text = [
            fill(_texts()["record"], {**record, "number": str(number)})
            for number, record in enumerate(records, start=1)
        ]
        fields = {
            "instruction": instruction,
            "records": "\n".join(records_text),
            "constraint": self._constraint,
            "words": str(_WORDS),
        }
        request = Request(
            messages=(Message("user", fill(_texts()["prompt"], fields)),),
            max_output_tokens=REFLECTED_TOKENS,
            temperature=1.0,
            nonce=f"reflect-{self.requests}",
        )
        [completion] = self.model.generate([request])
        assert completion is not None  # nothing was skipped
        completion = without_thoughts(completion)
        self.requests += 1
        self.input_tokens += completion.input_tokens
        self.output_tokens += completion.output_tokens
        text = None if completion.failure is not None else read_instruction(completion.text)
        self.failures = 0 if text else self.failures + 1
        return text

    def to_dict(self) -> dict[str, Any]:
        names = ("requests", "input_tokens", "output_tokens")
        return {"model": self.model.name, **{name: getattr(self, name) for name in names}}


def read_instruction(text: str) -> str | None:
    """Return what stands between the last pair of instruction marks; ``None`` without any."""
    instructions = re.findall(r"<instruction>\s*(.*?)\s*</instruction>", text, re.DOTALL)
    return instructions[-1] if instructions and instructions[-1] else None


class Adapter:
    """What GEPA asks of us: evaluate an instruction, say what went wrong, propose a better one.

    Examples are places on the board, so that every answer is cached and counted there. An error of
    ours is kept and ends the search, because GEPA goes on over exceptions in its proposals.
    """

    def __init__(
        self, board: AnswerBoard, base: Design, reflector: Reflector, batch: type[Any]
    ) -> None:
        self.board = board
        self.base = base
        self.reflector = reflector
        self.failure: SteelyardError | None = None
        self.is_spent = False
        self._batch = batch
        self._names: dict[str, str] = {base.instruction: base.wording_name}

    def design(self, candidate: Mapping[str, str]) -> Design:
        """Return the base with the candidate's instruction."""
        text = candidate[_COMPONENT]
        if text == self.base.instruction:
            return self.base
        name = self._names.setdefault(text, f"reflected {len(self._names)}")
        return replace(self.base, instruction=text, wording_name=name, wording=None)

    def evaluate(
        self, batch: list[int], candidate: dict[str, str], capture_traces: bool = False
    ) -> Any:
        """Answer the examples; one that the budget cannot pay scores 0 and ends the search."""
        design = self.design(candidate)
        try:
            self.is_spent = not self.board.ask(design, batch, _STAGE) or self.is_spent
        except SteelyardError as error:
            self.failure = error
            raise
        if self.board.missing(design, batch):
            return self._batch(outputs=[None] * len(batch), scores=[0.0] * len(batch))
        worth = [float(value) for value in self.board.worth(design, batch)]
        answers = [self.board.answer(design, item) for item in batch]
        traces = list(zip(batch, worth, strict=True)) if capture_traces else None
        outputs = [answer.output for answer in answers]
        return self._batch(outputs=outputs, scores=worth, trajectories=traces)

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> dict[str, list[dict[str, str]]]:
        """Return a record for each example: input, answer, and how it was judged."""
        design = self.design(candidate)
        records = [self._record(design, *trace) for trace in eval_batch.trajectories or []]
        return dict.fromkeys(components_to_update, records)

    def propose_new_texts(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        """Return the reflected instruction; the old one where there is none, or it is too long."""
        old = candidate[_COMPONENT]
        try:
            text = self.reflector.better(old, reflective_dataset[_COMPONENT])
        except SteelyardError as error:
            self.failure = error
            raise
        self.board.budget.questions += 1
        fits = text is not None and self.board.factory.fits(
            self.design({_COMPONENT: text}) if text else self.base
        )
        return {_COMPONENT: text if text and fits else old}

    def should_stop(self, state: Any) -> bool:
        """Whether the budget, the reflector or the run has come to its end."""
        budget = self.board.budget
        spent = self.is_spent or not budget.affords(0, MINIBATCH)
        return spent or self.failure is not None or self.reflector.failures >= _FAILURES

    def _record(self, design: Design, item: int, worth: float) -> dict[str, str]:
        example, answer = self.board.examples[item], self.board.answer(design, item)
        kind = "failed" if answer.output is None else "right" if worth >= 1 else "wrong"
        values = {
            "worth": f"{worth:.2f}",
            "reference": example.output,
            "failure": answer.failure or "",
        }
        output = answer.completion.text if answer.output is None else answer.output
        judgement = fill(_texts()[kind], values)
        return {"input": example.input, "output": output, "judgement": judgement}


@dataclass
class _RunLog:
    """GEPA's log goes to ours at a level that is off unless asked for, and never to the terminal."""

    def log(self, message: str) -> None:
        log.debug("gepa: %s", str(message).splitlines()[0] if message else "")


def reflect(
    search: PromptSearch, base: Design, model: ReflectingModel, share: float
) -> tuple[list[Standing], dict[str, Any]]:
    """Evolve the base's instruction with ``share`` of the budget that is left.

    Returns the instructions that met all of the searched part, best first, and what it took. GEPA
    keeps the candidates that are best on some example (its Pareto front), picks a parent among them,
    shows the reflector a few train examples with the parent's answers, and takes the proposal over if
    it does better on these. Its randomness is one generator from the seed, its state lives in
    memory only: what makes it resumable is that every answer is recorded. A reflector that
    stops answering ends it with a ``reason``; one that cannot be built raises `ReflectionError`.
    """
    gepa = require("gepa", EXTRA)
    board, part = search.board, search.part
    board.budget.stage(share)
    reflector = Reflector(model, _constraint(search))
    adapter = Adapter(board, base, reflector, gepa.EvaluationBatch)
    train = [item for item in part.probe if board.examples[item].input not in _shown(base)]
    facts = {"by": "gepa", "accepted": 0, **reflector.to_dict()}
    if not train or not part.search or not board.affords(base, part.search):
        return [], {**facts, "reason": "the budget or the train split is too small for reflection"}
    try:
        gepa.optimize(
            seed_candidate={_COMPONENT: base.instruction},
            trainset=train,
            valset=list(part.search),
            adapter=adapter,
            reflection_minibatch_size=min(MINIBATCH, len(train)),
            max_metric_calls=_most_calls(board, base, part.search),
            stop_callbacks=adapter.should_stop,
            logger=_RunLog(),
            seed=search.seed % 2**32,
            raise_on_exception=True,
        )
    except SteelyardError:
        if adapter.failure is None:
            raise
    if isinstance(adapter.failure, ReflectionError):
        facts["reason"] = str(adapter.failure)
    elif adapter.failure is not None:
        raise adapter.failure
    standings = _standings(board, adapter, part.search)
    accepted = sum(standing.design.wording_name != base.wording_name for standing in standings)
    return standings, {**facts, "accepted": accepted, **reflector.to_dict()}


def _standings(board: AnswerBoard, adapter: Adapter, items: Sequence[int]) -> list[Standing]:
    designs = [adapter.design({_COMPONENT: text}) for text in adapter._names]
    met = [design for design in designs if not board.missing(design, items)]
    return ranked(
        board, [Standing(candidate, len(items), board.score(candidate, items)) for candidate in met]
    )


def _most_calls(board: AnswerBoard, base: Design, items: Sequence[int]) -> int:
    """Return how many questions the stage may ask, by the tokens of one call about all ``items``."""
    price = max(1.0, board.expected(base, items) / max(1, len(items)))
    bound, budget = int(board.budget.remaining / price), board.budget
    calls = bound if budget.calls_limit is None else budget.calls_limit - budget.questions
    return max(1, min(bound, calls))


def _constraint(search: PromptSearch) -> str:
    brief = search.factory.evaluator.context.brief
    text = _texts()["constraint"][brief.kind]
    return fill(text, {"labels": ", ".join(brief.labels)})


def _shown(design: Design) -> set[str]:
    return {shot.input for shot in design.shots}
