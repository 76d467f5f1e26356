"""What a strategy is given, what it returns, and what an arm can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from steelyard.core import Answer, Example, Message, OutputKind, Question
from steelyard.model.base import Model, ModelSpec

if TYPE_CHECKING:
    import numpy as np

    from steelyard.score import Metric

Progress = Callable[[int, int], None]
"""Called with ``(done, total)`` as answers arrive."""
OnAnswers = Callable[[Sequence[tuple[int, Answer]]], None]
"""Called with ``(index, answer)`` pairs as each batch is answered."""


@dataclass(frozen=True)
class Brief:
    """What an arm must know of the task; saved with it.

    ``schema`` is JSON text, for kind json. ``temperature`` is the user's: at which a model answers
    when it is put to use, 0 for the likeliest answer.
    """

    instruction: str
    kind: OutputKind
    labels: tuple[str, ...] = ()
    metric: str = "accuracy"
    max_output_tokens: int | None = None
    schema: str | None = None
    temperature: float = 0.0

    @property
    def constrainable(self) -> bool:
        """Whether answers can be held to the task's form while they are written."""
        return self.kind == "label" or self.schema is not None


@dataclass(frozen=True)
class FitContext:
    """What a strategy may use: train and dev, never test.

    ``model`` records and caches everything it is asked. ``build_model`` builds another model under the
    same recorder (a tuned one). ``folder`` is the strategy's own, kept between attempts, so that a
    killed fit can go on. ``progress`` is for long searches. ``metric`` is the task's first one.
    ``specs`` are all the task's models, in the order in which they are named, ``spec`` among them;
    ``tags`` is what the task calls them.
    ``tunings`` are the options of the run's own fine-tunings, for what gets the same budget.
    """

    brief: Brief
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    model: Model
    spec: ModelSpec
    build_model: Callable[[ModelSpec], Model]
    folder: Path
    seed: int
    metric: Metric
    progress: Progress = lambda done, total: None
    options: Mapping[str, Any] = field(default_factory=dict)
    specs: tuple[ModelSpec, ...] = ()
    tags: tuple[str, ...] = ()
    tunings: tuple[Mapping[str, Any], ...] = ()

    def score(
        self,
        examples: Sequence[Example],
        answers: Sequence[Answer],
        scores: Sequence[float] | None = None,
    ) -> float:
        """The task's first metric over answered examples, in [0, 1]; no examples score 0.

        A failed answer counts 0. ``scores`` are the answers' own, where they are known.
        """
        return self.metric.over(examples, answers, scores) or 0.0

    def scores(self, examples: Sequence[Example], answers: Sequence[Answer]) -> list[float]:
        """Each answer's own score by the task's first metric, in [0, 1]."""
        outputs = [answer.output for answer in answers]
        return [grade.score for grade in self.metric.grade_all(examples, outputs)]


@dataclass(frozen=True)
class RunFacts:
    """What a forecast may know of the run; the names are those of `FitContext`.

    ``local`` says whether a model that may be asked runs on this machine, as far as is known.
    """

    specs: tuple[ModelSpec, ...] = ()
    tags: tuple[str, ...] = ()
    tunings: tuple[Mapping[str, Any], ...] = ()
    local: bool = True


@dataclass(frozen=True)
class Sizes:
    """What can be known of a task's size before anything is asked; lengths are in tokens, means.

    ``longest_output_tokens`` is the length of the longest output; 0 where it is not known.
    ``around`` is the run that the forecast is for.
    """

    train: int
    dev: int
    test: int
    labels: int
    instruction_tokens: float
    input_tokens: float
    output_tokens: float
    longest_output_tokens: float = 0.0
    around: RunFacts = field(default_factory=RunFacts)


@dataclass(frozen=True)
class OtherModelUse:
    """What a fit may ask at most of a model beside its own, the tokens in that model's estimate."""

    spec: ModelSpec
    requests: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Forecast:
    """What a fit may ask at most, and what one answer of each arm takes on average.

    ``requests`` and tokens are those of the search; ``trained_tokens`` pass through training (all
    epochs of all trials). ``per_answer`` maps each arm to the requests, input and output tokens of
    one answer. Of the input tokens, ``shared_tokens`` of the search and ``shared_per_request`` of
    the answers stand at the front of many prompts alike: an engine that keeps them reads them once.
    ``note`` says what the figures rest on. ``besides`` is what other models are asked, on top.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    trained_tokens: int = 0
    per_answer: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    note: str = ""
    shared_tokens: int = 0
    shared_per_request: float = 0.0
    besides: tuple[OtherModelUse, ...] = ()


class Arm(ABC):
    """A fitted strategy, ready to answer. Saved to a folder, loaded again without refitting."""

    strategy: ClassVar[str]

    def __init__(self, name: str, brief: Brief, options: Mapping[str, Any]) -> None:
        self.name = name
        self.brief = brief
        self.options = dict(options)

    @property
    def model_name(self) -> str | None:
        """The language model behind the arm; ``None`` for a classical one."""
        return None

    @property
    def is_sampled(self) -> bool:
        """Whether it draws its answers, so that another nonce may give another one."""
        return False

    @abstractmethod
    def answer_all(
        self,
        questions: Sequence[Question],
        progress: Progress | None = None,
        nonce: str = "",
        on_answers: OnAnswers | None = None,
    ) -> list[Answer]:
        """Answer each question; same length and order."""

    def variations(self, kind: str, rng: np.random.Generator) -> list[tuple[str, Arm]]:
        """Return arms that ask the same in another way, named by the change; none by default.

        ``kind`` is ``format``, ``instruction`` or ``order``. They answer, and are never saved.
        """
        return []

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the arm to ``folder`` as data plus weights."""

    @classmethod
    @abstractmethod
    def restore(
        cls, folder: Path, saved: Mapping[str, Any], build_model: Callable[[ModelSpec], Model]
    ) -> Arm:
        """Build the arm from what :meth:`save` wrote."""

    def answer(self, text: str, context: tuple[Message, ...] = ()) -> str:
        """Answer one input. Raises `ArmError` with the reason when the model gives no usable answer."""
        from steelyard.errors import ArmError

        answer = self.answer_all([Question(text, context)])[0]
        if answer.output is None:
            raise ArmError(f"{self.name} gave no usable answer: {answer.failure}")
        return answer.output


class Strategy(ABC):
    """A way to adapt a model. ``fit`` may return several arms (constrained and free decoding).

    One that ``spans_models`` uses all of ``FitContext.specs`` and is fitted once, not on each.
    """

    name: ClassVar[str]
    needs_model: ClassVar[bool] = True
    spans_models: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        self.options = options

    @property
    def more_models(self) -> tuple[ModelSpec, ...]:
        """The models that a fit may ask beside the task's; none by default."""
        return ()

    @property
    def follows_models(self) -> bool:
        """Whether the list of the task's models decides what a fit does, not only the one it is on."""
        return self.spans_models

    @abstractmethod
    def fit(self, context: FitContext) -> list[Arm]:
        """Choose everything on ``context.dev`` and return the arms."""

    def check(
        self,
        brief: Brief,
        train: Sequence[Example],
        specs: tuple[ModelSpec, ...],
        tags: tuple[str, ...],
    ) -> None:
        """Raise `ConfigError` for what a fit would refuse, before anything is spent.

        ``specs`` and ``tags`` are those of all the task's models, as in `FitContext`.
        """
        return

    def tags_asked(
        self, brief: Brief, specs: tuple[ModelSpec, ...], tags: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Say which of the task's models, by tag, one that spans models asks; all by default."""
        return tags if self.needs_model else ()

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """Say what a fit would ask; ``None`` where that cannot be said before.

        One without a language model asks nothing.
        """
        return None if self.needs_model else Forecast()
