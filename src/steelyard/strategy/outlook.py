"""What is known of a task's size before anything is asked, and what a fit would ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from steelyard.core import Usage
from steelyard.model.base import ModelSpec
from steelyard.model.planned import PlannedModel
from steelyard.strategy.traits import StrategySpec

if TYPE_CHECKING:
    from steelyard.retrieve.base import Passage
    from steelyard.retrieve.grounds import Grounds
    from steelyard.train.base import ChatSample


class InputSizes(NamedTuple):
    """How many inputs a file holds, and their mean length in tokens."""

    inputs: int
    tokens: float


class PairSizes(NamedTuple):
    """How many examples of train and of dev are pairs, and their rejected answers' mean length in tokens."""

    train: int = 0
    dev: int = 0
    tokens: float = 0.0


class PairTokens(NamedTuple):
    """Tokens of the rejected answers of train's pairs and of dev's, and of both's better answers.

    Each answer counts after its prompt.
    """

    train_rejected: float
    dev_rejected: float
    better: float

    @property
    def references(self) -> float:
        """Tokens that the untuned model reads once: both answers of every pair."""
        return sum(self)


@dataclass(frozen=True)
class RunFacts:
    """What a forecast may know about the run; the names are those of `FitContext`.

    ``local`` says whether a model that may be asked runs on this machine, as far as is known; ``inputs``
    are the sizes of the files of `Strategy.input_files`, by name.
    """

    models: tuple[PlannedModel, ...] = ()
    tunings: tuple[StrategySpec, ...] = ()
    local: bool = True
    grounds: Grounds | None = None
    inputs: Mapping[str, InputSizes] = field(default_factory=dict)


@dataclass(frozen=True)
class Sizes:
    """What is known about a task's size before anything is asked; lengths are mean token counts.

    ``longest_output_tokens`` is the length of the longest output; 0 where it is not known.
    ``run`` is the run that the forecast is for.
    """

    train: int
    dev: int
    test: int
    labels: int
    instruction_tokens: float
    input_tokens: float
    output_tokens: float
    longest_output_tokens: float = 0.0
    run: RunFacts = field(default_factory=RunFacts)
    pairs: PairSizes = field(default_factory=PairSizes)

    def learning_from(self, file: str) -> Self:
        """The sizes of one that learns from the inputs of a ``file``; these where it is no file."""
        inputs = self.run.inputs.get(file)
        return (
            self
            if inputs is None
            else replace(self, train=inputs.inputs, input_tokens=inputs.tokens)
        )


class PassTokens(Protocol):
    """Tokens of one pass, prompts and answers, over what a tuning of the run may learn."""

    @property
    def train_examples(self) -> int: ...

    def within(self, most: int) -> PassTokens:
        """The same without what no training reads: examples of more than ``most`` tokens."""

    def train(self, instruction: str) -> float:
        """Over train, every prompt with this instruction."""

    def dev(self, instruction: str) -> float:
        """Over dev."""

    def pairs(self, instruction: str) -> PairTokens:
        """Over the pairs of train and of dev."""

    def answered(self, instruction: str, file: str) -> float:
        """Over the inputs of a file, or of train where it is none, with a teacher's answers.

        They are taken to be as long as the mean reference of train; without any, as long as may be.
        """

    def passages(self, most: int) -> Sequence[Passage]:
        """The documents of the task, cut without overlap."""

    def chats(self, samples: Sequence[ChatSample]) -> float:
        """Over samples that are there already."""


class OtherUse(NamedTuple):
    """What a fit asks of another model than its own: tokens that are estimated for it.

    ``role`` says in a word what for, ``note`` what the figures assume.
    """

    spec: ModelSpec
    usage: Usage
    role: str
    note: str = ""
    is_scored: bool = False
    """Whether the task's metric scores its answers, so that a judge is asked about them."""


@dataclass(frozen=True)
class Forecast:
    """What a fit may ask at most, and what one answer of each arm takes on average.

    ``usage`` is the search's and the training's, all epochs of all trials; ``per_answer`` maps each arm
    to one answer's. Cached tokens are a prefix that many prompts share: an engine that keeps it reads
    it once. ``note`` says what the figures assume. ``other_models`` are asked in addition.
    """

    usage: Usage = field(default_factory=Usage)
    per_answer: Mapping[str, Usage] = field(default_factory=dict)
    note: str = ""
    other_models: tuple[OtherUse, ...] = ()
