"""Which learning rate and epoch a search takes, by losses and scores that a script gives."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import ModelError
from steelyard.model import ModelSpec
from steelyard.train.base import BACKWARD, DevScore, ScoreDev
from steelyard.train.lora import LoraTuner
from steelyard.train.packing import TokenSample
from steelyard.train.search import TrainedAdapter, load_trained, save_trained
from tests.train.scripted import DEV, TRAIN, ScriptedTrainer, after, scored_by, search

MANY = ([TokenSample((1, 2, 3), (4,))] * 2000, [TokenSample((1, 2, 3), (4,))] * 100)


def right(count: int, of: int = 100) -> list[float]:
    """``count`` dev examples answered right, the first ones."""
    return [1.0] * count + [0.0] * (of - count)


def test_the_rate_with_the_lowest_trial_is_trained_and_the_best_epoch_saved(
    tmp_path: Path,
) -> None:
    losses = {1e-3: [0.5], 1e-2: [0.3, 0.25, 0.2, 0.22]}
    trainer = ScriptedTrainer(after(losses), learning_rates=(1e-3, 1e-2))
    trained = search(trainer, tmp_path)
    assert (trained.learning_rate, trained.epoch) == (1e-2, 2)
    assert trainer.at[1] == 1, "the second epoch's adapter is the one that was saved"
    assert [entry["share"] for entry in trained.trace] == [0.25, 0.25, 1.0, 1.0, 1.0]
    assert trained.tokens == round(4 * 20 * (2 * 0.25 + 3))
    assert trained.seconds == 5.0


def test_it_stops_when_dev_no_longer_improves(tmp_path: Path) -> None:
    losses = {1e-3: [9, 0.2, 0.3, 0.4, 0.1]}
    trainer = ScriptedTrainer(after(losses), learning_rates=(1e-3,), patience=2, max_epochs=4)
    trained = search(trainer, tmp_path)
    assert len(trained.trace) == 3, "a single rate needs no trial"
    assert trained.epoch == 1 and trained.notes == ()


def test_loss_falls_and_accuracy_with_it(tmp_path: Path) -> None:
    """What trainjudge's demo met: the loss fell from 2.39 to 2.11, accuracy from 30.8 to 24.6 %."""
    losses = {1e-3: [9, 2.39, 2.25, 2.11]}
    accuracy = scored_by(lambda rate, number: right([62, 57, 49][number], of=200))
    trainer = ScriptedTrainer(after(losses), learning_rates=(1e-3,))
    trained = search(trainer, tmp_path, score=accuracy)
    assert trained.epoch == 1
    [note] = trained.notes
    assert note == (
        "loss and metric disagree on dev: epoch 3 has the lowest loss (2.110, with accuracy 0.245), "
        "epoch 1 the best accuracy (0.310, with a loss of 2.390); epoch 1 was taken"
    )
    by_loss = search(ScriptedTrainer(after(losses), learning_rates=(1e-3,)), tmp_path / "loss")
    assert by_loss.epoch == 3


def test_within_one_standard_error_the_lower_loss_wins(tmp_path: Path) -> None:
    losses = {1e-3: [9, 0.5, 0.4]}
    near = scored_by(lambda rate, number: right([61, 60][number]))
    trainer = ScriptedTrainer(after(losses), learning_rates=(1e-3,), max_epochs=2)
    trained = search(trainer, tmp_path, score=near)
    assert trained.epoch == 2
    assert "epoch 2 was taken, within one standard error of the best" in trained.notes[0]


def test_a_rate_is_chosen_by_the_metric_too(tmp_path: Path) -> None:
    losses = {1e-3: [0.6, 0.5, 0.6], 1e-2: [0.4, 0.3, 0.4]}
    score = scored_by(lambda rate, number: right(90 if rate == 1e-3 else 50))
    options = {"learning_rates": (1e-3, 1e-2), "max_epochs": 2}
    trained = search(ScriptedTrainer(after(losses), **options), tmp_path, score=score)
    assert trained.learning_rate == 1e-3
    assert trained.notes[0].startswith(
        "loss and metric disagree on dev: a learning rate of 0.01 has the lowest loss (0.400, with "
        "accuracy 0.500), a learning rate of 0.001 the best accuracy (0.900"
    )
    assert [entry["dev_score"] for entry in trained.trace] == [0.9, 0.5, 0.9, 0.9]
    assert (
        search(ScriptedTrainer(after(losses), **options), tmp_path / "loss").learning_rate == 0.01
    )


def test_a_metric_that_still_rises_is_no_reason_to_stop(tmp_path: Path) -> None:
    losses = {1e-3: [9, 0.2, 0.3, 0.4]}
    rising = scored_by(lambda rate, number: right([20, 50, 80][number]))
    trainer = ScriptedTrainer(after(losses), learning_rates=(1e-3,))
    assert search(trainer, tmp_path, score=rising).epoch == 3


def around(best: float, size: int = len(MANY[0]), **options: Any) -> ScriptedTrainer:
    """A trainer whose loss is lowest at ``best``, with room for five rates and two that decide."""
    return ScriptedTrainer(
        lambda rate, number: abs(math.log2(rate / best)) + 1 / (number + 2), size, **options
    )


def test_rates_around_the_formula_are_halved_away(tmp_path: Path) -> None:
    trainer = around(1e-3)
    trained = search(trainer, tmp_path, sets=MANY)
    assert trained.learning_rate == 1e-3
    rates = [rate for rate, _, _ in trainer.passes]
    assert rates[:5] == [0.00025, 0.0005, 0.001, 0.002, 0.004]
    assert set(rates[5:7]) < {0.0005, 0.001, 0.002} and rates[7:] == [1e-3] * 3
    screen, final = trainer.passes[0][1], trainer.passes[5][1]
    assert screen >= 6 * 5 and final >= 12 * 5
    assert not [note for note in trained.notes if "learning rate" in note]


def test_the_first_trials_go_by_the_metric_where_the_loss_says_otherwise(tmp_path: Path) -> None:
    """As the rate rises the loss falls, and the metric with it: the lowest two go on."""
    trainer = ScriptedTrainer(lambda rate, number: 0.001 / rate, len(MANY[0]))
    metric = scored_by(
        lambda rate, number: right(min(100, round(75 - 20 * math.log2(rate / 5e-4))))
    )
    trained = search(trainer, tmp_path, sets=MANY, score=metric)
    rates = [rate for rate, _, _ in trainer.passes]
    assert rates[:5] == [0.00025, 0.0005, 0.001, 0.002, 0.004]
    assert set(rates[5:7]) == {0.00025, 0.0005} and trained.learning_rate == 0.000125


@pytest.mark.parametrize(
    ("best", "extended", "noted"),
    [(0.004, 0.008, False), (0.00025, 0.000125, False), (0.02, 0.008, True)],
)
def test_a_rate_at_the_edge_extends_the_grid_once_or_is_warned_of(
    tmp_path: Path, best: float, extended: float, noted: bool
) -> None:
    trainer = around(best)
    trained = search(trainer, tmp_path, sets=MANY)
    tried = [rate for rate, examples, _ in trainer.passes if examples < len(MANY[0])]
    assert tried[-1] == extended and len(tried) == 8
    assert trained.learning_rate == (extended if noted else best)
    assert any("is the highest of the 6 that were tried" in note for note in trained.notes) == noted


def test_users_rates_are_all_tried_and_an_edge_is_warned_of(tmp_path: Path) -> None:
    losses = {1e-3: [0.4, 0.3, 0.4], 1e-4: [0.5], 1e-5: [0.6]}
    options = {"learning_rates": (1e-5, 1e-4, 1e-3), "max_epochs": 2}
    trained = search(ScriptedTrainer(after(losses), **options), tmp_path)
    assert [entry["share"] for entry in trained.trace[:3]] == [0.25] * 3
    assert trained.notes == (
        "the learning rate 0.001 is the highest of the 3 that were tried, so that a higher one may be "
        "better; the option learning_rates takes more",
    )


def test_few_examples_take_the_rate_of_the_formula(tmp_path: Path) -> None:
    trainer = ScriptedTrainer(lambda rate, number: 1 / (number + 2))
    trained = search(trainer, tmp_path, formula=0.0013)
    assert trained.learning_rate == 0.0013
    assert {entry["stage"] for entry in trained.trace} == {"epoch"}


def test_a_last_epoch_that_is_best_is_warned_of(tmp_path: Path) -> None:
    losses = {1e-3: [9, 0.5, 0.352, 0.223]}
    trained = search(ScriptedTrainer(after(losses), learning_rates=(1e-3,)), tmp_path)
    assert trained.epoch == 3
    assert trained.notes == (
        "epoch 3, the last that was offered, is the best on dev (loss 0.352, then 0.223), so that more "
        "may be better; the option max_epochs allows more",
    )


def test_a_last_epoch_that_is_best_is_followed_by_one_more_within_the_budget(
    tmp_path: Path,
) -> None:
    trainer = ScriptedTrainer(lambda rate, number: 1 / (number + 2), trial_share=0.8, max_epochs=2)
    trained = search(trainer, tmp_path / "room")
    assert trained.epoch == 3 and "epoch 3, the last" in trained.notes[0]
    assert trainer.passes[-1] == (1e-3, len(TRAIN), 12), "the schedule is one epoch longer"
    most = trainer.options.passes
    assert sum(entry["share"] for entry in trained.trace) <= most.train
    trainer = ScriptedTrainer(lambda rate, number: 1 / (number + 2), trial_share=0.1, max_epochs=2)
    assert search(trainer, tmp_path / "none").epoch == 2
    turns = {1e-3: [9, 0.3, 0.4, 0.1]}
    trainer = ScriptedTrainer(after(turns), trial_share=0.8, max_epochs=2)
    assert len(search(trainer, tmp_path / "over").trace) == 2, "it got no better"


def test_what_the_budget_has_left_is_trained_though_it_is_less_than_an_epoch(
    tmp_path: Path,
) -> None:
    ticks: list[tuple[int, int]] = []
    trainer = ScriptedTrainer(lambda rate, number: 1 / (number + 2), max_epochs=2)
    trained = search(trainer, tmp_path, lambda done, total: ticks.append((done, total)))
    assert trainer.passes[-1] == (1e-3, 10, 10), "two steps more, to which the schedule goes"
    assert [entry["share"] for entry in trained.trace] == [1, 1, 0.5] and trained.epoch == 3
    assert trained.notes[0].startswith(
        "epoch 3 (50 % of it), the last that was offered, is the best"
    )
    assert sum(entry["share"] for entry in trained.trace) <= trainer.options.passes.train
    assert ticks[-1] == (10, 10)
    again = ScriptedTrainer(lambda rate, number: 1 / (number + 2), max_epochs=2)
    assert search(again, tmp_path).trace == trained.trace and not again.passes


def test_a_rate_that_diverges_is_dropped_and_said(tmp_path: Path) -> None:
    losses = {1e-1: [math.nan], 1e-3: [2.0, 1.0, 0.9, 0.8]}
    trainer = ScriptedTrainer(after(losses), learning_rates=(1e-1, 1e-3))
    trained = search(trainer, tmp_path / "two")
    assert trained.learning_rate == 1e-3
    assert (
        "a learning rate of 0.1 was dropped: training diverged at it (the loss is not a number)"
    ) in trained.notes
    assert trained.trace[0]["dev_loss"] is None
    save_trained(trained, tmp_path / "two" / "trained.json")
    assert load_trained(tmp_path / "two" / "trained.json") == trained


def test_where_every_rate_diverges_the_reason_is_said(tmp_path: Path) -> None:
    alone = ScriptedTrainer(after({1e-1: [0, math.nan]}), learning_rates=(1e-1,), max_epochs=1)
    with pytest.raises(ModelError, match=r"diverged at a learning rate of 0\.1 .*smaller"):
        search(alone, tmp_path / "one")
    both = ScriptedTrainer(lambda rate, number: math.nan, learning_rates=(1.0, 0.1))
    with pytest.raises(ModelError, match=r"a learning rate of 1 and 0\.1 "):
        search(both, tmp_path / "both")


def test_an_epoch_that_diverges_ends_the_training_and_is_said(tmp_path: Path) -> None:
    losses = {1e-3: [9, 0.5, math.nan, 0.1]}
    trained = search(ScriptedTrainer(after(losses), learning_rates=(1e-3,)), tmp_path)
    assert trained.epoch == 1 and len(trained.trace) == 2
    assert trained.notes == (
        "training diverged in epoch 2 (the loss is not a number), and an earlier one was taken",
    )


def test_progress_counts_the_steps_of_trials_and_epochs_together(tmp_path: Path) -> None:
    ticks: list[tuple[int, int]] = []
    losses = {1e-3: [0.5, 0.4, 0.3], 1e-2: [0.9]}
    search(
        ScriptedTrainer(after(losses), learning_rates=(1e-3, 1e-2), max_epochs=2),
        tmp_path,
        lambda done, total: ticks.append((done, total)),
    )
    assert ticks == [(step, 2 * 1 + 2 * 4) for step in range(1, 11)]


class KillError(Exception):
    """Stands for a kill."""


def killed_at(
    moment: int, trainer: ScriptedTrainer, score: ScoreDev
) -> tuple[ScriptedTrainer, ScoreDev]:
    """Have the trainer and what scores it be killed at their ``moment``-th write or answer."""
    left = moment

    def strike() -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KillError

    epoch, checkpoint, save = trainer.epoch, trainer.checkpoint, trainer.save

    def struck(method: object, *, late: bool) -> object:
        def call(*args: object, **named: object) -> object:
            strike()
            outcome = method(*args, **named)
            if late:
                strike()
            return outcome

        return call

    trainer.epoch = struck(epoch, late=True)
    trainer.checkpoint = struck(checkpoint, late=True)
    trainer.save = struck(save, late=True)

    def judged(spec: ModelSpec, items: int | None) -> DevScore:
        strike()
        outcome = score(spec, items)
        strike()
        return outcome

    return trainer, judged


def edge_course() -> tuple[ScriptedTrainer, ScoreDev]:
    """Five rates, an extended grid, three epochs; scores that disagree with the losses."""
    trainer = around(0.004)
    return trainer, scored_by(lambda rate, number: right(40 + 10 * (number + 1), of=100))


def longer_course() -> tuple[ScriptedTrainer, ScoreDev]:
    """Two epochs, of which the last is followed by another."""
    trainer = ScriptedTrainer(lambda rate, number: 1 / (number + 2), trial_share=0.8, max_epochs=2)
    return trainer, scored_by(lambda rate, number: right(40 + 10 * (number + 1), of=100))


@pytest.mark.parametrize("course", [edge_course, longer_course])
def test_a_kill_at_any_moment_changes_nothing(tmp_path: Path, course: object) -> None:
    sets = MANY if course is edge_course else (TRAIN, DEV)

    def once(folder: Path, moment: int) -> TrainedAdapter:
        trainer, score = killed_at(moment, *course())
        return search(trainer, folder, score=score, sets=sets)

    calm = once(tmp_path / "calm", 10**6)
    saved = json.loads((calm.folder / "adapter.json").read_text())
    moments = 0
    for moment in range(1, 10**3):
        folder = tmp_path / str(moment)
        try:
            once(folder, moment)
        except KillError:
            moments += 1
        else:
            break
        torn = once(folder, 10**6)
        assert (torn.learning_rate, torn.epoch, torn.notes) == (
            calm.learning_rate,
            calm.epoch,
            calm.notes,
        )
        assert torn.trace == calm.trace and torn.tokens == calm.tokens
        assert json.loads((torn.folder / "adapter.json").read_text()) == saved
    assert moments > 12


@pytest.mark.parametrize("best", [0.004, 1e-3, 0.02])
@pytest.mark.parametrize("options", [{}, {"max_epochs": 5}, {"trial_share": 1.0}, {"patience": 9}])
@pytest.mark.parametrize("sets", [MANY, (TRAIN, DEV)], ids=["many", "few"])
def test_a_course_stays_within_its_budget_and_its_forecast(
    tmp_path: Path, best: float, options: dict[str, Any], sets: Any
) -> None:
    train, dev = sets
    asked = 0

    def score(spec: ModelSpec, most: int | None) -> DevScore:
        nonlocal asked
        items = len(dev) if most is None else most
        asked += items
        return DevScore("accuracy", 0.5, (0.5,) * items)

    trainer = around(best, len(train), **options)
    trained = search(trainer, tmp_path, score=score, sets=sets)
    assert asked <= LoraTuner().dev_answers(trainer.options, len(dev))
    train_tokens, dev_tokens = (sum(sample.length for sample in part) for part in sets)
    looks = sum(
        (1 if entry["dev_score"] is None else 2) * entry["dev_items"] / len(dev)
        for entry in trained.trace
    )
    most = trainer.options.passes
    assert trained.tokens <= most.train * train_tokens
    used = BACKWARD * trained.tokens + (looks + 1) * dev_tokens  # the free arm answers dev, too
    assert used <= most.tokens(train_tokens, dev_tokens)


def test_what_an_older_version_finished_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trained.json"
    entry = {"number": 0, "train_loss": 1.0, "dev_loss": 0.5, "seconds": 2.0}
    old = {
        "folder": "adapter",
        "learning_rate": 0.001,
        "epoch": 1,
        "trace": [{"learning_rate": 0.001, "share": 1.0, **entry}],
        "seconds": 2.0,
        "tokens": 80,
    }
    path.write_text(json.dumps(old))
    trained = load_trained(path)
    assert trained is not None
    assert (trained.folder, trained.notes) == (tmp_path / "adapter", ())


@pytest.mark.parametrize(("first", "last", "warns"), [(0.0004, 0.0001, False), (0.4, 0.3, True)])
def test_a_last_epoch_is_warned_of_where_it_shows_a_gain(
    first: float, last: float, warns: bool, tmp_path: Path
) -> None:
    trainer = ScriptedTrainer(
        after({1e-3: [first, last, last / 2]}), learning_rates=(1e-3,), max_epochs=2
    )
    notes = search(trainer, tmp_path).notes
    assert any("more may be better" in note for note in notes) == warns
