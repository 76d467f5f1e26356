"""Memory that runs out: fewer tokens at once, the same gradient, and a line that says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from steelyard.errors import ModelError
from steelyard.train.config import LoraOptions
from steelyard.train.lanes import Lanes
from steelyard.train.out_of_memory import is_out_of_memory
from steelyard.train.packing import TokenSample
from steelyard.train.trainer import Trainer
from tests.model.tiny import tiny_network
from tests.train.scripted import search
from tests.train.test_gradients import rows

CPU = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
LENGTHS = (30, 45, 60, 20, 50, 35, 25, 40)


class SmallMemory(Trainer):
    """Its memory holds so many tokens; what goes beyond fails before, or in the middle of its gradient."""

    room = 10**6
    late = False
    failures = 0
    error: Any = RuntimeError(CPU)

    def sums(self, samples: Sequence[TokenSample], prefix: int) -> torch.Tensor:
        fits = sum(sample.length for sample in samples) <= self.room
        if fits or self.late:
            loss = super().sums(samples, prefix)
        if fits:
            return loss
        self.failures += 1
        if not self.late:
            raise self.error
        loss[0].backward()  # leaves a gradient, as a backward pass does that fails half way
        raise self.error


def trainer(room: int = 10**6, options: LoraOptions | None = None) -> SmallMemory:
    made = SmallMemory(tiny_network(), options or LoraOptions(rank=4), seed=1)
    made.room = room
    return made


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    "error", [RuntimeError(CPU), torch.OutOfMemoryError("CUDA out of memory."), MemoryError()]
)
def test_a_step_is_done_again_in_smaller_pieces_with_the_same_gradient(
    late: bool, error: BaseException
) -> None:
    calm, small = trainer(), trainer(100)
    small.late, small.error = late, error
    some = rows(LENGTHS)
    losses = [one.backward(some, 2)[0] for one in (calm, small)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert small.failures and small.step_tokens == 80
    first, second = (torch.cat([b.gradient() for b in one.blocks]) for one in (calm, small))
    assert float((first - second).norm() / first.norm()) < 1e-5


def test_an_example_that_fits_alone_is_no_reason_to_stop_where_two_do_not() -> None:
    """Lanes hold several pieces at once: after a failure they go one after the other."""
    calm, torn = trainer(), trainer()
    before = torch.get_num_threads()
    torn._lanes = Lanes(2)
    torch.set_num_threads(before)
    failed: list[int] = []

    def sums(samples: Sequence[TokenSample], prefix: int) -> torch.Tensor:
        if torn._lanes.count > 1:
            failed.append(len(samples))
            raise MemoryError
        return Trainer.sums(torn, samples, prefix)

    torn.sums = sums  # type: ignore[method-assign]
    some = rows((60, 60, 60))
    torn.step_tokens = calm.step_tokens = 60
    assert torn.backward(some, 2)[0] == pytest.approx(calm.backward(some, 2)[0], rel=1e-5)
    assert failed and torn.step_tokens == 60
    assert torn.loss(some) == pytest.approx(calm.loss(some), rel=1e-5)


def test_the_loss_on_dev_is_measured_in_smaller_pieces() -> None:
    calm, small = trainer(), trainer(100)
    assert calm.loss(rows(LENGTHS)) == pytest.approx(small.loss(rows(LENGTHS)), rel=1e-5)
    assert small.step_tokens == 80


def test_an_example_that_does_not_fit_is_one_line_that_says_what_to_do() -> None:
    with pytest.raises(ModelError) as caught:
        trainer(50).step(rows(LENGTHS), 2, 1e-2)
    assert str(caught.value) == (
        "memory ran out on a single example of 60 tokens: set the option max_tokens below 60, which "
        "leaves longer examples out, or tune a smaller model"
    )


def test_another_error_stays_what_it_is() -> None:
    one = trainer(50)
    one.error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="shapes"):
        one.step(rows(LENGTHS), 2, 1e-2)
    assert not is_out_of_memory(ValueError("out of memory"))


OPTIONS = LoraOptions(rank=2, learning_rates=(1e-2,), max_epochs=2, patience=2)
NOTE = "memory ran out: 80 tokens are computed at once instead of 640; the gradient is the same"


def test_a_note_says_so_and_is_still_there_after_a_kill(tmp_path: Path) -> None:
    sets = (rows(LENGTHS * 2), rows(LENGTHS))
    trained = search(trainer(100, OPTIONS), tmp_path / "calm", sets=sets)
    assert NOTE in trained.notes

    class KillError(Exception):
        pass

    def kill(steps: int, total: int) -> None:
        if steps == 3:
            raise KillError

    with pytest.raises(KillError):
        search(trainer(100, OPTIONS), tmp_path / "torn", kill, sets=sets)
    roomy = trainer(options=OPTIONS)
    assert NOTE in search(roomy, tmp_path / "torn", sets=sets).notes
    assert roomy.step_tokens == 80 and not roomy.failures
    plain = search(trainer(options=OPTIONS), tmp_path / "plain", sets=sets)
    assert not any("memory" in note for note in plain.notes)


def test_memory_that_runs_out_elsewhere_is_one_line(tmp_path: Path) -> None:
    class Greedy(SmallMemory):
        def checkpoint(self, path: Path) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    greedy = Greedy(tiny_network(), OPTIONS, seed=1)
    with pytest.raises(ModelError, match="memory ran out in training: tune a smaller model"):
        search(greedy, tmp_path, sets=(rows(LENGTHS), rows(LENGTHS)))
    assert not (tmp_path / "adapter").exists()
