"""One prompt in a search: what is said, in which format, with which shots."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from steelyard.core import Question
from steelyard.data.rows import has_references
from steelyard.retrieve.base import Passage
from steelyard.retrieve.tfidf import TfidfIndex
from steelyard.strategy.few_shot import LONGEST_SHARE, fitting_shots, short_shots
from steelyard.strategy.formats import Shot, load_formats
from steelyard.strategy.optimise.wordings import Wording, Wordings
from steelyard.strategy.prompt import Prompt, Retrieval, count_tokens, full_instruction
from steelyard.strategy.prompt_search import DevEvaluator

FEATURES = "word+char"
_INPUT = "\x00"  # stands for the input where only what is around it is counted


@dataclass(frozen=True)
class Design:
    """A candidate as data. ``wording`` is ``None`` for an instruction that a model wrote.

    ``wording_name`` and ``shots_name`` name instruction and shots for people.
    """

    instruction: str
    wording_name: str
    format: str
    wording: Wording | None = None
    shots: tuple[Shot, ...] = ()
    shots_name: str = "no shots"
    retrieved: int = 0
    retrieval: Retrieval = field(default_factory=Retrieval)
    free: bool = False

    @property
    def name(self) -> str:
        return f"{self.wording_name} · {self.format} · {self.shots_name}"

    @property
    def key(self) -> Hashable:
        """What decides the prompt, whatever it is called."""
        way = self.retrieval if self.retrieved else None
        return (self.instruction, self.format, self.shots, self.retrieved, way, self.free)

    def with_shots(self, shots: Sequence[Shot], shots_name: str) -> Design:
        return replace(self, shots=tuple(shots), shots_name=shots_name, retrieved=0)

    def with_retrieved(self, k: int, retrieval: Retrieval) -> Design:
        unusual = f", diversity {retrieval.diversity:g}" if retrieval.diversity else ""
        unusual += ", nearest first" if retrieval.order == "nearest_first" else ""
        shots_name = f"{k} retrieved{unusual}"
        return replace(self, shots=(), shots_name=shots_name, retrieved=k, retrieval=retrieval)


class PromptFactory:
    """What designs are made of on one task: wordings, formats, shots that fit, and the index."""

    def __init__(self, evaluator: DevEvaluator, max_prompt_tokens: int) -> None:
        context = evaluator.context
        self.evaluator = evaluator
        self.max_prompt_tokens = max_prompt_tokens
        self.labels = context.brief.labels
        self.wordings = Wordings(context.brief, context.train)
        self.formats = evaluator.options.formats or tuple(load_formats())
        self._counts: dict[str, int] = {}
        limit = max_prompt_tokens // LONGEST_SHARE
        usable = has_references(context.train)
        self.pool = short_shots(evaluator, context.train, limit) if usable else []

    @cached_property
    def index(self) -> TfidfIndex:
        return TfidfIndex.fit([Passage(*shot) for shot in self.pool], FEATURES)

    def design(self, wording: Wording, format_name: str) -> Design:
        """Return the design of a wording without shots; the wording must fit the task."""
        text = self.wordings.text(wording)
        assert text is not None
        return Design(text, wording.name, format_name, wording)

    def prompt(self, design: Design) -> Prompt:
        recipe = self.evaluator.recipe(
            design.format, design.shots, design.retrieved, instruction=design.instruction
        )
        retrieval = design.retrieval
        prompt = retrieval.prompt(recipe, self.index) if design.retrieved else Prompt(recipe)
        return prompt.decoded("free") if design.free else prompt

    def freed(self, design: Design) -> Design:
        """Return the design for free answers: its instruction names the labels, or the fields."""
        brief = replace(self.evaluator.context.brief, instruction=design.instruction)
        return replace(design, instruction=full_instruction(brief), free=True)

    def size(self, design: Design) -> int:
        """Characters of the prompt around an input, retrieved shots at their mean length."""
        total = sum(len(shot.input) + len(shot.output) for shot in self.pool)
        retrieved = design.retrieved * total // max(1, len(self.pool))
        return self.prompt(design).recipe.length + retrieved

    def fits(self, design: Design) -> bool:
        """Whether the prompt around an input is within its budget."""
        return self.tokens(design, ()) <= self.max_prompt_tokens

    def fitting(self, sequence: Sequence[Shot]) -> int:
        """How many shots from the front of ``sequence`` fit in a prompt with the task's instruction."""
        return fitting_shots(self.evaluator, sequence, self.max_prompt_tokens)

    def tokens(self, design: Design, questions: Sequence[Question], shares: bool = True) -> int:
        """Input tokens of asking ``questions`` under ``design``; about, where there is no tokenizer.

        With ``shares`` what the requests have in common counts once. Without questions it is the
        prompt around an empty input.
        """
        if design.retrieved:
            requests = self.prompt(design).requests(questions or [Question("")])
            return sum(
                self._turn(turn.content) for request in requests for turn in request.messages
            )
        frame = self.prompt(design).recipe.messages(Question(_INPUT))
        tail = frame[-1].content.partition(_INPUT)[2]
        common = sum(self._turn(turn.content) for turn in frame)
        after = self._count(tail) if shares and tail else 0
        times = 1 if shares or not questions else len(questions)
        return times * common + sum(after + self._own(question) for question in questions)

    def _own(self, question: Question) -> int:
        return sum(self._turn(turn.content) for turn in question.context) + self._count(
            question.input
        )

    def _turn(self, content: str) -> int:
        """Tokens of a turn; 8 are allowed for its marks."""
        return self._count(content) + 8

    def _count(self, text: str) -> int:
        if text not in self._counts:
            self._counts[text] = count_tokens(self.evaluator.context.model, text)
        return self._counts[text]
