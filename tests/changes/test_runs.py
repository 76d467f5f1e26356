"""Two runs compared: what is paired, what is refused, what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from steelyard.changes import FinishedRun, RunComparison, compare_runs
from steelyard.errors import DataError
from steelyard.gates.markdown import markdown
from steelyard.gates.rules import Gating, not_worse
from steelyard.gates.summary import RunSummary
from steelyard.report.changes import changes_text, details_text
from steelyard.result import Result
from steelyard.result.documents import AnswerBins
from steelyard.result.run import StoppedArm, UnmeasuredArm
from steelyard.stats import compare, holm
from tests.made_runs import made_run

RIGHT, WRONG = [1.0] * 40, [0.0] * 40


def half(first: int) -> list[float]:
    """The first examples right, the others wrong."""
    return [1.0] * first + [0.0] * (40 - first)


def test_an_arm_in_both_is_paired_by_example() -> None:
    before = made_run("a", {"few": half(30)})
    now = made_run("b", {"few": [*([0.0] * 12), *([1.0] * 20), *([0.0] * 8)]})
    comparison = compare_runs(before, now, items=3)
    [arm] = comparison.arms
    expected = compare(
        [record.score for record in now.records["few"].values()],
        [record.score for record in before.records["few"].values()],
        ("few", "few"),
        "accuracy",
        np.random.default_rng(0),
    )
    assert (arm.comparison.difference, arm.comparison.p_value) == (
        pytest.approx(-0.25),
        pytest.approx(expected.p_value),
    )
    assert (arm.better, arm.worse, arm.same_answers) == (2, 12, 26)
    assert [(item.example_id, item.score_before, item.score_now) for item in arm.items] == [
        ("0", 1.0, 0.0),
        ("1", 1.0, 0.0),
        ("2", 1.0, 0.0),
    ]
    assert comparison.deployed is not None
    assert comparison.deployed.comparison.p_adjusted is None


def test_order_of_the_examples_does_not_matter() -> None:
    scores = half(25)
    before = made_run("a", {"few": scores})
    ids = [str(at) for at in reversed(range(40))]
    turned = made_run("b", {"few": scores[::-1]}, ids=ids, digests=ids)
    [arm] = compare_runs(before, turned).arms
    assert (arm.comparison.difference, arm.same_answers) == (0.0, 40)


def test_only_examples_of_the_same_id_and_content_count() -> None:
    ids = [str(at) for at in range(40)]
    changed = ["other", *ids[1:]]  # the first keeps its id, not its content
    moved = [*ids[:39], "new"]  # the last has an id of its own
    before = made_run("a", {"few": RIGHT}, ids=ids)
    now = made_run("b", {"few": [0.0, *RIGHT[1:39], 0.0]}, ids=moved, digests=[*changed[:39], "39"])
    comparison = compare_runs(before, now)
    assert comparison.common == 38
    assert comparison.arms[0].comparison.difference == 0.0
    assert [note for note in comparison.notes if "left out" in note] == [
        f"2 test examples of {name} are not in the other run and are left out of the differences"
        for name in "ab"
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "text"}, ("of kind label, the other text",)),
        ({"metric": {"name": "macro_f1", "options": {}}}, ("accuracy", "macro_f1")),
        ({"metric": {"name": "accuracy", "options": {"x": 1}}}, ("other options or other code",)),
        (
            {"digests": [f"d{at}" for at in range(40)]},
            ("none of their 40 and 40", "40 ids in common"),
        ),
        ({"ids": [f"i{at}" for at in range(40)]}, ("none of their 40 and 40", "0 ids in common")),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    change: dict[str, Any], words: Sequence[str]
) -> None:
    before, now = made_run("a", {"few": RIGHT}), made_run("b", {"few": RIGHT}, **change)
    with pytest.raises(DataError) as caught:
        compare_runs(before, now)
    assert str(caught.value).startswith("a and b cannot be compared: ")
    assert "\n" not in str(caught.value)
    for text in words:
        assert text in str(caught.value)


def test_a_run_is_not_compared_with_itself() -> None:
    with pytest.raises(DataError, match="a is one run"):
        compare_runs(made_run("a", {"few": RIGHT}), made_run("a", {"few": RIGHT}))


def test_holm_counts_the_arms_that_changed() -> None:
    before = made_run("a", {"few": half(30), "zero": half(20), "majority": half(10)})
    now = made_run("b", {"few": half(22), "zero": half(14), "majority": half(10)})
    arms = {arm.now.arm: arm.comparison for arm in compare_runs(before, now).arms}
    p_values = [arms[name].p_value for name in ("few", "zero")]
    assert [arms[name].p_adjusted for name in ("few", "zero")] == holm(p_values)
    assert arms["few"].p_adjusted == pytest.approx(2 * arms["few"].p_value)
    assert arms["majority"].p_adjusted == 1.0


def test_arms_of_one_run_alone_are_named_and_what_is_deployed_is_compared() -> None:
    before = made_run("a", {"few": half(30), "zero": half(10)})
    now = made_run("b", {"lora": half(39), "zero": half(10)})
    comparison = compare_runs(before, now)
    assert [arm.now.arm for arm in comparison.arms] == ["zero"]
    assert (comparison.only_before, comparison.only_now) == (("few",), ("lora",))
    assert comparison.deployed is not None
    assert (comparison.deployed.before.arm, comparison.deployed.now.arm) == ("few", "lora")
    assert comparison.deployed.comparison.difference == pytest.approx(9 / 40)


def test_clusters_of_either_run_are_drawn_as_one() -> None:
    scores = {"few": [1.0, 0.0] * 20}
    pairs = [at // 2 for at in range(40)]
    chained = [(at + 1) // 2 for at in range(40)]
    alone = compare_runs(made_run("a", scores), made_run("b", {"few": RIGHT}))
    joint = compare_runs(
        made_run("a", scores, clusters=pairs), made_run("b", {"few": RIGHT}, clusters=pairs)
    )
    one = compare_runs(
        made_run("a", scores, clusters=pairs), made_run("b", {"few": RIGHT}, clusters=chained)
    )
    assert alone.arms[0].comparison.method.startswith("mid-p McNemar")
    assert "over clusters" in joint.arms[0].comparison.method
    assert "the 40 examples form 20 clusters; each is drawn as one" in joint.notes
    assert one.arms[0].comparison.p_value == 1.0  # all in one cluster: no test at all
    assert "the 40 examples form 1 cluster; each is drawn as one" in one.notes


def test_a_corpus_metric_is_compared_by_its_figure() -> None:
    macro = {"name": "macro_f1", "options": {}}
    before = made_run("a", {"few": half(30)}, metric=macro)
    now = made_run("b", {"few": half(20)}, metric=macro)
    [arm] = compare_runs(before, now).arms
    assert arm.comparison.method.startswith("approximate randomisation")
    # Every reference is "1": F1 of the one label is 2r / (2r + missed).
    assert arm.comparison.difference == pytest.approx(40 / 60 - 60 / 70)


def test_replayed_answers_are_said_to_tell_nothing_of_noise() -> None:
    before = made_run("a", {"few": half(30)})
    now = made_run("b", {"few": half(30)}, replayed={"few": 40})
    [note] = compare_runs(before, now).notes
    assert note.startswith(
        "40 test requests came from the cache of earlier runs, and answers are the same for few (40 of 40)"
    )
    assert "--no-cache" in note
    assert compare_runs(before, made_run("b", {"few": half(30)})).notes == ()


def test_settings_that_differ_are_listed() -> None:
    before = made_run("a", {"few": RIGHT})
    now = made_run("b", {"few": RIGHT}, instruction="Classify the ticket.")
    [change] = compare_runs(before, now).settings
    assert (change.name, change.before, change.now) == (
        "instruction",
        "Classify.",
        "Classify the ticket.",
    )


STOPPED = StoppedArm(
    arm="few", quality=0.5, rival="zero", rival_quality=0.9, chance=0.99, n=30, strategy="few_shot"
)
ENDED = UnmeasuredArm(arm="lora", strategy="lora", reason="the endpoint went away")


def test_an_arm_that_stopped_on_dev_or_ended_early_is_not_said_to_be_gone() -> None:
    arms = {"zero": RIGHT, "few": half(30), "lora": half(20), "old": half(10)}
    before = made_run("a", arms)
    now = made_run("b", {"zero": RIGHT}, stopped=[STOPPED], ended=[ENDED])
    comparison = compare_runs(before, now)
    assert comparison.only_before == ("few", "lora", "old")
    assert (comparison.gone, comparison.new) == (("old",), ())
    assert [(each.arm, each.reason) for each in comparison.missing_now] == [
        (
            "few",
            "stopped before the test, with 0.50 on 30 dev examples against 0.90 of zero, which costs no "
            "more (chance 0.99)",
        ),
        ("lora", "ended early: the endpoint went away"),
    ]
    text = " ".join(details_text(comparison).split())
    assert "Only before: old" in text
    assert "Not measured now - few: stopped before the test" in text
    back = compare_runs(now, before)
    assert [each.arm for each in back.missing_before] == ["few", "lora"]
    assert (back.gone, back.new) == ((), ("old",))
    assert "Not measured before - few" in " ".join(details_text(back).split())


def test_one_that_no_run_measured_is_in_no_comparison_of_two() -> None:
    runs = [made_run(name, {"zero": RIGHT}, stopped=[STOPPED]) for name in "ab"]
    comparison = compare_runs(*runs)
    assert (comparison.missing_before, comparison.missing_now) == ((), ())


DOCUMENTS = {"a.md": "1", "b.md": "1"}


def of_documents(
    run: FinishedRun, files: Mapping[str, str] | None, digest: str | None
) -> FinishedRun:
    """The run over such documents, read by its arm ``rag``."""
    identity = {**run.identity, **({} if digest is None else {"documents": digest})}
    arms = [
        arm.updated(bins=AnswerBins()) if arm.name == "rag" and digest else arm
        for arm in run.result.arms
    ]
    result = run.result.updated(arms=tuple(arms))
    return replace(run, identity=identity, documents=files, result=result)


def compared(
    before: Mapping[str, str] | None, now: Mapping[str, str] | None, digests: tuple[Any, Any]
) -> RunComparison:
    scores = {"rag": half(30), "few": half(20)}
    return compare_runs(
        of_documents(made_run("a", scores), before, digests[0]),
        of_documents(made_run("b", scores), now, digests[1]),
    )


def test_other_documents_are_said_with_their_files_and_the_arms_that_read_them() -> None:
    now = {"b.md": "2", "c.md": "1"} | {f"{n}.md": "1" for n in range(60)}
    comparison = compared(DOCUMENTS, now, ("x", "y"))
    change = comparison.documents
    assert change is not None
    assert (change.added, change.removed, change.changed) == (61, 1, 1)
    assert (change.removed_files, change.changed_files) == (("a.md",), ("b.md",))
    assert len(change.added_files) == 50 and change.arms == ("rag",)
    text = " ".join(changes_text(comparison).split())
    assert (
        "The documents differ: 61 files added (0.md, 1.md, 10.md, 11.md, 12.md and 56 more)" in text
    )
    assert "1 file removed (a.md), 1 file changed (b.md). What changes for rag may come" in text
    assert "documents: they differ" in details_text(comparison)
    assert "The documents differ" in markdown(
        RunSummary("t", comparison_result(), Gating(comparison=comparison))
    )
    assert "the documents that it reads differ" in not_worse(comparison).reason


@pytest.mark.parametrize(
    ("before", "now", "digests", "words"),
    [
        (DOCUMENTS, DOCUMENTS, ("x", "x"), None),
        (None, None, (None, None), None),
        (None, DOCUMENTS, ("x", "y"), "which files is not known, because a was made by a version"),
        (DOCUMENTS, None, ("x", "y"), "which files is not known, because b was made by a version"),
        (None, DOCUMENTS, (None, "y"), "only the run now has some"),
        (DOCUMENTS, None, ("x", None), "only the run before has some"),
    ],
)
def test_what_is_not_known_of_documents_is_said(
    before: Mapping[str, str] | None,
    now: Mapping[str, str] | None,
    digests: tuple[Any, Any],
    words: str | None,
) -> None:
    comparison = compared(before, now, digests)
    text = " ".join(changes_text(comparison).split())
    assert (comparison.documents is None) is (words is None)
    assert ("The documents differ" in text) is (words is not None)
    assert words is None or words in text
    assert ("documents that it reads" in not_worse(comparison).reason) is (words is not None)


def comparison_result() -> Result:
    return made_run("b", {"rag": half(30), "few": half(20)}).result
