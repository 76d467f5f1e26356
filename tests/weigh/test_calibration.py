"""Probabilities against what was right: from records to the block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from steelyard.core import Answer, Completion, Example, Record
from steelyard.score import build_metric
from steelyard.strategy import Arm
from steelyard.strategy.base import ArmFacts, Brief
from steelyard.strategy.cascade_arm import CascadeArm
from steelyard.strategy.majority import MajorityArm
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompting import PromptArm
from steelyard.weigh.calibration import measure_calibration
from tests.strategy.samples import SPEC

LABELS = ("YES", "NO")
BRIEF = Brief("Decide.", "label", LABELS)


def record(place: int, confidence: float | None, right: bool, brief: Brief = BRIEF) -> Record:
    said = "YES" if right else "NO"
    known = None if confidence is None else {said: confidence}
    answer = Answer(said, Completion(said, "choice", probabilities=known))
    return Record("arm", str(place), "scored", float(right), "YES", answer)


def failed(place: int) -> Record:
    answer = Answer(None, Completion("?", "stop"), "not a label")
    return Record("arm", str(place), "failed", 0.0, "YES", answer)


def examples(count: int) -> list[Example]:
    return [Example(str(place), "text", "YES") for place in range(count)]


def drawn(count: int, shift: float = 0.0) -> list[Record]:
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.5, 1, size=count)
    right = rng.random(count) < confidence - shift
    return [record(i, float(confidence[i]), bool(right[i])) for i in range(count)]


def prompted(samples: int = 1) -> PromptArm:
    recipe = PromptRecipe("Decide.", "system_user", samples=samples)
    facts = ArmFacts("arm", "zero_shot", BRIEF)
    return PromptArm(facts, Prompt(recipe), SPEC, lambda spec: pytest.fail("not asked"))


def classical(brief: Brief = BRIEF) -> MajorityArm:
    return MajorityArm(ArmFacts("arm", "majority", brief), "YES")


def block(records: Sequence[Record], arm: Arm | None = None) -> dict:
    found, reason = measure_calibration(
        arm or prompted(), records, examples(len(records)), build_metric("accuracy"), 0
    )
    assert found is not None and reason is None
    return found.to_dict()


def test_the_block_holds_what_the_docs_promise() -> None:
    found = block(drawn(200))
    assert (found["source"], found["n"], found["without"]) == ("label probabilities", 200, 0)
    assert found["ece"].keys() >= {"value", "low", "high", "level", "n", "method"}
    assert sum(each["n"] for each in found["bins"]) == 200
    assert len(found["bins"]) == 10
    assert found["coverage"][0]["coverage"] == 1
    assert found["coverage"][0]["threshold"] < found["coverage"][-1]["threshold"]


def test_calibrated_answers_show_no_more_than_chance_and_bold_ones_do() -> None:
    honest, bold = block(drawn(300)), block(drawn(300, shift=0.3))
    assert honest["ece"]["low"] < 0.03
    assert honest["ece_p_value"] > 0.05
    assert bold["ece_p_value"] < 0.01
    assert bold["ece"]["value"] > 3 * bold["ece_expected"]
    assert bold["brier"] > honest["brier"]


def test_failed_answers_go_to_a_person() -> None:
    records = [*(record(i, 0.9, True) for i in range(80)), *(failed(80 + i) for i in range(20))]
    found = block(records)
    assert (found["n"], found["without"]) == (80, 20)
    [kept] = found["coverage"]
    assert (kept["coverage"], kept["accuracy"]) == (0.8, 1)


def test_where_the_probabilities_come_from() -> None:
    records = drawn(30)
    assert block(records, classical())["source"] == "classifier"
    assert block(records, prompted(samples=5))["source"] == "votes"
    cascade = CascadeArm(ArmFacts("arm", "cascade", BRIEF), (classical(), prompted()), 0.5)
    assert block(records, cascade)["source"] == "several arms"


@pytest.mark.parametrize(
    ("records", "metric", "brief", "words"),
    [
        ([record(i, None, True) for i in range(50)], "accuracy", BRIEF, "no probabilities"),
        ([failed(i) for i in range(50)], "accuracy", BRIEF, "no probabilities"),
        (drawn(19), "accuracy", BRIEF, "only 19 answers have a probability"),
        (drawn(50), "token_f1", Brief("Say.", "text"), "token_f1 does not score"),
    ],
)
def test_what_cannot_be_measured_says_why(
    records: list[Record], metric: str, brief: Brief, words: str
) -> None:
    arm = classical(brief)
    found, reason = measure_calibration(arm, records, examples(50), build_metric(metric), 0)
    assert found is None
    assert reason is not None and words in reason


def test_labels_are_right_by_the_reference_whatever_the_metric() -> None:
    found, _ = measure_calibration(prompted(), drawn(60), examples(60), build_metric("token_f1"), 0)
    assert found is not None
