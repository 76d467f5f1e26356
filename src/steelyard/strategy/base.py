"""What a strategy is given, what it returns, and what an arm can do."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from steelyard.config.options import Options, read_options
from steelyard.core import Answer, Example, Message, OutputKind, Question
from steelyard.data.rows import has_references
from steelyard.data.unlabelled import Unlabelled
from steelyard.errors import ConfigError
from steelyard.families import STRATEGIES
from steelyard.model.base import Model, ModelSpec
from steelyard.model.planned import PlannedModel
from steelyard.model.thoughts import with_plain_reference
from steelyard.output_kinds import KINDS
from steelyard.strategy.asking import Sources, ask
from steelyard.strategy.outlook import Forecast, PassTokens, Sizes
from steelyard.strategy.record import FitRecord
from steelyard.strategy.traits import ShotLimits, StrategySpec, Traits
from steelyard.task.members import metric_class
from steelyard.train.course import SILENT, TrainingWatch

if TYPE_CHECKING:
    import numpy as np

    from steelyard.retrieve.grounds import Grounds
    from steelyard.score import Metric

log = logging.getLogger("steelyard")

Progress = Callable[[int, int], None]
"""Called with ``(done, total)`` as answers arrive."""
OnAnswers = Callable[[Sequence[tuple[int, Answer]]], None]
"""Called with ``(index, answer)`` pairs as each batch is answered."""


@dataclass(frozen=True)
class Brief:
    """What an arm must know about the task; saved with it.

    ``schema`` is JSON text, for kind json. ``temperature`` is the user's, at which
    models answer in production; 0 gives the most likely answer.
    """

    instruction: str
    kind: OutputKind
    labels: tuple[str, ...] = ()
    metric: str = "accuracy"
    max_output_tokens: int | None = None
    schema: str | None = None
    temperature: float = 0.0

    @property
    def metric_type(self) -> type[Metric]:
        """The class of the metric; of one that is not installed here, what any metric is taken for."""
        from steelyard.score import Metric

        try:
            metric_type: type[Metric] = metric_class(self.metric)
        except ConfigError:
            return Metric
        return metric_type

    @property
    def is_exact(self) -> bool:
        """Whether an answer is right or wrong as a whole, so that a part of one is no answer."""
        metric = self.metric_type
        return self.kind != "text" or (metric.binary and metric.compares_final_answers)

    @property
    def constrainable(self) -> bool:
        """Whether decoding can be constrained to the task's labels or schema."""
        return KINDS[self.kind].is_labelled or self.schema is not None

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts of which a constrained answer is one; none where it is no single label."""
        return self.labels if self.kind == "label" else ()


class TaskFacts(NamedTuple):
    """The facts of a task that decide whether a strategy can be fitted to it."""

    brief: Brief
    train: Sequence[Example]
    grounds: Grounds | None = None
    """The task's documents, where it has some."""
    unlabelled: Mapping[str, Unlabelled] = {}
    """The files of `Strategy.input_files`, by name."""
    metric: Metric | None = None
    """The task's first one, built; ``None`` where only its name is known."""


@dataclass(frozen=True)
class FitContext:
    """What a strategy may use: train and dev, never test.

    ``model`` records and caches everything it is asked. ``build_model`` builds another model under the
    same recorder (a tuned one). ``folder`` is the strategy's own, kept between attempts, so that a
    killed fit can go on. ``progress`` is for long searches. ``metric`` is the task's first one.
    ``models`` are all the task's in the order of task.yaml, that of ``spec`` included.
    ``tunings`` are those of the run's strategies that tune, for what gets the same budget. ``watch`` looks
    on while weights are trained, ``data_fingerprint`` is that of the run's examples.
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
    models: tuple[PlannedModel, ...] = ()
    tunings: tuple[StrategySpec, ...] = ()
    grounds: Grounds | None = None
    asked: tuple[Example, ...] = ()
    """Every example that will be asked, test among them: for a ceiling alone, which is shown the evidence."""
    unlabelled: Mapping[str, Unlabelled] = field(default_factory=dict)
    watch: TrainingWatch = SILENT
    data_fingerprint: str = ""

    @property
    def task(self) -> TaskFacts:
        return TaskFacts(self.brief, self.train, self.grounds, self.unlabelled, self.metric)

    def score(
        self,
        examples: Sequence[Example],
        answers: Sequence[Answer],
        scores: Sequence[float] | None = None,
    ) -> float:
        """The task's first metric over answered examples, in [0, 1]; no examples score 0.

        A failed answer counts 0. ``scores`` are those of the single answers, where they are known.
        """
        expected = [with_plain_reference(example) for example in examples]
        return self.metric.over(expected, answers, scores) or 0.0

    def scores(self, examples: Sequence[Example], answers: Sequence[Answer]) -> list[float]:
        """The score of each answer by the task's first metric, in [0, 1]."""
        outputs = [answer.output for answer in answers]
        expected = [with_plain_reference(example) for example in examples]
        return [grade.score for grade in self.metric.best_grades(expected, outputs)]


@dataclass(frozen=True)
class ArmFacts:
    """What every arm states about itself: its name, its strategy, the task it was fitted to, and the fit."""

    name: str
    strategy: str
    brief: Brief
    options: Mapping[str, Any] = field(default_factory=dict)
    fit: FitRecord = field(default_factory=FitRecord)


class Arm(ABC):
    """A fitted strategy, ready to answer. Saved to a folder, loaded again without refitting."""

    def __init__(self, facts: ArmFacts) -> None:
        self.name = facts.name
        self.strategy = facts.strategy
        self.brief = facts.brief
        self.options = dict(facts.options)
        self.fit = facts.fit

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        """The language models behind the arm, each once; none for a classical one."""
        return ()

    @property
    def model_name(self) -> str | None:
        """The language model behind the arm; ``None`` for a classical one."""
        return self.specs[-1].name if self.specs else None

    @property
    def account(self) -> str | None:
        """Its model's name in accounts; ``None`` where it has none or several."""
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """What people must know of its models' answers so far; see `Model.notes`."""
        return ()

    @property
    def temperature(self) -> float:
        """The highest temperature at which it asks a model."""
        return 0.0

    @property
    def is_sampled(self) -> bool:
        """Whether it draws its answers, so that another nonce may give another one."""
        return self.temperature > 0

    @property
    def confidence_source(self) -> str:
        return "label probabilities" if self.specs else "classifier"

    @property
    def machine_seconds(self) -> float:
        """The machine time of its fit in seconds, requests to models left out."""
        training = self.fit.training
        return self.fit.seconds if training is None else training.seconds

    @property
    def trained_tokens(self) -> int:
        return 0 if self.fit.training is None else self.fit.training.tokens

    @property
    def why_no_gap(self) -> str | None:
        """Why its scores on train and test cannot be compared; ``None`` if they can."""
        return traits_of(self.strategy).no_gap

    def shown_inputs(self) -> frozenset[str]:
        """Return the inputs that its prompt shows with their answers, whatever is asked."""
        return frozenset()

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
        """Answer one input as `ask` does, without its sources. Raises `ArmError`."""
        return ask(self, text, context).output

    def sources(self, question: Question, answer: Answer) -> Sources:
        """The passages of documents that an ``answer`` of this arm was given from; none by default."""
        return Sources()


class Strategy(ABC):
    """A way to adapt a model. ``fit`` may return several arms (constrained and free decoding).

    ``traits`` are its facts; ``arm_type`` restores the arms that it saved, ``options_type`` states its
    options.
    """

    name: ClassVar[str]
    traits: ClassVar[Traits]
    arm_type: ClassVar[type[Arm]]
    options_type: ClassVar[type[Options]] = Options

    def __init__(self, **options: Any) -> None:
        """Read the options. Raises `ConfigError` for unknown names and unfit values."""
        self.options = options
        self.config = read_options(f"strategy {self.name}", self.options_type, options)

    @property
    def more_models(self) -> tuple[ModelSpec, ...]:
        """Models that a fit may ask in addition to the task's; none by default."""
        return ()

    @property
    def encoders(self) -> tuple[ModelSpec, ...]:
        """Endpoints that a fit asks for vectors of texts; none by default."""
        return ()

    @property
    def input_files(self) -> tuple[str, ...]:
        """Files of inputs, relative to the task, that a fit has answered; none by default."""
        return ()

    @property
    def follows_models(self) -> bool:
        """Whether the list of the task's models decides what a fit does, not only the one it is on."""
        return self.traits.spans_models

    @abstractmethod
    def fit(self, context: FitContext) -> list[Arm]:
        """Choose everything on ``context.dev`` and return the arms."""

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        """Say why it cannot be fitted to ``task``, or not on ``model``; ``None`` where it can.

        Without a model, what holds of every model is said.
        """
        if self.traits.needs_references and not has_references(task.train):
            return "it needs reference outputs, and the train examples have none"
        return None

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        """Say why ``strategies: auto`` leaves it out, though a task that names it may have it."""
        return None

    def require_fit(self, task: TaskFacts, model: ModelSpec | None = None) -> None:
        """Raise `ConfigError` with the reason where there is a refusal."""
        if (reason := self.refusal(task, model)) is not None:
            raise ConfigError(
                f"strategy {self.name} does not fit this task: {reason}; leave it out of strategies"
            )

    def check(self, task: TaskFacts, models: Sequence[PlannedModel]) -> None:
        """Raise `ConfigError` for options that do not fit the task or its ``models``."""
        return

    def models_asked(
        self, brief: Brief, models: Sequence[PlannedModel]
    ) -> tuple[PlannedModel, ...]:
        """Say which of the task's models one that spans models asks; all by default."""
        return tuple(models) if self.traits.needs_model else ()

    def shot_limits(self, kind: OutputKind, labels: int) -> ShotLimits | None:
        """Say how many shots its prompts may show on a task of so many labels; ``None``: no shots."""
        return None

    def tuning_tokens(self, brief: Brief, once: PassTokens) -> int:
        """Return what one that tunes lets a prompt search of its run take, in forward-pass tokens."""
        return 0

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """Say what a fit would ask; ``None`` where that cannot be said before.

        One without a language model asks nothing.
        """
        return None if self.traits.needs_model else Forecast()


def traits_of(strategy: str) -> Traits:
    """Return the traits of the strategy of that name; an unknown one raises `ConfigError`."""
    kind: type[Strategy] = STRATEGIES.get(strategy)
    return kind.traits


def build_strategy(spec: StrategySpec) -> Strategy:
    """Build the strategy that ``spec`` names; unknown names and options raise `ConfigError`."""
    kind: type[Strategy] = STRATEGIES.get(spec.name)
    return kind(**spec.options)
