"""Strategies on tasks whose outputs are sets of labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from steelyard.core import Completion, Example, Question, questions_of
from steelyard.label_sets import label_set, labels_in
from steelyard.score import build_metric
from steelyard.strategy import StrategySpec, build_strategy
from steelyard.strategy.base import Arm, Brief, FitContext, TaskFacts
from steelyard.strategy.cascade_parts import default_first
from steelyard.strategy.formats import Shot
from steelyard.strategy.lessons import chat_samples
from steelyard.strategy.linear import fit_sets, memberships
from steelyard.strategy.prompt import Prompt, PromptRecipe, answer_schema, full_instruction
from steelyard.strategy.reading import canonical, read_completion
from steelyard.strategy.saved import load_arm, save_arm
from steelyard.strategy.shots import CHOICES, shot_sequence
from tests.strategy.samples import FILLER, TOPICS

LABELS = tuple(TOPICS)
BRIEF = Brief("Say what the ticket is about.", "labels", LABELS, "set_f1")


def tickets(count: int, seed: int = 0) -> tuple[Example, ...]:
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        labels = rng.choice(LABELS, rng.choice([0, 1, 1, 2, 3]), replace=False).tolist()
        words = [word for label in labels for word in rng.choice(TOPICS[label], 2)]
        words += rng.choice(FILLER, 3).tolist()
        text = " ".join(map(str, rng.permutation(words)))
        made.append(Example(f"{seed}-{number}", f"{text} {number}", label_set(labels)))
    return tuple(made)


TRAIN, DEV, TEST = tickets(90), tickets(60, 1), tickets(60, 2)


@pytest.fixture
def context(fit_context, tmp_path: Path) -> FitContext:
    return fit_context(brief=BRIEF, train=TRAIN, dev=DEV, metric=build_metric("set_f1"))


def f1(arm: Arm) -> float:
    return build_metric("set_f1").over(TEST, arm.answer_all(questions_of(TEST))) or 0.0


def test_each_label_is_learned_with_a_threshold_from_dev(
    context: FitContext, tmp_path: Path
) -> None:
    (arm,) = build_strategy(StrategySpec("tfidf_linear", {"features": "word"})).fit(context)
    assert f1(arm) > 0.9
    assert isinstance(arm.options["threshold"], float)
    assert "best on dev" in arm.options["threshold_rule"]
    answers = arm.answer_all(questions_of(TEST))
    assert all(0 < (answer.confidence or 0) <= 1 for answer in answers)
    assert any(answer.output == "[]" for answer in answers)
    save_arm(arm, tmp_path / "arm")
    loaded = load_arm(tmp_path / "arm").answer_all(questions_of(TEST))
    assert [one.output for one in loaded] == [one.output for one in answers]
    assert [one.confidence for one in loaded] == [one.confidence for one in answers]


def test_a_set_is_as_probable_as_its_labels_are_together() -> None:
    outputs = [example.output for example in TRAIN]
    matrix = np.eye(len(LABELS))[np.arange(len(TRAIN)) % len(LABELS)]
    linear = fit_sets("logistic", 1.0, matrix, outputs, 0)
    scores = np.array([[2.0, -1.0, 0.5], [-3.0, -2.0, -1.0]])
    first, second = linear.predictions(scores)
    assert first.output == label_set([linear.labels[0], linear.labels[2]])
    shares = 1 / (1 + np.exp(-np.array([2.0, 1.0, 0.5])))
    assert first.probabilities == {first.output: pytest.approx(shares.prod())}
    assert second.output == "[]"


def test_no_answer_is_empty_where_no_train_set_is() -> None:
    outputs = ['["A"]', '["B"]', '["A", "B"]'] * 4
    linear = fit_sets("svm", 1.0, np.tile(np.eye(3), (4, 1)), outputs, 0)
    (answer,) = linear.predictions(np.array([[-2.0, -1.0]]))
    assert answer.output == '["B"]'


def test_a_label_of_every_example_is_always_given() -> None:
    outputs = ['["A", "B"]', '["A"]'] * 6
    linear = fit_sets("logistic", 1.0, np.tile(np.eye(2), (6, 1)), outputs, 0)
    assert [one.output for one in linear.predictions(linear.scores(np.eye(2)))] == [
        '["A", "B"]',
        '["A"]',
    ]
    assert memberships(outputs[:2], ("A", "B")).tolist() == [[True, True], [True, False]]


def test_the_most_common_set_is_the_floor(context: FitContext) -> None:
    (arm,) = build_strategy(StrategySpec("majority")).fit(context)
    counts = {one.output: [e.output for e in TRAIN].count(one.output) for one in TRAIN}
    (answer,) = arm.answer_all([Question("anything")])
    assert counts[answer.output or ""] == max(counts.values())
    assert answer.confidence == pytest.approx(max(counts.values()) / len(TRAIN))


def test_neighbours_vote_for_sets(context: FitContext) -> None:
    (arm,) = build_strategy(StrategySpec("nearest_neighbour")).fit(context)
    sets = {example.output for example in TRAIN}
    assert {answer.output for answer in arm.answer_all(questions_of(TEST))} <= sets
    assert f1(arm) > 0.6


def test_constrained_answers_keep_a_schema_of_the_labels() -> None:
    schema = json.loads(answer_schema(BRIEF, TRAIN) or "")
    items = {"type": "string", "enum": list(LABELS)}
    assert schema == {"type": "array", "items": items, "maxItems": 3}
    assert BRIEF.constrainable
    assert BRIEF.choices == ()
    assert answer_schema(Brief("a", "label", LABELS), TRAIN) is None


def test_an_instruction_that_does_not_name_the_labels_is_completed() -> None:
    ending = ", ".join(LABELS)
    assert full_instruction(BRIEF).endswith(f"[] if none does, out of: {ending}.")
    assert full_instruction(Brief(f"Which of {ending}?", "labels", LABELS)).endswith("?")


def test_the_few_shot_arms_are_constrained_and_free(context: FitContext) -> None:
    options = {"formats": ["system_user"], "k": [1], "sets": 1}
    constrained, free = build_strategy(StrategySpec("few_shot", options)).fit(context)
    assert (constrained.name, free.name) == ("few_shot", "few_shot_free")
    for arm in (constrained, free):
        for answer in arm.answer_all(questions_of(TEST[:8])):
            assert set(labels_in(answer.output or "")) <= set(LABELS)


@pytest.mark.parametrize("choice", CHOICES)
def test_shots_show_every_label_early_and_each_once(choice: str) -> None:
    shots = [Shot(example.input, example.output) for example in TRAIN]
    sequence = shot_sequence(shots, LABELS, choice, np.random.default_rng(0))
    assert sorted(sequence) == sorted(shots)
    first = {label for shot in sequence[: len(LABELS) + 1] for label in labels_in(shot.output)}
    assert first == set(LABELS)
    assert any(shot.output == "[]" for shot in sequence[: 2 * len(LABELS) + 2])


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ('The invoice is late.\nAnswer: ["BILLING"]', '["BILLING"]'),
        ("It is slow and late.\nAnswer:\n- BILLING\n- TECHNICAL", '["BILLING", "TECHNICAL"]'),
        ("Nothing fits.\nAnswer: none", "[]"),
        ("BILLING, ACCOUNT", '["ACCOUNT", "BILLING"]'),
        ("Answer: BILLING, which is about money", None),
        ("The invoice is late, so BILLING.", None),
        ("BILLING it is.\nTECHNICAL", None),
        ("Answer:\n- BILLING\n\nIt is late.\nAnswer: ACCOUNT", None),
        ("Answer:\n- BILLING\n- ACCOUNT\n\nAnswer: ACCOUNT, BILLING", '["ACCOUNT", "BILLING"]'),
    ],
)
def test_a_list_after_reasoning_is_read_as_a_whole(text: str, output: str | None) -> None:
    assert read_completion(BRIEF, Completion(text, "stop"), reasoned=True)[0] == output


@pytest.mark.parametrize("text", ['["BILLING", "ACC', "- BILLING\n- ACC", '["BILLING"]\n'])
@pytest.mark.parametrize("reasoned", [False, True])
def test_a_list_that_was_cut_is_a_failure(text: str, *, reasoned: bool) -> None:
    for start in ("", "Answer: ") if reasoned else ("",):
        output, reason = read_completion(
            BRIEF, Completion(start + text, "length", output_tokens=8), reasoned=reasoned
        )
        assert output is None
        assert "cut after 8 tokens" in (reason or "")


def test_tuning_learns_the_same_lists() -> None:
    recipe = PromptRecipe("Give the labels.", "system_user", kind="labels")
    (sample,) = chat_samples(
        Prompt(recipe), [Example("1", "late invoice", '["ACCOUNT", "BILLING"]')]
    )
    assert sample.output == '["ACCOUNT", "BILLING"]'


def test_votes_are_for_sets() -> None:
    first = read_completion(BRIEF, Completion("BILLING, ACCOUNT", "stop"), reasoned=False)[0]
    second = read_completion(BRIEF, Completion('["ACCOUNT","BILLING"]', "stop"), reasoned=False)[0]
    assert canonical(BRIEF, first or "") == canonical(BRIEF, second or "")


def test_a_cascade_begins_with_the_classifier() -> None:
    assert default_first(BRIEF).name == "tfidf_linear"
    cascade = build_strategy(StrategySpec("cascade"))
    facts = TaskFacts(BRIEF, TRAIN)
    assert cascade.reservation(facts, None) is None  # type: ignore[arg-type]
