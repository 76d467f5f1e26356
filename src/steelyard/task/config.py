"""``task.yaml`` as a frozen `Task`: what the user brings, checked before anything is spent."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    PositiveInt,
    PrivateAttr,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from steelyard.config.dated import Currency, PriceDay
from steelyard.config.explain import Place, as_yaml, explain
from steelyard.config.numbers import TYPED_NUMBER
from steelyard.config.section import Name, Section
from steelyard.config.source import Lines, read_yaml
from steelyard.errors import ConfigError
from steelyard.files import TASK_NAME, expanded, hash_file, real
from steelyard.model.config import ModelChoice, ModelConfig, tags_of
from steelyard.model.prices import HOUR, LABEL, PriceRows
from steelyard.output_kinds import KINDS
from steelyard.task.dataset_folder import files_of, holds_examples
from steelyard.task.members import check_approach, check_metric, check_strategy, metric_class
from steelyard.task.places import check_changes_place, check_places, no_task
from steelyard.task.prices import (
    PriceChoice,
    amount_of,
    check_dates_and_currencies,
    check_price_forms,
    is_machine_shared,
    model_prices,
)
from steelyard.task.schema_choice import with_schema
from steelyard.task.sections import (
    ColumnsConfig,
    ConsistencyConfig,
    ConstraintsConfig,
    DocumentsConfig,
    ExampleFiles,
    JudgeConfig,
    MetricConfig,
    OutputConfig,
    SplitConfig,
    StrategyConfig,
    TrafficConfig,
    strategies_tag,
)

FILE_NAME = TASK_NAME
Strategies = Annotated[
    Annotated[Literal["auto"], Tag("auto")] | Annotated[tuple[StrategyConfig, ...], Tag("list")],
    Discriminator(strategies_tag),
]


def _steadiness_tag(value: Any) -> str:
    """Distinguish ``false`` from a section; tags in angle brackets stay out of error messages."""
    return "<off>" if value is False else "<on>"


ConsistencyChoice = Annotated[
    Annotated[ConsistencyConfig, Tag("<on>")] | Annotated[Literal[False], Tag("<off>")],
    Discriminator(_steadiness_tag),
]


class Task(Section):
    """What the user brings. Built by `load_task` or `build_task`, changed by `updated`."""

    name: Name
    instruction: str
    output: OutputConfig
    examples: ExampleFiles
    metric: tuple[MetricConfig, ...] = ()
    model_choice: ModelChoice = Field(default=ModelConfig(), alias="model")
    strategies: Strategies = "auto"
    documents: DocumentsConfig | None = None
    document_changes: Name | None = None
    """A file of facts that change in the documents: arms are asked about them before and after."""
    rules: tuple[dict[str, Any], ...] = ()
    judge: JudgeConfig | None = None
    temperature: float = Field(default=0.0, ge=0, le=2)
    consistency: ConsistencyChoice = ConsistencyConfig()
    traffic: TrafficConfig = TrafficConfig()
    currency: Currency = "USD"
    """Of all amounts in the task."""
    prices_at: PriceDay | None = None
    """The day whose prices of the book hold; ages and ends of life are counted from it."""
    prices: dict[str, PriceChoice] = Field(default_factory=dict)
    hours: dict[str, Annotated[Decimal, TYPED_NUMBER, Field(ge=0, le=10**6)]] = Field(
        default_factory=dict
    )
    """Hours of people that setting an approach up takes, by strategy or family."""
    constraints: ConstraintsConfig = ConstraintsConfig()
    columns: ColumnsConfig = ColumnsConfig()
    split: SplitConfig | None = None
    max_output_tokens: PositiveInt | None = None

    _folder: Path = PrivateAttr(default_factory=Path.cwd)
    _fingerprint: str = PrivateAttr(default="")

    @field_validator("examples", mode="before")
    @classmethod
    def _one_file(cls, value: Any) -> Any:
        return {"all": value} if isinstance(value, str) else value

    @field_validator("rules", mode="before")  # pydantic runs these from the last to the first
    @classmethod
    def _named_rules(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        return tuple({"type": rule} if isinstance(rule, str) else rule for rule in value)

    @field_validator("metric", "strategies", "rules", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        lone = isinstance(value, Mapping) or (isinstance(value, str) and value != "auto")
        return (value,) if lone else value

    @field_validator("consistency", mode="before")
    @classmethod
    def _on_or_off(cls, value: Any) -> Any:
        if value is not False and not isinstance(value, Mapping | ConsistencyConfig):
            raise ValueError(
                f"it takes keys such as {{repeats: 3}}, or false, not {as_yaml(value)}"
            )
        return value

    @field_validator("metric", "strategies")
    @classmethod
    def _some_member(cls, members: Any, info: ValidationInfo) -> Any:
        if not members:
            advice = "write auto, or name at least one strategy"
            if info.field_name == "metric":
                advice = "name a metric, or leave the key out"
            raise ValueError(f"the list is empty: {advice}")
        return members

    @field_validator("instruction")
    @classmethod
    def _not_empty(cls, instruction: str) -> str:
        if not instruction.strip():
            raise ValueError("it is empty: write the prompt you use today")
        return instruction.strip()

    @field_validator("model_choice")
    @classmethod
    def _distinct_models(cls, choice: Any) -> Any:
        models = (choice,) if isinstance(choice, ModelConfig) else choice
        if not models:
            raise ValueError("the list is empty: name at least one model")
        tags_of(models)
        plain = [model.model_dump(exclude={"tag", "max_in_flight"}) for model in models]
        for place, fields in enumerate(plain):
            if fields in plain[:place]:
                raise ValueError(f"{fields['provider']}:{fields['name']} is listed twice")
        return choice

    @field_validator("prices")
    @classmethod
    def _right_forms(cls, prices: dict[str, PriceChoice]) -> dict[str, PriceChoice]:
        check_price_forms(prices)
        return prices

    @model_validator(mode="after")
    def _check_whole(self) -> Task:
        if self.split is not None and self.examples.all is None:
            raise ValueError(
                "split is for a single examples file: remove it, these files are split already"
            )
        if self.document_changes is not None and self.documents is None:
            raise ValueError("document_changes need documents: name the files that change")
        check_dates_and_currencies(self.prices, self.currency)
        if self.hours and self.hour_price is None:
            raise ValueError("hours need a price: give prices: {hour: …}, what one of them costs")
        if self.rules and self.output.kind != "text":
            raise ValueError(f"rules belong to output.kind: text, not to kind: {self.output.kind}")
        return self

    @property
    def folder(self) -> Path:
        """Where the task lives; relative paths start here."""
        return self._folder

    @property
    def models(self) -> tuple[ModelConfig, ...]:
        choice = self.model_choice
        return (choice,) if isinstance(choice, ModelConfig) else choice

    @property
    def model(self) -> ModelConfig:
        return self.models[0]

    @property
    def model_tags(self) -> tuple[str, ...]:
        """The tags that name each model's arms, along `models`."""
        return tags_of(self.models)

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(metric.name for metric in self.metric_configs)

    @property
    def metric_configs(self) -> tuple[MetricConfig, ...]:
        """The metrics asked for, or what fits the task. The first one decides."""
        if self.metric:
            return self.metric
        fitting = "rules" if self.rules else KINDS[self.output.kind].default_metric
        return (MetricConfig(name=fitting),)

    @property
    def primary_metric(self) -> str:
        return self.metrics[0]

    @property
    def is_scored_by_rules_alone(self) -> bool:
        """Whether no metric compares an answer with a reference."""
        return bool(self.rules) and set(self.metrics) == {"rules"}

    @property
    def is_bare(self) -> bool:
        """Whether it is only a file of examples, without a ``task.yaml``; see `bare_task`."""
        return not self.instruction

    @property
    def example_paths(self) -> dict[str, Path]:
        """Absolute paths by part: ``all``, or train, dev (when given) and test; links stay links."""
        paths = {part: expanded(name) for part, name in self.examples.by_part().items()}
        # A link's own name has the ending that says how to read it.
        return {part: Path(os.path.abspath(self._folder / path)) for part, path in paths.items()}  # noqa: PTH100

    @property
    def document_paths(self) -> tuple[Path, ...]:
        """Absolute paths of the folders and files that answers are looked up in."""
        return tuple(self.path(name) for name in self.documents.files) if self.documents else ()

    @property
    def document_changes_path(self) -> Path | None:
        """The absolute path of the file of facts that change; ``None`` where there is none."""
        return None if self.document_changes is None else self.path(self.document_changes)

    @property
    def model_prices(self) -> PriceRows:
        """The prices of models and of the machine, by name; what is not given is not there."""
        return model_prices(self.prices, self.currency)

    @property
    def price_day(self) -> date:
        """The day whose prices hold: the task's, or today."""
        return self.prices_at or datetime.now(UTC).date()

    @property
    def price_time(self) -> datetime | None:
        """The moment whose prices of the book hold; ``None`` for now."""
        return None if self.prices_at is None else datetime.combine(self.prices_at, time(), UTC)

    @property
    def shares_machine(self) -> bool:
        """Whether the machine of local models is paid by its busy seconds; else by every hour."""
        return is_machine_shared(self.prices)

    @property
    def label_price(self) -> Decimal | None:
        """What one labelled example costs; ``None`` where the task does not say."""
        return amount_of(self.prices, LABEL)

    @property
    def hour_price(self) -> Decimal | None:
        """What an hour of a person costs; ``None`` where the task does not say."""
        return amount_of(self.prices, HOUR)

    @property
    def traffic_is_assumed(self) -> bool:
        """Whether the volume is the default rather than the user's."""
        return "requests_per_day" not in self.traffic.model_fields_set

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the canonical configuration and the bytes of the example files, in hex."""
        if not self._fingerprint:
            self._fingerprint = _fingerprint(self)
        return self._fingerprint

    def path(self, name: str) -> Path:
        """Resolve ``name`` against the task's folder."""
        return real(self._folder / expanded(name))

    def to_config(self) -> dict[str, Any]:
        """The keys that were given, as plain data that `build_task` reads back."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def updated(self, **changes: Any) -> Task:
        """Return a copy with top-level keys replaced and checked again. Raises `ConfigError`."""
        where = f"option {' and '.join(changes)}"
        return build_task({**self.to_config(), **changes}, self._folder, where)


def load_task(path: Path | str) -> Task:
    """Load a task from its folder or its file. Raises `ConfigError` on any mistake."""
    source = expanded(path)
    file = source / FILE_NAME if source.is_dir() else source
    if not file.is_file() or holds_examples(file):
        raise ConfigError(no_task(source))
    data, lines = read_yaml(file)
    data.setdefault("name", file.resolve().parent.name or "task")
    return build_task(data, file.resolve().parent, where=file.name, lines=lines)


def build_task(
    config: Mapping[str, Any],
    folder: Path | str = ".",
    where: str = "task",
    lines: Lines | None = None,
) -> Task:
    """Build a task from plain data; relative paths start at ``folder``. Raises `ConfigError`."""
    data = with_schema({str(key): value for key, value in config.items()}, Path(folder), where)
    try:
        task = Task.model_validate(data)
    except ValidationError as error:
        raise explain(error, data, Place(where, lines or {})) from None
    except RecursionError:
        raise ConfigError(f"{where} is nested too deeply: flatten it") from None
    task._folder = Path(folder).resolve()
    _check_members(task, where, lines or {})
    check_places(task.example_paths, task.document_paths, Place(where, lines or {}))
    check_changes_place(task.document_changes_path, Place(where, lines or {}))
    return _with_local_model(task)


def _check_members(task: Task, where: str, lines: Lines) -> None:
    for position, metric in enumerate(task.metric):
        check_metric(metric, task.output.kind, Place(where, lines, ("metric", position)))
    for position, strategy in enumerate(() if task.strategies == "auto" else task.strategies):
        check_strategy(strategy, Place(where, lines, ("strategies", position)))
    for name in task.hours:
        check_approach(name, Place(where, lines, ("hours", name)))
    if task.rules:
        metric_class("rules").check_rules(task.rules, Place(where, lines, ("rules",)))


def _with_local_model(task: Task) -> Task:
    """Make Hugging Face models that are folders near the task absolute."""
    models = tuple(_absolute(model, task) for model in task.models)
    if models == task.models:
        return task
    alone = isinstance(task.model_choice, ModelConfig)
    copy = task.model_copy(update={"model_choice": models[0] if alone else models})
    copy._folder = task.folder
    return copy


def _absolute(model: ModelConfig, task: Task) -> ModelConfig:
    if not model.may_be_folder or not task.path(model.name).is_dir():
        return model
    return model.model_copy(update={"name": str(task.path(model.name))})


def _fingerprint(task: Task) -> str:
    """Paths enter as written relative to the folder, so that a moved task keeps its fingerprint."""
    config = task.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    config["metric"] = [
        metric.model_dump(mode="json", exclude_defaults=True) for metric in task.metric_configs
    ]
    written = config.get("model", {})
    several = written if isinstance(written, list) else [written]
    if len(several) == 1 and "model" in config:
        config["model"] = several[0]  # a list of one says the same
    for model in several:
        name = Path(model.get("name", ""))
        if name.is_absolute() and name.is_relative_to(task.folder):
            model["name"] = f"./{name.relative_to(task.folder).as_posix()}"
    canonical = json.dumps(config, sort_keys=True, ensure_ascii=False, default=str)
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogatepass"))
    for part, path in sorted(task.example_paths.items()):
        for data_file in files_of(path):
            digest.update(f"\0{part}\0{hash_file(data_file)}".encode())
    for metric in task.metrics:
        scorer = task.path(metric.rpartition(":")[0])
        if scorer.suffix == ".py" and scorer.is_file():  # the user's own function
            digest.update(b"\0scorer\0" + scorer.read_bytes())
    return digest.hexdigest()
