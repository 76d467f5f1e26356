from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from steelyard.data.base import CheckOptions
from steelyard.data.checks import label_errors
from steelyard.data.dataset import Dataset
from steelyard.data.reviews.doubts import doubts
from steelyard.data.suspicion.labelled import labelled_rows
from steelyard.data.suspicion.row_features import CAREFUL, CAREFUL_ROWS, FAST, effort_for
from tests.data.alike_rows import dataset

OPTIONS = CheckOptions(encoder=False)
TOPICS = {
    "CARD": ("card lost stolen blocked replaced", "wallet pin chip plastic delivery"),
    "LOAN": ("loan mortgage rate instalment lender", "house interest repay early fixed"),
    "TRAVEL": ("flight hotel booking ticket airport", "luggage seat visa delayed refund"),
}
FLIPPED = (3, 20, 41)


def rows(per_label: int = 60) -> list[tuple[str, str]]:
    """Three topics by turns; no two inputs are the same."""
    rng = np.random.default_rng(0)
    return [
        (
            f"please help {' '.join(rng.choice(first.split(), 3))} and {rng.choice(second.split())} "
            f"number {place}",
            label,
        )
        for place in range(per_label)
        for label, (first, second) in TOPICS.items()
    ]


def flipped() -> list[tuple[str, str]]:
    found = rows()
    for place in FLIPPED:
        text, label = found[place]
        found[place] = (text, "LOAN" if label != "LOAN" else "CARD")
    return found


def test_flipped_labels_come_first_with_the_right_suggestion() -> None:
    result = label_errors.find(dataset(flipped()), OPTIONS)
    (finding,) = result.findings
    assert set(finding.rows[:3]) == {place + 1 for place in FLIPPED}
    assert (finding.check, finding.severity) == ("label_errors", "warning")
    for each in finding.evidence[:3]:
        place = each["row"] - 1
        assert each["given"] == each["output"] == flipped()[place][1]
        assert each["suggested"] == rows()[place][1]
        assert each["suggested_probability"] > 2 * each["given_probability"]
    assert result.reason is None
    assert json.loads(json.dumps(result.facts)) == result.facts


def test_facts_and_message_say_what_was_measured() -> None:
    result = label_errors.find(dataset(flipped()), OPTIONS)
    (finding,) = result.findings
    facts = result.facts
    assert facts["judged"] == 180
    assert facts["not_judged"] == {}
    assert facts["estimated_errors"] >= len(finding.rows) >= 3
    assert facts["rate"] == pytest.approx(facts["estimated_errors"] / 180, abs=0.5 / 180)
    assert facts["out_of_fold_accuracy"] > 0.9
    assert (facts["folds"], facts["without_encoder"] is None) == (5, False)
    assert "logistic regression on TF-IDF" in facts["method"]
    assert sum(each["count"] for each in facts["confusions"]) == len(finding.rows)
    assert sorted(row for many in facts["suggested"].values() for row in many) == sorted(
        finding.rows
    )
    assert finding.message.startswith(f"an estimated {facts['estimated_errors']} of 180 labels (")
    assert finding.message.endswith("a suspicion, to be reviewed with `steelyard data label`")


def test_clean_labels_give_no_finding() -> None:
    result = label_errors.find(dataset(rows()), OPTIONS)
    assert result.findings == ()
    assert result.facts["estimated_errors"] == 0
    assert result.reason is None


def test_the_same_seed_gives_the_same_answer() -> None:
    first, second = (label_errors.find(dataset(flipped()), OPTIONS) for _ in range(2))
    assert first == second


def test_a_copied_mistake_does_not_vouch_for_itself() -> None:
    text = flipped()[FLIPPED[0]][0]
    copies = [(text.upper() + "!" * many, flipped()[FLIPPED[0]][1]) for many in range(4)]
    (finding,) = label_errors.find(dataset([*flipped(), *copies]), OPTIONS).findings
    assert {FLIPPED[0] + 1, 181, 182, 183, 184} <= set(finding.rows)


def test_rows_that_cannot_be_judged_are_left_out_and_counted() -> None:
    odd = [("something else", "RARE"), ("no answer here", ""), ("  ", "CARD")]
    result = label_errors.find(dataset([*flipped(), *odd]), OPTIONS)
    (finding,) = result.findings
    assert result.facts["judged"] == 180
    assert result.facts["not_judged"] == {
        "without an output": 1,
        "without an input": 1,
        "with a label of fewer than 5 different inputs": 1,
    }
    assert not {181, 182, 183} & set(finding.rows)
    assert finding.message.endswith(
        "; not judged: 1 row without an output, 1 row without an input, "
        "1 row with a label of fewer than 5 different inputs"
    )


def reason(data: Dataset) -> str:
    result = label_errors.find(data, OPTIONS)
    assert result.findings == ()
    assert result.reason is not None
    return result.reason


def test_what_cannot_be_judged_says_why() -> None:
    assert reason(dataset([("a", "b")], kind="text")) == "the outputs are text, not labels"
    assert reason(dataset([])) == "fewer than two labels have 5 different inputs to learn from"
    assert reason(dataset(rows(6)[:18])) == "18 rows to learn from; at least 50 are needed"
    one = [(text, "CARD") for text, _ in rows()]
    assert "fewer than two labels" in reason(dataset(one))
    same = [("the same", label) for _, label in rows()]
    assert "180 rows with a label of fewer than 5 different inputs" in reason(dataset(same))


def test_labels_that_do_not_follow_from_the_inputs_are_not_doubted() -> None:
    rng = np.random.default_rng(0)
    noise = [(text, str(rng.choice(["A", "B"]))) for text, _ in rows(60)]
    assert "do not predict the labels" in reason(dataset(noise))


def test_with_too_many_rows_and_labels_a_sample_is_judged() -> None:
    labelled = labelled_rows(dataset(rows()), 5, np.random.default_rng(0), most_cells=450)
    assert len(labelled.rows) == 150
    assert labelled.excluded == {"outside a random sample": 30}
    assert labelled.labels == ("CARD", "LOAN", "TRAVEL")
    assert [rows()[row][1] for row in labelled.rows] == [
        labelled.labels[code] for code in labelled.codes
    ]


def test_rows_are_numbered_as_in_the_file() -> None:
    data = dataset(flipped())
    moved = replace(data, numbers=tuple(number + 100 for number in data.numbers))
    (finding,) = label_errors.find(moved, OPTIONS).findings
    assert set(finding.rows[:3]) == {place + 101 for place in FLIPPED}


def test_a_review_has_the_suggestion_of_every_row() -> None:
    data = dataset(flipped())
    result = label_errors.find(data, OPTIONS)
    found = doubts(data, {"label_errors": result})
    assert [doubt.index + 1 for doubt in found] == list(result.findings[0].rows)
    assert {doubt.index: doubt.suggested for doubt in found}[FLIPPED[0]] == rows()[FLIPPED[0]][1]
    assert all(doubt.suggested for doubt in found)


def test_few_of_the_flips_among_many_rows_are_found_by_the_faster_effort() -> None:
    effort = effort_for(CAREFUL_ROWS + 1)
    assert effort == FAST
    assert effort_for(CAREFUL_ROWS) == CAREFUL
