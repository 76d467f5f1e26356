"""The files of inputs that a run's strategies have answered, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steelyard.data.dataset import Dataset
from steelyard.data.private.traffic import is_hosted
from steelyard.data.unlabelled import Unlabelled, read_unlabelled
from steelyard.model import ModelSpec
from steelyard.strategy import StrategySpec, build_strategy
from steelyard.words import counted


def unlabelled_of(data: Dataset, *, skip_bad_rows: bool) -> dict[str, Unlabelled]:
    """Read every file of inputs that the task's strategies name. Raises as `read_unlabelled` does."""
    configs = () if data.task.strategies == "auto" else data.task.strategies
    strategies = [build_strategy(StrategySpec(one.name, one.options)) for one in configs]
    names = dict.fromkeys(name for strategy in strategies for name in strategy.input_files)
    return {name: read_unlabelled(data, name, skip_bad_rows=skip_bad_rows) for name in names}


def unlabelled_notes(
    unlabelled: Mapping[str, Unlabelled], asked: Sequence[ModelSpec]
) -> tuple[str, ...]:
    """Say what each file holds, and of how many inputs private values would leave the machine."""
    notes = [one.note for one in unlabelled.values()]
    if any(is_hosted(spec) and not spec.redact for spec in asked):
        notes += [
            f"{one.file}: {counted(one.private, 'input')} of {len(one.examples):,} hold"
            f"{'s' if one.private == 1 else ''} private values, and the model that answers them may be hosted"
            for one in unlabelled.values()
            if one.private
        ]
    return tuple(notes)
