from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steelyard.data.base import CheckOptions
from steelyard.data.checks import duplicates
from tests.data.alike_rows import dataset

OPTIONS = CheckOptions(encoder=False)
LONG = "please send me the invoice for my last order of shoes"
ROWS = [
    ("hello there", "A"),
    (LONG, "B"),
    ("hello there", "A"),
    ("Hello there!", "A"),
    ("hello there", "B"),
    (LONG + " now", "B"),
    (LONG, "B"),
    ("cancel it", "A"),
]


def test_exact_duplicates_repeat_an_earlier_row() -> None:
    result = duplicates.exact(dataset(ROWS), OPTIONS)
    (finding,) = result.findings
    assert finding.rows == (3, 5, 7), "the largest cluster first"
    assert [(each["also"], each["same_output"]) for each in finding.evidence] == [
        (1, True),
        (1, False),
        (2, True),
    ]
    assert finding.severity == "warning"
    assert finding.message == (
        "3 rows repeat an earlier row's input exactly (2 inputs), 1 of them with a different output "
        "from the first: decide which is right; steelyard data fix drops repeats and sets contradicting "
        "rows aside"
    )
    assert result.facts["rows"] == 3
    assert result.facts["largest_cluster"] == 3


def test_texts_that_differ_are_kept_and_told_so() -> None:
    message = duplicates.exact(dataset(ROWS, "text"), OPTIONS).findings[0].message
    assert message.endswith(
        "1 of them with a different output from the first: several texts may be right, so steelyard data "
        "fix drops only rows with the same output"
    )
    same = [("hello there", "A"), ("hello there", "A")]
    message = duplicates.exact(dataset(same, "text"), OPTIONS).findings[0].message
    assert message.endswith(
        "always with the same output: keep one of each, as steelyard data fix does"
    )


def test_the_turns_before_an_input_belong_to_it() -> None:
    rows = [("yes", "A", "all", None, "be kind"), ("yes", "A", "all", None, "be brief")]
    assert duplicates.exact(dataset(rows), OPTIONS).findings == ()


def test_one_repeat_among_many_rows_is_a_note() -> None:
    rows = [(f"text {n}", "A") for n in range(200)] + [("text 7", "A")]
    (finding,) = duplicates.exact(dataset(rows), OPTIONS).findings
    assert finding.severity == "note"
    assert finding.message.startswith("1 row repeats an earlier row's input exactly (1 input)")


def test_near_duplicates_are_those_that_are_not_exact() -> None:
    result = duplicates.near(dataset(ROWS), OPTIONS)
    (finding,) = result.findings
    assert finding.rows == (4, 6), "the most similar first"
    assert [(each["also"], each["similarity"] == 1) for each in finding.evidence] == [
        (1, True),
        (2, False),
    ]
    assert finding.evidence[1]["similarity"] == 0.925
    assert finding.message.startswith(
        "2 rows nearly repeat another row's input (1 identical apart from case"
    )
    assert result.facts["normalised"] == 1


def test_nothing_alike_is_no_finding_but_facts() -> None:
    for check in (duplicates.exact, duplicates.near):
        for rows in ([], [("one thing", "A"), ("something else", "B")]):
            result = check(dataset(rows), OPTIONS)
            assert result.findings == ()
            assert result.facts["rows"] == 0
            assert result.reason is None


def test_more_rows_than_evidence_are_all_named() -> None:
    result = duplicates.exact(dataset([("same", "A")] * 50), OPTIONS)
    assert len(result.findings[0].rows) == 49
    assert len(result.findings[0].evidence) == 20


@given(st.lists(st.tuples(st.sampled_from(["a b", "A b", "a b!", "c", LONG, LONG + "!"]))))
def test_every_repeat_is_counted_once(texts: list[tuple[str]]) -> None:
    data = dataset([(text, "A") for (text,) in texts])
    exact = duplicates.exact(data, OPTIONS).facts["rows"]
    near = duplicates.near(data, OPTIONS).facts["rows"]
    assert exact == len(texts) - len(set(data.exact_keys))
    assert exact + near == len(texts) - len(set(data.texts))
