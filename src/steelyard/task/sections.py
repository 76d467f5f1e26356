"""The sections of ``task.yaml`` as frozen data; each default lives once, here."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from steelyard.config.section import Fraction, MoneyAmount, Name, PositiveMoney, Section, Template
from steelyard.core import OutputKind
from steelyard.economics import Traffic
from steelyard.errors import ConfigError
from steelyard.output_kinds import LABELLED

PARTS = ("train", "dev", "test")
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
_JOINERS = "\u200c\u200d\u00ad"


def check_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels stripped. Raises `ValueError` for empty, repeated or case-only variants."""
    stripped = tuple(label.strip() for label in labels)
    if any(not label for label in stripped):
        raise ValueError("a label is empty: remove it or give it a name")
    for label in stripped:
        if (wrong := unfit_character(label)) is not None:
            raise ValueError(f"label {label[:40]!r} holds {wrong}, which no label may: remove it")
    repeated = [label for label, count in Counter(stripped).items() if count > 1]
    if repeated:
        raise ValueError(f"label {repeated[0]!r} is listed twice: list each label once")
    spellings: dict[str, str] = {}
    for label in stripped:
        other = spellings.setdefault(label.casefold(), label)
        if other != label:
            raise ValueError(
                f"labels {other!r} and {label!r} differ only by case: keep one spelling"
            )
    return stripped


def unfit_character(label: str) -> str | None:
    """Name the first character that no label may hold; joiners, no-break spaces and emoji may be there.

    Unfit are line breaks, controls, halves of characters, and marks that nobody sees and every
    comparison does (a byte-order mark, a zero-width space, directions).
    """
    for character in label:
        kind = unicodedata.category(character)
        if (
            kind in _UNFIT
            and character not in _JOINERS
            and not "\U000e0020" <= character <= "\U000e007f"
        ):
            name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
            return "a line break" if character in "\n\r" else f"the character {name}"
    return None


class OutputConfig(Section):
    """What the task answers with: one of ``labels``, a set of them, JSON (of a schema), or text."""

    kind: OutputKind
    labels: tuple[str, ...] = ()
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        labels = check_labels(labels)
        if len(labels) == 1 and "," in labels[0]:
            listed = ", ".join(part.strip() for part in labels[0].split(","))
            raise ValueError(f"they are one text, {labels[0]!r}: write them as [{listed}]")
        if len(labels) == 1:
            raise ValueError(
                f"one label, {labels[0]!r}, leaves nothing to choose from: add the others"
            )
        return labels

    @model_validator(mode="after")
    def _check_kind(self) -> OutputConfig:
        if self.labels and self.kind not in LABELLED:
            raise ValueError(f"labels belong to kind: label or labels, not to kind: {self.kind}")
        if self.json_schema is not None and self.kind != "json":
            raise ValueError(f"schema belongs to kind: json, not to kind: {self.kind}")
        return self


class ExampleFiles(Section):
    """One file split by Steelyard (``all``), or ``train`` and ``test`` with an optional ``dev``."""

    all: Name | None = None
    train: Name | None = None
    dev: Name | None = None
    test: Name | None = None

    @model_validator(mode="after")
    def _check_parts(self) -> ExampleFiles:
        if self.all is not None:
            if self.train or self.dev or self.test:
                raise ValueError("give one file, or train, dev and test files, not both")
        elif self.train is None or self.test is None:
            raise ValueError("give one file, or both train and test files (dev is optional)")
        return self

    def by_part(self) -> dict[str, str]:
        """The files that are given: ``{'all': …}`` or a subset of train, dev, test."""
        names = {part: getattr(self, part) for part in ("all", *PARTS)}
        return {part: name for part, name in names.items() if name is not None}


class DocumentsConfig(Section):
    """What answers are looked up in: ``files`` are folders and files, relative to the task.

    ``text`` names the column of rows (CSV, JSON Lines) that is their text; ``hidden: keep`` leaves text
    that no reader sees in what models are shown.
    """

    files: tuple[Name, ...]
    text: Name | None = None
    hidden: Literal["leave_out", "keep"] = "leave_out"

    @model_validator(mode="before")
    @classmethod
    def _from_paths(cls, value: Any) -> Any:
        if isinstance(value, str | list | tuple):
            value = {"files": value}
        if isinstance(value, Mapping) and isinstance(value.get("files"), str):
            value = {**value, "files": [value["files"]]}
        if not isinstance(value, Mapping | DocumentsConfig):
            raise ValueError(
                f"it takes a folder or file, a list of them, or {{files, text, hidden}}, not {value!r:.60}"
            )
        return value

    @field_validator("files")
    @classmethod
    def _some_files(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        if not files:
            raise ValueError("the list is empty: name a folder or a file, or leave the key out")
        repeated = [name for name, count in Counter(files).items() if count > 1]
        if repeated:
            raise ValueError(f"{repeated[0]!r} is listed twice")
        return files


class _Member(Section):
    name: Name
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class StrategyConfig(_Member):
    """A strategy to weigh, with its options."""


class MetricConfig(_Member):
    """A metric with its options; ``file.py:function`` names the user's own."""


class JudgeConfig(Section):
    """A model that judges replies; ``model`` takes any form that the task's own does.

    ``mode`` ``compare`` compares a reply with the reference in both orders, ties allowed; ``rate``
    rates it from 1 to ``scale`` by the rubric. ``votes`` are asked in each order. ``reasoning`` lets
    the judge explain before it decides: more expensive, and free text. ``ratings`` is a file with the
    user's own ratings, to check the judge's against. ``groundedness`` also asks of each answer from
    documents whether the passages that it cites support it; the judge is then sent these passages.
    """

    model: str | dict[str, Any] | None = None
    rubric: str = ""
    mode: Literal["compare", "rate"] = "compare"
    scale: int = Field(default=5, ge=2, le=10)
    votes: int = Field(default=1, ge=1, le=25)
    temperature: float | None = Field(default=None, ge=0, le=2)
    reasoning: bool = False
    ratings: Name | None = None
    groundedness: bool = False


class ConsistencyConfig(Section):
    """How steady answers are: asked ``repeats`` times, and under prompts that mean the same.

    ``items`` test examples are asked of every arm; ``variants`` bounds how many of each kind.
    """

    repeats: int = Field(default=3, ge=2, le=50)
    items: int = Field(default=24, ge=1)
    variants: int = Field(default=2, ge=1)


class TrafficConfig(Section):
    """The volume that the choice is made for."""

    requests_per_day: int = Field(default=10_000, gt=0)
    horizon_days: int = Field(default=365, gt=0)
    error_cost: PositiveMoney | None = None
    """What a wrong answer costs, in the currency of the prices."""
    growth_per_month: Annotated[Decimal, Field(gt=-1, le=1)] = Decimal(0)
    """A share: 0.05 is 5 % more requests a day each month of 30 days."""
    peak: Annotated[Decimal, Field(ge=1, le=1000)] = Decimal(1)
    """How many times the average the busiest moment is: machines that are always on are counted for it."""
    retrain_days: Annotated[int, Field(gt=0)] | None = None
    """After how many days what was tuned is tuned again."""

    @model_validator(mode="after")
    def _check_volume(self) -> TrafficConfig:
        try:
            self.volume  # noqa: B018
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def volume(self) -> Traffic:
        """The requests over time. Raises `ConfigError` for more than can be."""
        days, growth = self.horizon_days, self.growth_per_month
        return Traffic(Decimal(self.requests_per_day), days, growth, self.peak)


class ConstraintsConfig(Section):
    """What an arm must keep to stay in the choice."""

    min_quality: float | None = Field(default=None, ge=0, le=1)
    max_latency_p95_ms: float | None = Field(default=None, gt=0)
    max_monthly_cost: MoneyAmount | None = None
    min_accuracy_at_coverage: Fraction | None = None
    """How often the answers that are not handed to people must be right."""
    margin: float = Field(default=0.02, ge=0, lt=1)
    """How much quality the choice may give up for money, where no `error_cost` is given."""


class ColumnsConfig(Section):
    r"""Which column or key plays which role; a role left out is guessed from the usual names.

    ``null`` says that none plays it. The input may be a template over several: ``{title}\n\n{body}``.
    """

    input: Template | None = None
    output: Name | None = None
    id: Name | None = None
    group: Name | None = None
    slice: Name | None = None
    timestamp: Name | None = None
    weight: Name | None = None
    rules: Name | None = None
    accepted: Name | None = None
    rejected: Name | None = None
    evidence: Name | None = None
    answerable: Name | None = None
    unanswerable: Name | None = None

    @model_validator(mode="after")
    def _check_input(self) -> ColumnsConfig:
        if "input" in self.model_fields_set and self.input is None:
            raise ValueError("the input needs a column: name one, or leave it out")
        return self

    def by_role(self) -> dict[str, str | None]:
        """The columns that are named, and ``None`` for the roles that no column is to play."""
        return {
            role: getattr(self, role)
            for role in type(self).model_fields
            if role in self.model_fields_set
        }


class SplitConfig(Section):
    """Fractions of the examples per part; a fraction left out is filled in."""

    train: Fraction | None = None
    dev: Fraction | None = None
    test: Fraction | None = None

    @model_validator(mode="after")
    def _check_sum(self) -> SplitConfig:
        fractions = [value for value in (self.train, self.dev, self.test) if value is not None]
        total = sum(fractions)
        if len(fractions) == len(PARTS) and abs(total - 1) > 1e-6:
            raise ValueError(f"the fractions add up to {total:g}: make them add up to 1")
        if len(fractions) < len(PARTS) and total >= 1:
            raise ValueError(f"the fractions add up to {total:g}: leave room for the other parts")
        return self


def strategies_tag(value: Any) -> Literal["auto", "list"]:
    """Tell ``auto`` from a list of strategies."""
    return "auto" if value == "auto" else "list"
