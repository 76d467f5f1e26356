"""What a judge is told and how often it is asked: the section ``judge`` of ``task.yaml``, resolved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from steelyard.config.explain import Place, explain
from steelyard.config.source import names_in
from steelyard.errors import ConfigError, closest
from steelyard.files import expanded, real
from steelyard.model.base import ModelSpec, provider_of
from steelyard.model.config import ModelConfig
from steelyard.task import Task
from steelyard.task.sections import JudgeConfig

Mode = Literal["compare", "rate", "support"]
"""What is asked: which reply is better, its mark, or whether passages support it (`support.py`)."""
VOTING_TEMPERATURE = 0.7
"""At which several votes are drawn where the user names none."""
A, B, TIE = "A", "B", "TIE"
YES, NO = "YES", "NO"


@dataclass(frozen=True)
class JudgeOptions:
    """One judge. ``spec`` is ``None`` where no model is known yet; ``ratings`` the user's own.

    ``groundedness`` says that answers from documents are put to it with the passages that they cite.
    ``instruction`` is the task's; ``is_own`` says that the judge is a model that is being weighed.
    """

    spec: ModelSpec | None = None
    mode: Mode = "compare"
    scale: int = 5
    votes: int = 1
    temperature: float = 0.0
    rubric: str = ""
    reasoning: bool = False
    instruction: str = ""
    ratings: Path | None = None
    is_own: bool = False
    groundedness: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        if self.mode == "compare":
            return (A, B, TIE)
        if self.mode == "support":
            return (YES, NO)
        return tuple(str(mark) for mark in range(1, self.scale + 1))

    @property
    def requests_per_reply(self) -> int:
        """How many requests one judgement takes at most, not counting those asked once more."""
        return self.votes * (2 if self.mode == "compare" else 1)


def resolve(options: JudgeConfig, task: Task | None) -> JudgeOptions:
    """Put ``options`` over the task's section ``judge`` and resolve them. Raises `ConfigError`."""
    folder = Path() if task is None else task.folder
    section = None if task is None else task.judge
    changes = {name: getattr(options, name) for name in options.model_fields_set}
    config = options if section is None else section.model_copy(update=changes)
    if config.groundedness and task is not None and task.documents is None:
        raise ConfigError(
            "judge.groundedness: true asks whether passages support answers, but the task names no "
            "documents; add documents, or leave it out"
        )
    spec = _spec(config.model, task, folder)
    weighed = () if task is None else task.models
    return JudgeOptions(
        spec=spec,
        mode=config.mode,
        scale=config.scale,
        votes=config.votes,
        temperature=_temperature(config),
        rubric=config.rubric.strip(),
        reasoning=config.reasoning,
        instruction="" if task is None else task.instruction,
        ratings=None if config.ratings is None else _ratings(config.ratings, folder),
        is_own=spec is not None and _bare(spec) in [_bare(_spec_of(model)) for model in weighed],
        groundedness=config.groundedness,
    )


def _spec_of(model: ModelConfig) -> ModelSpec:
    return ModelSpec(**model.to_spec())


def _bare(spec: ModelSpec) -> ModelSpec:
    """The model alone, however it is asked."""
    return replace(spec.unpaced, batch=False)


def _temperature(config: JudgeConfig) -> float:
    if config.temperature is None:
        return VOTING_TEMPERATURE if config.votes > 1 else 0.0
    if config.temperature == 0 and config.votes > 1:
        raise ConfigError(
            f"judge.votes is {config.votes}, but at judge.temperature 0 every vote is the same; "
            "leave temperature out, or set votes to 1"
        )
    return config.temperature


def _spec(model: str | dict[str, Any] | None, task: Task | None, folder: Path) -> ModelSpec | None:
    """The judge's own model, else the task's first."""
    if model is None:
        return None if task is None else _spec_of(task.model)
    try:
        spec = _spec_of(ModelConfig.model_validate(model))
    except ValidationError as error:
        raise explain(error, model, Place("judge.model", {})) from None
    local = real(folder / expanded(spec.name))
    if provider_of(spec).may_be_folder and local.is_dir():
        return replace(spec, name=str(local))
    return spec


def _ratings(name: str, folder: Path) -> Path:
    path = real(folder / expanded(name))
    if not path.is_file():
        raise ConfigError(
            f"judge.ratings: no file {path}{closest(path.name, names_in(path.parent))}"
        )
    return path
