"""A training as people read it: its settings, its passes, its choice. Nothing is computed but units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from steelyard.report import formats
from steelyard.train.course import TrainingConfig, TrainingCourse, TrainingEvent, more_figures
from steelyard.train.curve import StepLoss, epoch_words, median_speed
from steelyard.words import counted, listed

_IN_ROWS = frozenset(
    "rank alpha ratio beta sft_weight learning_rates batch_size max_epochs patience max_tokens "
    "trial_share".split()
)
"""Options that the settings say in words of their own."""
_MEGABYTE = 1e6
_MARK_LENGTH = 16


class Setting(NamedTuple):
    """A line of the settings."""

    about: str
    text: str


class PassRow(NamedTuple):
    """A pass over train in words; ``remark`` says that it was taken, or how it diverged."""

    name: str
    examples: str
    train_loss: str
    dev_loss: str
    score: str
    between: str
    dev_items: str
    seconds: str
    remark: str
    is_choice: bool
    more: tuple[str, ...] = ()


class TrainingOutcome(NamedTuple):
    """What a finished job left: the names of its arms, and all that a reader must know."""

    arms: Sequence[str]
    notes: Sequence[str]


class TrainingView:
    """The training of the strategy ``name``, as far as it has come."""

    def __init__(
        self,
        name: str,
        course: TrainingCourse,
        curve: Sequence[StepLoss],
        outcome: TrainingOutcome | None = None,
    ) -> None:
        self.name = name
        self.course = course
        self.curve = curve
        self.arms = () if outcome is None else outcome.arms
        self.notes = course.notes if outcome is None else outcome.notes

    @property
    def model(self) -> str:
        """The model's name; of one in a folder, the folder's."""
        return self.config.model.rstrip("/").rpartition("/")[-1] or self.config.model

    @property
    def config(self) -> TrainingConfig:
        return self.course.config

    @cached_property
    def epoch_rate(self) -> float | None:
        """The learning rate of the epochs; ``None`` before the first of them."""
        rates = [one.learning_rate for one in self.curve if one.stage == "epoch"]
        return rates[-1] if rates else None

    @cached_property
    def epoch_points(self) -> list[StepLoss]:
        return [one for one in self.curve if one.stage == "epoch"]

    def end_of(self, epoch: Mapping[str, Any]) -> int:
        """The step that an epoch ends at, counted over all epochs."""
        passes: float = epoch["number"] + epoch["share"]
        return round(passes * self.config.steps_per_epoch)

    @property
    def metric(self) -> str:
        """What dev is scored by, for a reader; empty where the loss alone decides."""
        names = [one.get("metric") for one in self.course.passes if one.get("metric")]
        return str(names[0]).replace("_", " ") if names else ""

    @property
    def state(self) -> str:
        """How far it is, as a sentence."""
        choice, epochs = self.course.choice, self.course.epochs
        if choice is not None:
            rate = f"learning rate {choice.learning_rate:g}"
            return f"Epoch {choice.number + 1} of {len(epochs)} was taken, at {rate}."
        events = self.course.events
        if events and events[-1].kind == "divergence" and epochs and epochs[-1].get("diverged"):
            return "Training diverged and was stopped."
        if not self.curve:
            return "Training has begun."
        last = self.curve[-1]
        latest = self.course.passes[-1] if self.course.passes else {}
        is_latest = (latest.get("stage"), latest.get("learning_rate")) == last.of_pass[:2]
        if is_latest and latest.get("diverged"):
            return f"Training diverged in {last.of_pass.words}."
        if last.stage == "epoch" and last.step == last.steps:
            most = max(self.config.epochs, last.number + 1)  # another is added where the last gains
            return f"Epoch {last.number + 1} of {most} is trained."
        return f"Training is at step {last.step:,} of {last.steps:,} of {last.of_pass.words}."

    @property
    def is_over(self) -> bool:
        return self.course.choice is not None

    @property
    def events(self) -> list[TrainingEvent]:
        """What happened and no note says."""
        return [event for event in self.course.events if event.text not in self.notes]

    @property
    def settings(self) -> list[Setting]:
        return settings_of(self.config)

    @property
    def epochs(self) -> list[PassRow]:
        return [self._row(one) for one in self.course.epochs]

    @property
    def trials(self) -> list[PassRow]:
        return [self._row(one) for one in self.course.trials]

    def _row(self, one: Mapping[str, Any]) -> PassRow:
        is_trial = one["stage"] == "trial"
        is_choice, more = self.course.is_choice(one), more_figures(one)
        rate_taken = is_trial and one["learning_rate"] == self.epoch_rate
        remark = (
            f"diverged: {one['diverged']}"
            if one.get("diverged")
            else "taken"
            if is_choice or rate_taken
            else ""
        )
        epoch = epoch_words(one["number"], one["share"]).capitalize().replace(" ", "\u00a0", 1)
        name = f"{one['learning_rate']:g}" if is_trial else epoch
        return PassRow(
            name,
            formats.count(round(one["share"] * self.config.train_examples)),
            loss(one["train_loss"]),
            loss(one["dev_loss"]),
            formats.percent(one["dev_score"]),
            between(one),
            formats.count(one["dev_items"]),
            formats.seconds(one["seconds"]),
            remark,
            is_choice or rate_taken,
            tuple(f"{more[key]:.3f}" if key in more else formats.NONE for key in self.more_names),
        )

    @cached_property
    def more_names(self) -> tuple[str, ...]:
        """What the objective measures on dev beside the loss."""
        names = (name for one in self.course.passes for name in more_figures(one))
        return tuple(dict.fromkeys(names))

    @property
    def last(self) -> Mapping[str, Any] | None:
        """The pass whose figures stand first: the one that was taken, else the last epoch."""
        taken = [one for one in self.course.epochs if self.course.is_choice(one)]
        return next(iter([*taken, *self.course.epochs[-1:]]), None)

    @property
    def speed(self) -> str:
        """Tokens per second."""
        speed = median_speed(self.curve)
        return formats.NONE if speed is None else f"{speed:,.0f}"

    @property
    def seconds(self) -> str:
        return formats.seconds(self.course.seconds)


def loss(value: float | None) -> str:
    """A loss in nats."""
    return formats.NONE if value is None else f"{value:.3f}"


def between(one: Mapping[str, Any]) -> str:
    """The interval of a pass's score, in percent; empty where it has none."""
    low, high = one.get("dev_low"), one.get("dev_high")
    return "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}"


def pass_line(one: Mapping[str, Any]) -> str:
    """What a pass came to, on one line of a terminal."""
    is_trial = one["stage"] == "trial"
    epoch = epoch_words(one["number"], one["share"])
    name = f"trial of {one['learning_rate']:g}" if is_trial else epoch
    if one.get("diverged"):
        return f"{name}: diverged ({one['diverged']})"
    parts = [f"{name}: loss {loss(one['train_loss'])}, on dev {loss(one['dev_loss'])}"]
    if one.get("dev_score") is not None:
        interval = f" [{between(one)}]" if between(one) else ""
        metric = str(one["metric"]).replace("_", " ")
        items = counted(one["dev_items"], "example")
        parts.append(f"{metric} {formats.percent(one['dev_score'])}{interval} on {items} of dev")
    parts.append(formats.seconds(one["seconds"]))
    return formats.plain(", ".join(parts))


def settings_of(config: TrainingConfig) -> list[Setting]:
    """What a training is set to, line by line."""
    rest = {name: value for name, value in config.options.items() if name not in _IN_ROWS}
    more = f"; adapters on {listed(list(config.targets), 12)}" if config.targets else ""
    included = (
        "dev, trials and the untuned model's losses"
        if "beta" in config.options
        else "dev and trials"
    )
    quantised = "; those below the adapters in four bits" if config.is_quantised else ""
    lines = {
        "Model": f"{config.model}, on {config.device} in {_PRECISIONS[config.precision]}{quantised}",
        "Kind": f"{config.kind}{_details(config)}{more}",
        "Learns": f"{config.trainable:,} of {config.parameters:,} weights "
        f"({formats.percent(config.trainable / config.parameters)})",
        "Learning rate": _rate(config),
        "Trials": _trials(config),
        "Schedule": f"rises over {counted(config.warmup_steps, 'step')}, then falls linearly to 0",
        "Steps": f"{counted(config.epochs * config.steps_per_epoch, 'step')}: {_passes(config)}",
        "Batch": f"{counted(config.batch_size, 'example')}, {config.batch_tokens:,.0f} tokens on average; "
        f"{config.step_tokens:,} tokens are computed at once",
        "Data": _data(config),
        "Fingerprint": f"sha256 {config.data_fingerprint[:_MARK_LENGTH]}…, of train, dev and test"
        if config.data_fingerprint
        else formats.NONE,
        "Memory": _memory(config),
        "Budget": f"{config.allowed_tokens:,.0f} tokens of forward passes at most, {included} included",
        "Seed": str(config.seed),
        "Other options": formats.option(rest) if rest else formats.NONE,
        "Folder": config.folder,
    }
    return [Setting(about, text) for about, text in lines.items()]


_PRECISIONS = {"bfloat16": "bf16, weights that learn kept in fp32", "float32": "fp32"}


def _details(config: TrainingConfig) -> str:
    names = [
        name for name in ("rank", "alpha", "ratio", "beta", "sft_weight") if name in config.options
    ]
    return "".join(f", {name.replace('_', ' ')} {config.options[name]:g}" for name in names)


def _rate(config: TrainingConfig) -> str:
    rates = [f"{rate:g}" for rate in config.learning_rates]
    if config.learning_rate_from == "formula":
        return f"{rates[0]}, by the formula for this model and so many steps"
    if config.learning_rate_from == "trials":
        return f"chosen on dev, from {rates[0]} to {rates[-1]} around {config.formula_rate:g}, the formula's"
    how = "; trials on dev choose" if len(rates) > 1 else ""
    return f"{listed(rates, 9)}, as given{how} (the formula's is {config.formula_rate:g})"


def _trials(config: TrainingConfig) -> str:
    if not config.trials:
        why = "one rate is given" if config.learning_rate_from == "given" else _TOO_SHORT
        return f"none: {why}"
    rounds = [
        f"{counted(one.rates, 'rate')} on {counted(one.examples, 'example')} each "
        f"({counted(one.steps, 'step')}){f', {one.spare} more at an edge' if one.spare else ''}"
        for one in config.trials
    ]
    budget = f"; {config.trial_tokens:,.0f} tokens of forward passes" if config.trial_tokens else ""
    return f"{', then '.join(rounds)}; measured on {config.trial_dev:,} of dev{budget}"


_TOO_SHORT = "the budget or the train set allows none that is long enough to judge by"


def _passes(config: TrainingConfig) -> str:
    patience = counted(int(config.options["patience"]), "pass", "passes")
    return (
        f"{counted(config.epochs, 'pass', 'passes')} over train of {config.steps_per_epoch:,}; if the last "
        f"gains on dev, what the budget has left; ends after {patience} without a gain"
    )


def _data(config: TrainingConfig) -> str:
    long = [
        f"{count:,} of {part}"
        for part, count in (("train", config.train_too_long), ("dev", config.dev_too_long))
        if count
    ]
    most = config.options["max_tokens"]
    left_out = f"; {' and '.join(long)} left out, over {most:,} tokens" if long else ""
    return (
        f"{counted(config.train_examples, 'example')}, {config.train_tokens:,} tokens of which "
        f"{config.learnt_tokens:,} are learnt; dev {counted(config.dev_examples, 'example')}, "
        f"{config.dev_tokens:,} tokens{left_out}"
    )


def _memory(config: TrainingConfig) -> str:
    available = config.available_bytes
    free = "" if available is None else f"; {_bytes(available)} are available at the start"
    if config.memory_bytes is None:
        return f"{config.memory_reason}{free}"
    return f"about {_bytes(config.memory_bytes)} (forecast){free}"


def _bytes(number: float) -> str:
    """``1.1 GB``, or ``340 MB`` below one."""
    megabytes = number / _MEGABYTE
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{max(1, megabytes):.0f} MB"
