from __future__ import annotations

import json

import numpy as np

from steelyard.data.base import CheckOptions, Finding
from steelyard.data.checks import leaks
from tests.data.alike_rows import dataset

OPTIONS = CheckOptions(encoder=False)
LONG = "please send me the invoice for my last order of shoes"
ROWS = [
    ("Where is it?", "A", "train"),
    (LONG, "B", "train", "g1"),
    ("nothing like it", "A", "train"),
    ("Where is it?", "A", "dev"),
    ("Where is it?", "A", "test"),
    ("where is it", "A", "test"),
    (LONG + " now", "B", "test"),
    ("a new thing", "A", "test", "g1"),
    ("something fresh", "A", "test"),
]


def kinds(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.evidence[0]["kind"]: finding for finding in findings}


def test_leaks_of_each_kind_name_both_rows() -> None:
    result = leaks.find(dataset(ROWS), OPTIONS)
    found = kinds(result.findings)
    assert {kind: finding.rows for kind, finding in found.items()} == {
        "exact": (5, 4),
        "normalised": (6,),
        "near": (7,),
        "group": (8,),
    }
    evidence = found["exact"].evidence[0]
    assert (evidence["also"], evidence["also_part"], evidence["similarity"]) == (1, "train", 1.0)
    assert found["near"].evidence[0]["also"] == 2
    assert found["near"].evidence[0]["similarity"] == 0.925
    assert found["group"].evidence[0]["similarity"] is None
    assert all(finding.severity == "error" for finding in result.findings)
    assert found["exact"].message.startswith(
        "1 test row and 1 dev row also appear in an earlier part, word for word"
    )
    assert result.facts["kinds"]["exact"] == {"rows": 2, "test_rows": 1}
    assert result.facts["likeness"] == {
        "exact": {"rows": 2, "test_rows": 1, "pairs": [[4, 1, 1.0], [5, 1, 1.0]]},
        "normalised": {
            "rows": 3,
            "test_rows": 2,
            "pairs": [[4, 1, 1.0], [5, 1, 1.0], [6, 1, 1.0]],
        },
        "near": {
            "rows": 4,
            "test_rows": 3,
            "pairs": [[4, 1, 1.0], [5, 1, 1.0], [6, 1, 1.0], [7, 2, 0.925]],
        },
        "group": {"rows": 1, "test_rows": 1, "pairs": [[8, 2, 1.0]]},
    }
    assert result.facts["parts"] == {"train": 3, "dev": 1, "test": 5}
    assert result.reason == "the sentence encoder was switched off"
    assert json.loads(json.dumps(result.facts)) == result.facts


def test_spaces_around_an_input_make_it_no_new_one() -> None:
    rows = [("\n\nWhere is it?", "A", "train"), ("Where is it? ", "A", "test")]
    (finding,) = leaks.find(dataset(rows), OPTIONS).findings
    assert finding.evidence[0]["kind"] == "exact"


def test_a_row_near_two_rows_of_its_own_part_still_leaks() -> None:
    """Pairs that others connect are not listed by `near_pairs`; across parts each is compared."""
    rows = [(LONG + " a", "A", "test"), (LONG, "A", "train"), (LONG + " b", "A", "test")]
    (finding,) = leaks.find(dataset(rows), OPTIONS).findings
    assert set(finding.rows) == {1, 3}
    assert [each["also"] for each in finding.evidence] == [2, 2]


def test_paraphrases_leak_by_their_vectors() -> None:
    data = dataset([("my card?", "A", "train"), ("card, where?", "A", "test"), ("x", "B", "test")])
    vectors = np.array([[1, 0], [0.98, 0.199], [0, 1]], dtype=np.float32)
    found = leaks.leaks_by_kind(data, vectors)
    assert [(pair.a, pair.b) for pair in found["paraphrase"]] == [(0, 1)]
    assert "group" not in found


def test_a_few_leaks_among_many_test_rows_are_a_warning() -> None:
    rows = [("shared text", "A", "train"), ("shared text", "A", "test")]
    rows += [(f"unlike the others {n * n * 7919}", "A", "test") for n in range(150)]
    finding = kinds(leaks.find(dataset(rows), OPTIONS).findings)["exact"]
    assert finding.severity == "warning"
    assert finding.message.startswith("1 test row also appears in an earlier part")


def test_a_single_file_is_told_what_its_split_will_do() -> None:
    result = leaks.find(dataset([(text, label) for text, label, *_ in ROWS]), OPTIONS)
    assert result.findings == ()
    assert result.reason == "all rows are in one part: nothing can leak"
    assert result.facts["parts"] is None
    assert result.facts["cut_clusters"] == 0
    assert result.facts["own_split"].endswith("in one part")
    assert result.facts["kinds"] == {}
    assert {kind: figures["rows"] for kind, figures in result.facts["likeness"].items()} == {
        "exact": 0,
        "normalised": 0,
        "near": 0,
        "group": 0,
    }


def test_templates_that_the_split_cuts_are_said() -> None:
    rows = [(f"Dear support, my order number {n} has not arrived yet", "A") for n in range(200)]
    facts = leaks.find(dataset(rows), OPTIONS).facts
    assert facts["cut_clusters"] == 1
    assert "it divides 1 cluster of more than 10 near-duplicates" in facts["own_split"]
