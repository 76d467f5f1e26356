"""A pass over train as it goes on: what it has come to, its curve, and checkpoints in the middle of it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from steelyard.config.records import read_as
from steelyard.errors import StorageError
from steelyard.files import read_json, write_whole
from steelyard.train.course import SILENT, TrainingWatch, happens
from steelyard.train.curve import CurveFile, PassName, PointFigures, steps_per_point
from steelyard.train.out_of_memory import allowed_step_tokens, keep_step_tokens, memory_text
from steelyard.train.packing import TokenSample

T = TypeVar("T")
_CHECKPOINT_SHARE = 50
"""From one checkpoint to the next passes so many times what it took, so that they cost 2 % at most."""
_START_EXAMPLES = 16
"""The loss before training is taken over the steps with the first so many examples."""
_EXPLODED, _EXPLODED_LOSS, _FEWEST_STEPS = 3.0, 1.0, 20
"""Training diverged where the mean loss of a pass, from so many steps on or at its end, is over three times
that before and over one nat: learnt tokens then have less than a chance of 0.37 in the geometric mean."""
_LOST = 1.5
"""It also did where the loss on dev at the end of a pass is over so many times the loss before, in the first
epoch that of its first step, and over that of a guess at random: few steps are too few for the rule above."""


class TrainerState(Protocol):
    """A trainer as a pass needs it."""

    step_tokens: int

    @property
    def steps(self) -> int:
        """Those of the epochs before."""

    def checkpoint(self, path: Path) -> None:
        """Write all that `resume` needs."""

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint."""


@dataclass
class PassState:
    """How far a pass is: steps and examples, and the sums of loss, in nats, and learnt tokens.

    Where the loss is a mean over examples, these are the ``tokens``.
    ``start_loss`` and ``start_tokens`` are those of the first examples alone, ``first_loss`` the mean of the
    first step, before anything was learnt. ``read_tokens`` are those of
    the examples, prompts included, and ``rate`` the learning rate of the last step.
    """

    step: int = 0
    examples: int = 0
    loss: float = 0.0
    tokens: int = 0
    start_loss: float = 0.0
    start_tokens: int = 0
    first_loss: float = 0.0
    seconds: float = 0.0
    read_tokens: int = 0
    rate: float = 0.0

    def passed_through(self, batch: Sequence[TokenSample], rate: float) -> None:
        """Count the tokens of a step, prompts included, and note its learning rate."""
        self.read_tokens += sum(sample.length for sample in batch)
        self.rate = rate

    def add(self, examples: int, loss: float, tokens: int) -> None:
        """Count one step."""
        if not self.step:
            self.first_loss = loss / tokens
        if self.examples < _START_EXAMPLES:
            self.start_loss, self.start_tokens = self.start_loss + loss, self.start_tokens + tokens
        self.step, self.examples = self.step + 1, self.examples + examples
        self.loss, self.tokens = self.loss + loss, self.tokens + tokens

    def divergence(self, steps: int, before: float | None) -> str:
        """Say how a pass of so many ``steps`` diverged; the text is empty where it did not.

        ``before`` is the mean loss of the first epoch; in that one, the loss of the first examples counts.
        """
        if not math.isfinite(self.loss):
            return "the loss is not a number"
        if self.step < min(_FEWEST_STEPS, steps):
            return ""
        loss, tokens = self.loss, self.tokens
        if before is None:
            if self.examples < 2 * _START_EXAMPLES:
                return ""
            before = self.start_loss / self.start_tokens
            loss, tokens = loss - self.start_loss, tokens - self.start_tokens
        mean = loss / tokens
        if mean <= max(_EXPLODED * before, _EXPLODED_LOSS):
            return ""
        return f"the loss rose from {before:.2f} to {mean:.2f} nats"

    def end_divergence(self, dev_loss: float, before: float | None, chance: float) -> str:
        """Say how a finished pass diverged by its loss on dev, ``chance`` being that of a guess at random."""
        before = self.first_loss if before is None else before
        if not dev_loss > max(_LOST * before, chance):
            return ""
        return (
            f"the loss on dev is {dev_loss:.2f} nats, worse than a guess at random ({chance:.2f})"
        )


class PassLog:
    """Writes into ``folder`` what a pass came to, so that a killed one goes on and its curve has no gap."""

    def __init__(
        self,
        folder: Path,
        file_name: str,
        name: PassName,
        every: float,
        watch: TrainingWatch = SILENT,
    ) -> None:
        self._folder = folder
        self._prefix = f"partial-{file_name}-"
        self.name = name
        self._every = every
        self._watch = watch
        self._step_tokens = 0

    def begin(self, trainer: TrainerState, steps: int) -> PassState:
        """Return the state to go on from, that of a checkpoint in the middle of the pass if there is one."""
        allowed = allowed_step_tokens(self._folder)
        trainer.step_tokens = min(trainer.step_tokens, allowed or trainer.step_tokens)
        self._step_tokens = trainer.step_tokens
        state = PassState()
        if partial := sorted(self._folder.glob(f"{self._prefix}*.pt")):
            trainer.resume(partial[-1])
            way_on = f"remove {partial[-1]}, and the pass begins again"
            state = read_measured(PassState, _state_path(partial[-1]), way_on)
        self._curve = CurveFile(self._folder, self.name, steps, trainer.steps)
        self._curve.begin(state.step)
        self._per_point, self._steps = steps_per_point(steps), steps
        self._before = replace(state)
        if state.step:
            happens(
                self._watch,
                "resumed",
                f"{self.name.words} goes on after step {state.step:,} of {steps:,}",
            )
        self._last, self._took = time.monotonic(), 0.0
        return state

    def add(self, trainer: TrainerState, state: PassState) -> None:
        """Note one more step; after some minutes, write a checkpoint."""
        is_sound = math.isfinite(state.loss)
        if state.step % self._per_point and state.step < self._steps and is_sound:
            return
        self._watch.stepped(self._curve.add(state.step, _figures(self._before, state)))
        self._before = replace(state)
        self._keep_memory(trainer)
        due = max(self._every, _CHECKPOINT_SHARE * self._took) if self._every else 0.0
        if is_sound and time.monotonic() - self._last >= due and state.step < self._steps:
            self._checkpoint(trainer, state)

    def _checkpoint(self, trainer: TrainerState, state: PassState) -> None:
        started = time.monotonic()
        path = self._folder / f"{self._prefix}{state.step:08d}.pt"
        # The state first: a checkpoint that is there is whole, whenever a kill comes.
        write_whole(_state_path(path), json.dumps(asdict(state), allow_nan=False))
        trainer.checkpoint(path)
        self._remove(but=path.name)
        self._last = time.monotonic()
        self._took = self._last - started

    def _keep_memory(self, trainer: TrainerState) -> None:
        if trainer.step_tokens < self._step_tokens:
            keep_step_tokens(self._folder, trainer.step_tokens)
            happens(self._watch, "memory", memory_text(trainer.step_tokens, self._step_tokens))
            self._step_tokens = trainer.step_tokens

    def close(self, trainer: TrainerState) -> None:
        """Remove the checkpoints in the middle of a pass whose outcome is saved."""
        self._keep_memory(trainer)
        self._remove()

    def _remove(self, but: str = " ") -> None:
        for path in self._folder.glob(f"{self._prefix}*"):
            if not path.name.startswith(but):
                path.unlink()


def _figures(before: PassState, state: PassState) -> PointFigures:
    """What the steps between two states came to."""
    seconds, tokens = state.seconds - before.seconds, state.read_tokens - before.read_tokens
    return PointFigures(
        (state.loss - before.loss) / (state.tokens - before.tokens),
        state.rate,
        tokens / seconds if seconds > 0 else None,
    )


def _state_path(checkpoint: Path) -> Path:
    return checkpoint.with_name(f"{checkpoint.name}.json")


def read_measured(
    kind: type[T], path: Path, way_on: str = "remove it, or begin anew with --no-cache"
) -> T:
    """Read what an earlier attempt measured. Raises `StorageError` where something else is there."""
    try:
        measured: T = read_as(kind, read_json(path))
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} is damaged ({error}): {way_on}") from error
    return measured
