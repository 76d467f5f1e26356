"""A pass over train: its curve, checkpoints within it, what a kill leaves, and a loss that explodes."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from steelyard.errors import ModelError, StorageError
from steelyard.train.base import TuningJob
from steelyard.train.config import LoraOptions, PreferenceOptions
from steelyard.train.curve import (
    CURVE_NAME,
    POINTS,
    CurveFile,
    PassName,
    PointFigures,
    StepLoss,
    read_curve,
)
from steelyard.train.objective import objective_of
from steelyard.train.packing import TokenSample
from steelyard.train.passes import PassLog, PassState
from steelyard.train.search import TrainedAdapter, train
from steelyard.train.trainer import Epoch, Trainer
from tests.model.tiny import tiny_network
from tests.train.scripted import SPEC, search
from tests.train.test_trainer import samples

OPTIONS = LoraOptions(
    rank=4, learning_rates=(1e-2, 1e-3), batch_size=4, max_epochs=3, patience=3, trial_share=0.5
)
SETS = (samples(40), samples(8, seed=5))


def job(folder: Path, tick: Any = lambda steps, total: None) -> TuningJob:
    """A job that writes a checkpoint after every step."""
    return TuningJob(SPEC, folder, 0, tick, checkpoint_seconds=0.0)


def trained_in(folder: Path, tick: Any = lambda steps, total: None) -> TrainedAdapter:
    return train(Trainer(tiny_network(), OPTIONS, 0), SETS, job(folder, tick), 1e-3)


def adapter(trained: TrainedAdapter) -> bytes:
    return (trained.folder / "adapter_model.safetensors").read_bytes()


def points(folder: Path) -> list[tuple[PassName, int, float | None]]:
    return [(point.of_pass, point.step, point.loss) for point in read_curve(folder)]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> TrainedAdapter:
    return trained_in(tmp_path_factory.mktemp("calm"))


def test_the_loss_of_every_step_is_recorded(calm: TrainedAdapter) -> None:
    curve = read_curve(calm.folder.parent)
    counts = Counter(point.of_pass for point in curve)
    chosen = calm.learning_rate
    assert counts == {
        PassName("trial", 1e-2, 0): 5,
        PassName("trial", 1e-3, 0): 5,
        **{PassName("epoch", chosen, number): 10 for number in range(3)},
    }
    for name, entry in zip(dict.fromkeys(p.of_pass for p in curve), calm.trace, strict=True):
        losses = [point.loss for point in curve if point.of_pass == name]
        assert all(loss is not None for loss in losses)
        mean = sum(loss or 0.0 for loss in losses) / len(losses)
        assert entry["train_loss"] == pytest.approx(mean, rel=0.1), "up to the lengths of batches"


@pytest.mark.parametrize("moment", [1, 4, 5, 6, 13, 20, 21, 27, 39])
def test_a_kill_within_a_pass_costs_no_step_and_leaves_the_same_weights(
    calm: TrainedAdapter, tmp_path: Path, moment: int
) -> None:
    class KillError(Exception):
        pass

    steps: list[int] = []

    def kill(done: int, total: int) -> None:
        steps.append(done)
        if len(steps) == moment:
            raise KillError

    with pytest.raises(KillError):
        trained_in(tmp_path, kill)
    torn = trained_in(tmp_path, lambda done, total: steps.append(done))
    assert adapter(torn) == adapter(calm)
    assert points(tmp_path) == points(calm.folder.parent)
    ends = {
        5,
        10,
        20,
        30,
        40,
    }  # no checkpoint follows the last step of a pass: it ends with its own
    assert len(steps) == 40 + (moment in ends)
    assert not list(tmp_path.glob("partial-*"))


CHILD = """
import sys
from pathlib import Path
from tests.train.test_passes import trained_in
trained_in(Path(sys.argv[1]), lambda done, total: print(done, flush=True))
"""


def test_kill_9_at_any_moment_and_again(calm: TrainedAdapter, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    kills = 0
    for after in (3, 8, 9):
        command = [sys.executable, "-c", CHILD, str(tmp_path)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, cwd=root, env=environment, text=True
        ) as child:
            assert child.stdout is not None
            for _ in range(after):
                child.stdout.readline()
            time.sleep(0.003 * after)  # somewhere within what follows a step
            os.kill(child.pid, signal.SIGKILL)
            child.stdout.read()
        kills += child.returncode == -signal.SIGKILL
    assert kills == 3
    torn = trained_in(tmp_path)
    assert adapter(torn) == adapter(calm)
    assert points(tmp_path) == points(calm.folder.parent)


def test_a_checkpoint_within_a_pass_waits_for_its_time(tmp_path: Path) -> None:
    partial: list[int] = []

    def look(done: int, total: int) -> None:
        partial.append(len(list(tmp_path.glob("partial-*"))))

    search(Trainer(tiny_network(), OPTIONS, 0), tmp_path, look, sets=SETS)
    assert set(partial) == {0}


def test_a_long_pass_has_about_200_points_which_are_means(tmp_path: Path) -> None:
    class Silent:
        step_tokens = 640
        steps = 0

        def checkpoint(self, path: Path) -> None:
            path.write_text("")

        def resume(self, path: Path) -> None: ...

    log = PassLog(tmp_path, "epoch", PassName("epoch", 0.1, 0), every=3600.0)
    state = log.begin(Silent(), 1001)
    for step in range(1, 1002):
        state.add(8, 2.0 * step, 2)
        log.add(Silent(), state)
    curve = read_curve(tmp_path)
    assert len(curve) <= POINTS and curve[-1].step == 1001
    assert [point.step for point in curve[:2]] == [6, 12]
    assert [point.loss for point in curve[:2]] == [3.5, 9.5]


def test_points_beyond_a_checkpoint_and_a_torn_line_are_removed(tmp_path: Path) -> None:
    name, other = PassName("epoch", 0.1, 0), PassName("trial", 0.1, 0)
    CurveFile(tmp_path, other, 2).begin(0)
    CurveFile(tmp_path, other, 2).add(2, PointFigures(1.0))
    curve = CurveFile(tmp_path, name, 9)
    for step in (1, 2, 3):
        curve.add(step, PointFigures(float(step)))
    with (tmp_path / CURVE_NAME).open("a") as file:
        file.write('{"stage": "epo')
    assert len(read_curve(tmp_path)) == 4
    curve.begin(2)
    curve.add(3, PointFigures(math.inf))
    kept = read_curve(tmp_path)
    assert [(point.stage, point.step) for point in kept] == [
        ("trial", 2), ("epoch", 1), ("epoch", 2), ("epoch", 3)
    ]  # fmt: skip
    assert kept[-1] == StepLoss("epoch", 0.1, 0, 3, 9, None)
    (tmp_path / CURVE_NAME).write_text('{"stage": "dance"}\n')
    with pytest.raises(StorageError, match=r"curve\.jsonl is damaged .*loses the curve alone"):
        read_curve(tmp_path)


class Exploding(Trainer):
    """After some steps its loss is a number, and a thousand times too high."""

    after = 10**6
    count = 0

    def step(self, some: Any, prefix: int, rate: float) -> tuple[float, int]:
        self.count += 1
        loss, tokens = super().step(some, prefix, rate)
        return (1000 * loss if self.count > self.after else loss), tokens


def exploding(after: int, **options: Any) -> Exploding:
    made = Exploding(
        tiny_network(),
        LoraOptions(rank=2, batch_size=4, max_epochs=3, **options),
        0,
    )
    made.after = after
    return made


def test_a_loss_that_explodes_stops_the_training_with_a_reason(tmp_path: Path) -> None:
    alone = exploding(5, learning_rates=(1e-2,))
    sets = (samples(200), samples(8))
    with pytest.raises(
        ModelError, match=r"diverged at a learning rate of 0\.01 \(the loss rose from 7\."
    ):
        search(alone, tmp_path / "one", sets=sets)
    assert alone.count == 20, "it is stopped within the first pass"
    later = search(exploding(50, learning_rates=(1e-2,)), tmp_path / "two", sets=sets)
    assert later.epoch == 1
    [note] = [note for note in later.notes if "diverged" in note]
    assert note.startswith("training diverged in epoch 2 (the loss rose from 2.62 to ")
    assert note.endswith(" nats), and an earlier one was taken")
    assert later.trace[-1]["dev_loss"] is None
    assert later.trace[-1]["diverged"].startswith("the loss rose")
    json.dumps(later.trace, allow_nan=False)


def test_an_exploded_trial_is_dropped_and_said(tmp_path: Path) -> None:
    class AtHighRates(Exploding):
        def epoch(self, some: Any, dev: Any, rate: float, *more: Any) -> Epoch:
            self.count, self.after = 0, 4 if rate == 1.0 else 10**6
            return super().epoch(some, dev, rate, *more)

    made = AtHighRates(
        tiny_network(),
        LoraOptions(rank=2, batch_size=4, max_epochs=1, learning_rates=(1.0, 1e-3)),
        0,
    )
    trained = search(made, tmp_path, sets=(samples(200), samples(8)))
    assert trained.learning_rate == 1e-3
    assert any(
        "rate of 1 was dropped: training diverged at it (the loss rose" in n for n in trained.notes
    )


def healthy(losses: list[float], examples: int = 4) -> str:
    state = PassState()
    for loss in losses:
        state.add(examples, 3 * loss, 3)
        if reason := state.divergence(len(losses), None):
            return reason
    return ""


def test_what_is_no_divergence() -> None:
    assert healthy([2.0] * 50) == ""
    assert healthy([2.0] * 10 + [9.0] + [1.5] * 40) == "", "a spike"
    assert healthy([0.01] * 10 + [0.3] * 40) == "", "many times a loss of next to nothing"
    assert healthy([0.2] + [1.2] * 40, examples=1) == "", "one easy example"
    assert healthy([2.0, 9.0, 9.0, 9.0]) == "", "too few to tell"
    assert healthy([1.0] * 5 + [8.0] * 40).startswith("the loss rose from 1.00 to")


def test_a_pass_of_few_steps_that_destroyed_the_model_is_told_by_dev(tmp_path: Path) -> None:
    """Too few steps for the loss of training to tell; the second of them is as bad as the dev."""

    class Destroyed(Trainer):
        count = 0

        def step(self, some: Any, prefix: int, rate: float) -> tuple[float, int]:
            self.count += 1
            loss, tokens = super().step(some, prefix, rate)
            return (loss if self.count == 1 else 26.0 * tokens), tokens

        def measured(self, samples: Any) -> tuple[float, dict[str, float]]:
            return 26.17, {}

    options = LoraOptions(rank=2, batch_size=4, max_epochs=1, learning_rates=(1000.0,))
    with pytest.raises(
        ModelError, match=r"at a learning rate of 1000 \(the loss on dev is .*worse than a guess at"
    ):
        search(Destroyed(tiny_network(), options, 0), tmp_path, sets=(samples(12), samples(8)))


@pytest.mark.parametrize(("on_dev", "is_said"), [(8.5, True), (2.0, False)])
def test_a_model_that_may_be_worse_than_before_is_said(
    tmp_path: Path, on_dev: float, is_said: bool
) -> None:
    class Measured(Trainer):
        def measured(self, samples: Any) -> tuple[float, dict[str, float]]:
            return on_dev, {}

    options = LoraOptions(rank=2, batch_size=4, max_epochs=1, learning_rates=(1e-3,))
    made = Measured(tiny_network(), options, 0)
    [note] = search(made, tmp_path, sets=(samples(12), samples(8))).notes
    assert (
        "above the 6.33 of the first step" in note and "made the model worse" in note
    ) == is_said
    assert ("more may be better" in note) != is_said


def test_the_loss_of_a_guess_at_random() -> None:
    """Of a pair it also says which answer is the better one, by a coin."""
    pairs = objective_of(PreferenceOptions(sft_weight=0.5))
    assert pairs.chance_loss(50_000) == pytest.approx(0.69 + 0.5 * 10.82, abs=0.01)
    assert objective_of(LoraOptions()).chance_loss(50_000) == pytest.approx(10.82, abs=0.01)


def test_a_loss_on_dev_is_no_divergence_where_it_was_as_high_before() -> None:
    state = PassState()
    state.add(4, 4 * 7.0, 4)
    state.add(4, 4 * 90.0, 4)
    assert state.end_divergence(7.5, None, 5.6) == "", "an untrained network is worse than a guess"
    assert state.end_divergence(14.1, None, 5.6).startswith("the loss on dev is 14.10 nats")
    assert state.end_divergence(14.1, 2.0, 15.0) == "", "not worse than a guess"


def test_a_pass_without_a_log_is_as_one_with(tmp_path: Path) -> None:
    one, other = (Trainer(tiny_network(), OPTIONS, 0) for _ in range(2))
    some: list[TokenSample] = samples(12)
    log = PassLog(tmp_path, "x", PassName("epoch", 1e-2, 0), 0.0)
    first = one.epoch(some, some, 1e-2)
    second = other.epoch(some, some, 1e-2, lambda steps, total: None, log)
    assert (first.train_loss, first.dev_loss) == (second.train_loss, second.dev_loss)
    pairs = zip(one.blocks, other.blocks, strict=True)
    assert all(torch.equal(a.master, b.master) for a, b in pairs)


def test_a_trial_that_diverges_again_after_a_kill_leaves_the_epochs_their_optimisers(
    tmp_path: Path,
) -> None:
    class KillError(Exception):
        pass

    class Torn(Exploding):
        """Explodes in the trial of the higher rate; may be killed at the second epoch."""

        dies = False

        def epoch(self, some: Any, dev: Any, rate: float, *more: Any) -> Epoch:
            self.count, self.after = 0, 4 if rate == 1.0 else 10**6
            return super().epoch(some, dev, rate, *more)

        def step(self, some: Any, prefix: int, rate: float) -> tuple[float, int]:
            if self.dies and self.epochs:
                raise KillError
            return super().step(some, prefix, rate)

    def torn() -> Torn:
        rates = {"learning_rates": (1.0, 1e-3), "trial_share": 0.5}
        options = LoraOptions(rank=2, batch_size=4, max_epochs=2, patience=3, **rates)
        return Torn(tiny_network(), options, 0)

    sets = (samples(200), samples(8))
    first = torn()
    first.dies = True
    with pytest.raises(KillError):
        train(first, sets, job(tmp_path / "torn"), 1e-3)
    calm = train(torn(), sets, job(tmp_path / "calm"), 1e-3)
    assert adapter(train(torn(), sets, job(tmp_path / "torn"), 1e-3)) == adapter(calm)
