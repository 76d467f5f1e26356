"""Which model reflects: one that the user names, or the task's last one where that can be expected to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

from steelyard.core import Completion, Request
from steelyard.errors import ConfigError, MissingExtraError, ModelError, SteelyardError
from steelyard.extras import command, require
from steelyard.model.base import Model, ModelSpec, provider_of
from steelyard.model.config import spec_in_option
from steelyard.model.planned import PlannedModel

AUTO = "auto"
NONE = "none"


@dataclass(frozen=True)
class ReflectionChoice:
    """The option ``reflect``: ``auto``, ``none``, the tag of one of the task's models, or a model."""

    word: str = AUTO
    spec: ModelSpec | None = None

    @classmethod
    def parse(cls, value: Any) -> ReflectionChoice:
        """Read the option. Raises `ConfigError` for what is not a model, `MissingExtraError` without GEPA."""
        if value in (AUTO, NONE, None, False):
            return cls(AUTO if value == AUTO else NONE)
        require("gepa", "optimise")  # asked for: say it is missing before anything is spent
        if isinstance(value, str) and ":" not in value:
            return cls(word=value)
        return cls(
            "",
            spec_in_option(value, "strategy optimized_prompt: option reflect", f"{AUTO} or {NONE}"),
        )

    def check(self, models: Sequence[PlannedModel]) -> None:
        """Raise `ConfigError` for a tag that is not one of the task's models."""
        if self.spec is None and self.word not in (AUTO, NONE):
            _tagged(self.word, models)

    def among(self, models: Sequence[PlannedModel]) -> tuple[ModelSpec | None, str]:
        """Return the model that reflects, or ``None`` and why none does; ``models`` are the task's."""
        if self.spec is not None:
            return self.spec, ""
        if self.word == NONE:
            return None, "turned off (reflect: none)"
        if self.word != AUTO:
            return _tagged(self.word, models), ""
        if provider_of(models[-1].spec).is_local:
            return (
                None,
                "the task's models run on this machine; name a stronger one with reflect: MODEL",
            )
        if find_spec("gepa") is None:
            return None, f"the package gepa is not installed; run: {command('optimise')}"
        return models[-1].spec, ""


class ReflectingModel(Protocol):
    """What reflection needs of a model."""

    @property
    def name(self) -> str: ...
    def generate(self, requests: Sequence[Request]) -> list[Completion | None]: ...


class ReflectionError(SteelyardError):
    """The reflecting model failed; the model that prompts are searched for did not."""


class SeparateReflectingModel:
    """A reflecting model other than the arm's: its errors end the reflection, not the search."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def name(self) -> str:
        with self._errors_named():
            return self._model.name

    def generate(self, requests: Sequence[Request]) -> list[Completion | None]:
        """Answer each request. Raises `ReflectionError` where the model cannot be asked."""
        with self._errors_named():
            return self._model.generate(requests)

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (ModelError, MissingExtraError) as error:
            message = " ".join(str(error).split())
            raise ReflectionError(f"the reflecting model could not be asked: {message}") from error


def _tagged(word: str, models: Sequence[PlannedModel]) -> ModelSpec:
    """Return the task's model called ``word``, by its tag or its name."""
    for model in models:
        if word in (model.tag, model.spec.name):
            return model.spec
    tags = ", ".join(model.tag for model in models)
    raise ConfigError(
        f"strategy optimized_prompt: option reflect names {word!r}, which is not one of the task's models "
        f"({tags}); write PROVIDER:NAME for another"
    )
