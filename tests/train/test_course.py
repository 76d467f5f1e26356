"""What a training is set to and comes to: kept as it goes on, told to whatever looks on, taken up again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from steelyard.errors import ModelError, StorageError
from steelyard.train import memory
from steelyard.train.base import BACKWARD, DevScore, TuningJob
from steelyard.train.config import DoraOptions, FullOptions, LoraOptions, PreferenceOptions
from steelyard.train.course import (
    COURSE_NAME,
    CheckpointChoice,
    CourseFile,
    TrainingConfig,
    TrainingCourse,
    happens,
    read_course,
)
from steelyard.train.curve import read_curve
from steelyard.train.facts import SearchPlan, config_of, trainer_facts
from steelyard.train.packing import TokenSample
from steelyard.train.search import TrainedAdapter, train
from steelyard.train.trainer import Trainer
from tests.model.tiny import tiny_network
from tests.train.courses import Recorder, config_with, figures, trained_folder
from tests.train.scripted import SPEC, ScriptedTrainer, after, scored_by
from tests.train.test_gradients import rows
from tests.train.test_out_of_memory import LENGTHS, NOTE, trainer
from tests.train.test_search import DEV, MANY, TRAIN, around, right
from tests.train.test_trainer import samples

OPTIONS = {"rank": 4, "batch_size": 4, "max_epochs": 2, "learning_rates": (1e-2, 1e-3)}


def searched(trainer: Any, folder: Path, sets: Any = (TRAIN, DEV), **job: Any) -> TrainedAdapter:
    return train(trainer, sets, TuningJob(SPEC, folder, 0, **job), 1e-3, (3, 1))


def course_in(folder: Path) -> TrainingCourse:
    course = read_course(folder)
    assert course is not None
    return course


def begun(folder: Path, options: Any, sets: Any = None) -> TrainingConfig:
    """The settings of a real training of a tiny network, which is stopped at its first step."""
    watch = Recorder()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    job = TuningJob(SPEC, folder, 0, stop, watch=watch, data_fingerprint="f00")
    with pytest.raises(KeyboardInterrupt):
        train(
            Trainer(tiny_network(), options, 0),
            sets or (samples(40), samples(8, seed=5)),
            job,
            2e-3,
            (3, 1),
        )
    [config] = watch.of("began")
    assert course_in(folder).config == config
    return config


def test_the_settings_are_those_of_the_training(tmp_path: Path) -> None:
    config = begun(tmp_path, LoraOptions(**OPTIONS))
    sets = samples(40), samples(8, seed=5)
    network = tiny_network()
    layers = [
        m for n, m in network.named_modules() if isinstance(m, torch.nn.Linear) if "head" not in n
    ]
    assert config.trainable == sum(4 * (one.in_features + one.out_features) for one in layers)
    assert config.parameters == config.trainable + network.num_parameters()
    assert {"q_proj", "down_proj"} <= set(config.targets) and "." not in "".join(config.targets)
    assert config.learning_rates == (1e-2, 1e-3) and config.learning_rate_from == "given"
    assert (config.epochs, config.steps_per_epoch, config.warmup_steps) == (2, 10, 2)
    assert config.train_tokens == sum(one.length for one in sets[0])
    assert config.batch_tokens == pytest.approx(config.train_tokens / 10)
    assert config.learnt_tokens == sum(len(one.completion) for one in sets[0])
    assert (config.train_too_long, config.dev_too_long, config.data_fingerprint) == (3, 1, "f00")
    assert [(one.rates, one.examples, one.steps) for one in config.trials] == [(2, 10, 3)]
    assert config.trial_tokens is None, "rates of the user's have no budget of their own"
    assert (config.kind, config.options["rank"], config.seed) == ("LoRA", 4, 0)


def test_the_schedule_that_is_stated_is_the_one_that_is_stepped(tmp_path: Path) -> None:
    watch = Recorder()
    options = LoraOptions(rank=4, batch_size=4, max_epochs=3, patience=3, learning_rates=(1e-2,))
    sets = samples(40), samples(8, seed=5)
    train(
        Trainer(tiny_network(), options, 0), sets, TuningJob(SPEC, tmp_path, 0, watch=watch), 1e-3
    )
    [config] = watch.of("began")
    rates = [point.step_rate or 0.0 for point in watch.points]
    assert rates.index(max(rates)) + 1 in (config.warmup_steps, config.warmup_steps + 1)
    assert max(rates) == pytest.approx(1e-2) and len(rates) == 30
    assert rates[-1] < rates[-2] < 0.1 * max(rates)
    assert all(point.tokens_per_second for point in watch.points)
    assert list(read_curve(tmp_path)) == watch.points, "what is told is what is kept"


def test_where_the_rates_come_from(tmp_path: Path) -> None:
    fixed = ScriptedTrainer(lambda rate, number: 1.0, learning_rates=(1e-4,))
    searched(fixed, tmp_path / "given")
    assert course_in(tmp_path / "given").config.learning_rate_from == "given"
    searched(ScriptedTrainer(lambda rate, number: 1.0), tmp_path / "formula")
    config = course_in(tmp_path / "formula").config
    assert (config.learning_rate_from, config.learning_rates) == ("formula", (1e-3,))
    assert config.trials == ()
    searched(around(1e-3), tmp_path / "trials", MANY)
    course = course_in(tmp_path / "trials")
    assert course.config.learning_rate_from == "trials" and len(course.config.learning_rates) == 5
    assert [(one.rates, one.spare) for one in course.config.trials] == [(5, 0), (2, 1)]
    assert course.config.trial_tokens is not None
    tried = sum(3 * 4 * len(MANY[0]) * one["share"] for one in course.trials)
    assert tried < course.config.trial_tokens < course.config.allowed_tokens


def test_all_weights_have_no_targets_and_dora_no_forecast(tmp_path: Path) -> None:
    full = begun(tmp_path / "full", FullOptions(batch_size=4, learning_rates=(1e-3,)))
    assert full.targets == () and full.trainable == full.parameters
    assert full.memory_bytes and not full.memory_reason
    lora = begun(tmp_path / "lora", LoraOptions(rank=4, batch_size=4, learning_rates=(1e-3,)))
    assert lora.memory_bytes and lora.memory_bytes < full.memory_bytes
    dora = begun(tmp_path / "dora", DoraOptions(rank=4, batch_size=4, learning_rates=(1e-3,)))
    assert dora.memory_bytes is None and "DoRA" in dora.memory_reason


def test_pairs_have_a_loss_of_their_own_and_no_forecast(tmp_path: Path) -> None:
    options = PreferenceOptions(rank=4, batch_size=4, learning_rates=(1e-3,))
    config = begun(tmp_path, options)
    assert config.kind == "DPO over LoRA" and config.loss_unit == "nats per example"
    assert config.memory_bytes is None and "pair" in config.memory_reason
    assert begun(tmp_path / "lora", LoraOptions(**OPTIONS)).loss_unit == "nats per learnt token"


def test_weights_in_four_bits_are_counted_as_weights_and_said() -> None:
    class Params4bit(torch.nn.Parameter):
        """Two weights in a byte, as bitsandbytes holds them."""

        quant_state = None

    network = get_peft_model(tiny_network(), LoraConfig(r=4, target_modules=["q_proj"]))
    plain = trainer_facts(network, "bfloat16")
    layer = network.base_model.model.model.layers[0].mlp.up_proj
    halved = torch.zeros(layer.weight.numel() // 2, 1, dtype=torch.uint8)
    layer.weight = Params4bit(halved, requires_grad=False)
    small = trainer_facts(network, "bfloat16")
    assert small.is_quantised and not plain.is_quantised
    assert (small.parameters, small.trainable) == (plain.parameters, plain.trainable)
    scripted = ScriptedTrainer(lambda rate, number: 1.0)
    scripted.facts = small
    plan = SearchPlan((1e-3,), (), 1e-3, 4, None, 1.0, (0, 0))
    config = config_of(scripted, (TRAIN, DEV), TuningJob(SPEC, Path("x"), 0), plan)
    assert config.kind == "QLoRA" and config.is_quantised
    assert config.memory_bytes is None and "four bits" in config.memory_reason


def test_the_forecast_of_memory_is_what_was_measured() -> None:
    """`benchmarks/tuning_memory.py` on the embedded model: 1.13, 1.40 GB in bf16; lora 2.21 GB in fp32."""
    units, frozen = 30 * 576, 134_515_008
    for learns, element, measured in (
        (4_884_480, 2, 1.13),
        (19_537_920, 2, 1.40),
        (4_884_480, 4, 2.21),
    ):
        forecast = memory.training_bytes(units, learns, frozen * element, element)
        assert forecast == pytest.approx(measured * 1e9, rel=0.05)


def test_passes_the_choice_and_notes_are_kept(tmp_path: Path) -> None:
    losses = {1e-3: [0.6, 0.5, 0.4], 1e-2: [0.4, 0.3, 0.2]}
    accuracy = scored_by(lambda rate, number: right(90 if rate == 1e-3 else 50))
    watch = Recorder()
    trainer = ScriptedTrainer(after(losses), learning_rates=(1e-3, 1e-2), max_epochs=2)
    trained = searched(trainer, tmp_path, score=accuracy, watch=watch)
    course = course_in(tmp_path)
    assert [one["dev_score"] for one in course.trials] == [0.9, 0.5]
    assert [one["dev_loss"] for one in course.epochs] == [0.5, 0.4]
    assert course.choice == CheckpointChoice(1e-3, 1) and course.notes == trained.notes
    assert [course.is_choice(one) for one in course.passes] == [False, False, False, True]
    assert watch.of("passed") == [
        ("trial", 1e-3),
        ("trial", 1e-2),
        ("epoch", 1e-3),
        ("epoch", 1e-3),
    ]
    assert watch.of("chose") == [course.choice]
    assert {one["metric"] for one in course.passes} == {"accuracy"}


def test_a_divergence_is_an_event_with_its_reason(tmp_path: Path) -> None:
    watch = Recorder()
    losses = {1e-3: [0.6, 0.5, 0.4], 1e-2: [math.nan]}
    trainer = ScriptedTrainer(after(losses), learning_rates=(1e-3, 1e-2), max_epochs=2)
    searched(trainer, tmp_path / "one", watch=watch)
    [text] = watch.of("divergence")
    assert "trial of a learning rate of 0.01" in text and "not a number" in text
    [event] = course_in(tmp_path / "one").events
    assert (event.kind, event.text) == ("divergence", text)
    alone = ScriptedTrainer(lambda rate, number: math.nan, learning_rates=(1e-2,))
    with pytest.raises(ModelError):
        searched(alone, tmp_path / "all")
    course = course_in(tmp_path / "all")
    assert course.choice is None and course.events[0].text.startswith(
        "training diverged in epoch 1"
    )


def test_an_interruption_keeps_the_passes_and_says_so(tmp_path: Path) -> None:
    class KillError(Exception):
        pass

    options = {"learning_rates": (1e-3,), "max_epochs": 3}
    killed = ScriptedTrainer(lambda rate, number: 1 / (number + 2), **options)

    def stop(done: int, total: int) -> None:
        if done == 6:
            raise KillError

    with pytest.raises(KillError):
        searched(killed, tmp_path, progress=stop)
    assert len(course_in(tmp_path).epochs) == 1 and course_in(tmp_path).choice is None
    watch = Recorder()
    again = ScriptedTrainer(lambda rate, number: 1 / (number + 2), **options)
    searched(again, tmp_path, watch=watch)
    [text] = watch.of("resumed")
    assert "1 pass over train is not repeated" in text
    course = course_in(tmp_path)
    assert [one["number"] for one in course.epochs] == [0, 1, 2] and course.choice is not None
    assert len(watch.of("passed")) == 3, "whoever looks on sees all passes"


@pytest.mark.parametrize("rates", [(1e-3,), (1e-3, 2e-3)])
def test_a_pass_that_was_trained_and_not_scored_is_said_to_be_scored_now(
    tmp_path: Path, rates: tuple[float, ...]
) -> None:
    class KillError(Exception):
        pass

    def kill(spec: Any, items: int | None) -> DevScore:
        raise KillError

    options = {"learning_rates": rates, "max_epochs": 1}
    with pytest.raises(KillError):
        searched(ScriptedTrainer(lambda rate, number: 1.0, **options), tmp_path, score=kill)
    watch, again = Recorder(), ScriptedTrainer(lambda rate, number: 1.0, **options)
    score = scored_by(lambda rate, number: [1.0] * 5)
    searched(again, tmp_path, watch=watch, score=score)
    name = "epoch 1" if len(rates) == 1 else "the trial of a learning rate of 0.001"
    text = f"{name} was trained before an interruption, and is scored on dev now"
    assert watch.of("resumed") == [text]
    watch = Recorder()
    searched(
        ScriptedTrainer(lambda rate, number: 1.0, **options), tmp_path, watch=watch, score=score
    )
    assert text not in watch.of("resumed"), "it is scored"


def test_a_trial_that_diverged_is_tried_again_and_not_counted(tmp_path: Path) -> None:
    class KillError(Exception):
        pass

    table = after({1e-2: [math.nan, 1, 1], 1e-3: [0.5, 0.4, 0.3]})
    options: dict[str, Any] = {"learning_rates": (1e-2, 1e-3), "max_epochs": 2}

    def stop(done: int, total: int) -> None:
        if done > 5:
            raise KillError

    with pytest.raises(KillError):
        searched(ScriptedTrainer(table, **options), tmp_path, progress=stop)
    kept = [one for one in course_in(tmp_path).passes if not one.get("diverged")]
    assert len(kept) < len(course_in(tmp_path).passes)
    watch, again = Recorder(), ScriptedTrainer(table, **options)
    searched(again, tmp_path, watch=watch)
    [text] = watch.of("resumed")
    number = "1 pass over train is" if len(kept) == 1 else f"{len(kept)} passes over train are"
    assert f"{number} not repeated" in text
    assert again.passes[0][0] == 1e-2, "the one that left nothing"


def test_the_budget_of_pairs_includes_their_references(tmp_path: Path) -> None:
    pair = TokenSample((1, 2, 3), (4,), (5, 6))
    plain = pair._replace(rejected=())
    budgets = []
    for name, one in (("pairs", pair), ("plain", plain)):
        trainer = ScriptedTrainer(lambda rate, number: 1.0, learning_rates=(1e-3,))
        searched(trainer, tmp_path / name, ([one] * 20, [plain] * 4))
        budgets.append(course_in(tmp_path / name).config.allowed_tokens)
    passes = LoraOptions(learning_rates=(1e-3,)).passes
    trained = BACKWARD * passes.train * 20 * (pair.length - plain.length)
    assert budgets[0] - budgets[1] == pytest.approx(trained + 20 * pair.length)


def test_a_pass_that_goes_on_within_says_where(tmp_path: Path) -> None:
    class KillError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 7:
            raise KillError

    options = LoraOptions(rank=4, batch_size=4, max_epochs=1, learning_rates=(1e-2,))
    sets = samples(40), samples(8, seed=5)
    with pytest.raises(KillError):
        job = TuningJob(SPEC, tmp_path, 0, stop, checkpoint_seconds=0.0)
        train(Trainer(tiny_network(), options, 0), sets, job, 1e-3)
    watch = Recorder()
    job = TuningJob(SPEC, tmp_path, 0, checkpoint_seconds=0.0, watch=watch)
    train(Trainer(tiny_network(), options, 0), sets, job, 1e-3)
    assert watch.of("resumed") == ["epoch 1 goes on after step 7 of 10"]


def test_memory_that_runs_out_is_an_event(tmp_path: Path) -> None:
    watch, sets = Recorder(), (rows(LENGTHS * 2), rows(LENGTHS))
    options = LoraOptions(rank=2, learning_rates=(1e-2,), max_epochs=2, patience=2)
    job = TuningJob(SPEC, tmp_path, 0, watch=watch)
    trained = train(trainer(100, options), sets, job, 1e-3)
    assert watch.of("memory") == [NOTE] and NOTE in trained.notes
    assert [one.text for one in course_in(tmp_path).events] == [NOTE]


def test_other_settings_begin_a_new_course_and_the_machines_do_not(tmp_path: Path) -> None:
    trained_folder(tmp_path)
    CourseFile(tmp_path).began(config_with(available_bytes=1, memory_bytes=None, folder="moved"))
    assert len(course_in(tmp_path).passes) == 4 and course_in(tmp_path).config.folder == "moved"
    CourseFile(tmp_path).began(config_with(seed=1))
    assert course_in(tmp_path).passes == () and course_in(tmp_path).choice is None


def test_a_pass_replaces_the_same_one_and_a_divergence_is_kept_once(tmp_path: Path) -> None:
    file = CourseFile(tmp_path)
    file.began(config_with())
    for loss in (0.5, 0.4):
        file.passed(figures("epoch", 0, loss))
        happens(file, "divergence", "it diverged")
        happens(file, "resumed", "it goes on")
    course = course_in(tmp_path)
    assert [one["dev_loss"] for one in course.passes] == [0.4]
    assert [event.kind for event in course.events] == ["divergence", "resumed", "resumed"]


def test_a_damaged_course_is_one_line(tmp_path: Path) -> None:
    assert read_course(tmp_path) is None
    for content in ("{", "[]", '{"config": {}}', '{"other": 1}'):
        (tmp_path / COURSE_NAME).write_text(content)
        with pytest.raises(StorageError, match=r"course.json is damaged .*not its weights"):
            read_course(tmp_path)
