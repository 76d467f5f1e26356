from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.data import fix
from steelyard.data.base import CheckOptions
from steelyard.data.checks.leaks import find as find_leaks
from steelyard.data.dataset import open_dataset
from steelyard.data.prepare import prepare
from steelyard.data.repair import Repairs
from steelyard.data.repairs.texts import repaired_value
from steelyard.data.repairs.work import LEAVING
from steelyard.data.reviews.answers import Answers, ReviewAnswer, keys_of
from steelyard.errors import ConfigError, DataError, StorageError
from steelyard.task import load_task
from tests.conftest import HidePackages

Rows = list[dict[str, Any]]


def clean_rows(count: int = 12) -> Rows:
    return [
        {"input": f"what about number {n * 31}?", "output": "YES" if n % 2 else "NO"}
        for n in range(count)
    ]


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def fixed(
    tmp_path: Path, rows: Sequence[Mapping[str, Any]], **options: Any
) -> tuple[Repairs, Rows]:
    """Fix ``rows`` after some that need no repair; return what was done and the rows kept of them."""
    source = write(tmp_path / "rows.jsonl", [*clean_rows(), *rows])
    repairs = fix(source, tmp_path / "out.jsonl", **options)
    return repairs, read(tmp_path / "out.jsonl")[len(clean_rows()) :]


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("trim", "  a b \n", "a b"),
        ("line_breaks", "a\r\nb\rc", "a\nb\nc"),
        ("characters", "a\u200bb\ufeff\u00adc\x00\x07", "abc"),
        ("spaces", "a\u00a0b\u202fc", "a b c"),
        ("unicode", "cafe\u0301", "café"),
        ("encoding", "It\u00e2\u0080\u0099s a cafÃ©", "It\u2019s a café"),
    ],
)
def test_texts_are_mended_and_logged(action: str, before: str, after: str, tmp_path: Path) -> None:
    if action == "encoding":
        pytest.importorskip("ftfy")
    repairs, kept = fixed(tmp_path, [{"input": before, "output": "YES", "note": " as it is "}])
    assert kept == [{"input": after, "output": "YES", "note": " as it is "}]
    assert repairs.counts == {action: 1}
    (line,) = read(repairs.files["changes"])
    assert line == {
        "row": 13,
        "source": "rows.jsonl:13",
        "action": action,
        "field": "input",
        "before": before,
        "after": after,
        "reason": line["reason"],
    }


def test_a_text_about_damage_keeps_it() -> None:
    pytest.importorskip("ftfy")
    assert repaired_value('"mañana" becomes "maÃ±ana"') == '"mañana" becomes "maÃ±ana"'
    assert repaired_value("It costs Â£5, maÃ±ana, Â£6") == "It costs £5, mañana, £6"


@pytest.mark.parametrize("text", ["👩\u200d👩\u200d👧 می\u200cخواهم", "a  b\n\n  c", "naïve Å 漢"])
def test_what_means_something_stays(text: str) -> None:
    assert repaired_value(text) == text


@given(st.text())
def test_mending_twice_changes_nothing_more(text: str) -> None:
    once = repaired_value(text)
    assert repaired_value(once) == once


def test_encoding_damage_stays_whole_without_its_package(
    tmp_path: Path, without_packages: HidePackages
) -> None:
    without_packages("ftfy")
    damaged = "voil\u00c3\u00a0"  # its last character is a no-break space
    repairs, kept = fixed(tmp_path, [{"input": f"{damaged} x", "output": "YES"}])
    assert kept[0]["input"] == f"{damaged} x"
    assert any('pip install "steelyard[data]"' in note for note in repairs.notes)


def test_chats_are_mended_inside(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": " Be brief. "},
        {"role": "user", "content": [{"type": "text", "text": "\u00a0hello there "}]},
        {"role": "assistant", "content": "yes ", "weight": 1},
    ]
    rows = [
        {"messages": [{"role": "user", "content": f"q {n}"}, {"role": "assistant", "content": a}]}
        for n, a in enumerate(("Yes", "No") * 4)
    ]
    source = write(tmp_path / "rows.jsonl", [*rows, {"messages": messages, "x": 1}])
    repairs = fix(source, tmp_path / "out.jsonl")
    (*_, last) = read(tmp_path / "out.jsonl")
    assert last == {
        "messages": [
            {"role": "system", "content": " Be brief. "},
            {"role": "user", "content": [{"type": "text", "text": "hello there"}]},
            {"role": "assistant", "content": "Yes", "weight": 1},
        ],
        "x": 1,
    }
    fields = {change.field for change in repairs.changes}
    assert fields == {"messages[1].content[0].text", "messages[2].content"}


@pytest.mark.parametrize(
    "shaped",
    [
        lambda q, a: {
            "conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]
        },
        lambda q, a: {"instruction": q, "input": "", "output": a},
        lambda q, a: {
            "request": {"messages": [{"role": "user", "content": q}]},
            "response": {"choices": [{"message": {"role": "assistant", "content": a}}]},
        },
        lambda q, a: {"prompt": [{"role": "user", "content": q}], "chosen": a, "rejected": "no"},
    ],
    ids=["sharegpt", "alpaca", "log", "pair"],
)
def test_other_shapes_are_mended_inside(shaped: Any, tmp_path: Path) -> None:
    rows = [shaped(f"case {n * 31}", ("Yes", "Never")[n % 2]) for n in range(10)]
    source = write(tmp_path / "rows.jsonl", [*rows, shaped("one\u200b more", "yes ")])
    repairs = fix(source, tmp_path / "out.jsonl")
    assert read(tmp_path / "out.jsonl") == [*rows, shaped("one more", "Yes")]
    assert repairs.counts == {"characters": 1, "trim": 1, "label_spelling": 1}


def test_labels_get_the_spelling_of_most(tmp_path: Path) -> None:
    rows = [{"input": "one more", "output": "yes"}, {"input": "and one", "output": " Yes"}]
    repairs, kept = fixed(tmp_path, rows)
    assert [row["output"] for row in kept] == ["YES", "YES"]
    assert repairs.counts == {"trim": 1, "label_spelling": 2}


def test_a_declared_spelling_goes_before_the_most_frequent(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", {"rows.jsonl": clean_rows()}, "rows.jsonl", "[Yes, No]")
    repairs = fix(folder, tmp_path / "out.jsonl")
    assert {row["output"] for row in read(tmp_path / "out.jsonl")} == {"Yes", "No"}
    assert repairs.counts == {"label_spelling": 12}


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    rows = [{"input": f"number {n * 7}", "output": n % 2} for n in range(12)]
    source = write(tmp_path / "rows.jsonl", rows)
    answer(source, 3, "label", "0")
    fix(source, tmp_path / "out.jsonl", answers=tmp_path / "answers.jsonl")
    assert read(tmp_path / "out.jsonl")[3]["output"] == 0


@pytest.mark.parametrize("more", [{"accepted": ["yes, do"]}, {"rejected": "no"}, {"group": "g1"}])
def test_of_duplicates_the_row_that_states_more_stays(
    tmp_path: Path, more: Mapping[str, Any]
) -> None:
    pair = {"input": "may I go now?", "output": "YES", **dict.fromkeys(more)}
    repairs, rest = fixed(tmp_path, [pair, {**pair, **more}, pair])
    assert rest == [{**pair, **more}]
    assert repairs.counts["duplicate"] == 2


def test_duplicates_go_and_conflicts_are_put_aside(tmp_path: Path) -> None:
    rows = [
        {"input": "the same", "output": "YES", "id": "a"},
        {"input": "the same ", "output": "YES", "id": "b"},
        {"input": "a conflict", "output": "YES"},
        {"input": "A  conflict!", "output": "NO"},
        {"input": "a conflict", "output": "YES"},
    ]
    repairs, kept = fixed(tmp_path, rows)
    assert kept == [rows[0]]
    assert repairs.counts == {"trim": 1, "duplicate": 2, "conflict": 2}
    aside = read(repairs.files["review"])
    assert [(row["row"], row["fields"], row["reason"]) for row in aside] == [
        (15, rows[2], "row 16 has the same input and the output 'NO'"),
        (16, rows[3], "row 15 has the same input and the output 'YES'"),
    ]


def test_texts_may_differ_for_the_same_input(tmp_path: Path) -> None:
    rows = [
        {"input": f"say something {n // 2}", "output": f"Something {n} that is rather long, here."}
        for n in range(12)
    ]
    repairs = fix(write(tmp_path / "rows.jsonl", rows), tmp_path / "out.jsonl")
    assert repairs.kept == 12


def test_json_is_compared_by_its_value(tmp_path: Path) -> None:
    rows = [{"input": f"order {n}", "output": {"a": n, "b": [1]}} for n in range(12)]
    rows += [
        {"input": "order 1", "output": '{"b": [1],  "a": 1}'},
        {"input": "order 2", "output": {"a": 3}},
        {"input": "order 12", "output": "{broken"},
    ]
    repairs = fix(write(tmp_path / "rows.jsonl", rows), tmp_path / "out.jsonl")
    assert repairs.counts == {"duplicate": 1, "unreadable": 1, "conflict": 2}


def test_rows_that_a_run_refuses_are_put_aside_with_the_reason(tmp_path: Path) -> None:
    rows = [
        {"input": " ", "output": "YES"},
        {"input": "no output", "output": ""},
        {"input": "half a pair \ud800", "output": "YES"},
        {"input": "an id", "output": "YES", "id": "1"},
        {"input": "an id again", "output": "YES", "id": "1"},
    ]
    source = write(tmp_path / "rows.jsonl", [*clean_rows(), *rows])
    source.write_text(source.read_text() + '{"input": "cut off\n\n[1]\n')
    repairs = fix(source, tmp_path / "out.jsonl")
    aside = read(repairs.files["review"])
    assert [row["row"] for row in aside] == [13, 14, 15, 17, 18, 19]
    assert aside[3]["reason"] == "id '1' is already used in row 16"
    assert [row["fields"] for row in aside[4:]] == ['{"input": "cut off', "[1]"]
    assert (repairs.rows, repairs.kept) == (19, 13)


def test_a_table_row_that_cannot_be_read_is_kept_as_text(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    good = "".join(f"case {n * 31},{'AB'[n % 2]}\n" for n in range(10))
    source.write_text(f'text,label\n{good}too,many,cells\n"never closed,A\nand on,B\n')
    repairs = fix(source, tmp_path / "out.csv")
    aside = read(repairs.files["review"])
    assert [(row["row"], row["fields"]) for row in aside] == [
        (11, {"text": "too", "label": "many"}),
        (12, '"never closed,A\nand on,B'),
    ]
    assert (tmp_path / "out.csv").read_text() == f"text,label\n{good}"


words = st.sampled_from(["a b", "A b ", "a\u00a0b", "c", "c\r\n", "", "d \ud83d", "é\u00c3\u00a9"])
some_rows = st.lists(
    st.fixed_dictionaries(
        {"input": words, "output": st.sampled_from(["YES", "yes", "NO", " NO", "", "?"])},
        optional={"id": st.sampled_from("xyz"), "note": st.sampled_from(["n", "\ud800"])},
    ),
    max_size=12,
)


@given(some_rows, st.booleans())
@settings(max_examples=40, deadline=None)
def test_no_row_is_lost_and_the_second_time_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: Rows, redact: bool
) -> None:
    whole = [*clean_rows(), *rows]
    folder = write_task(
        tmp_path_factory.mktemp("fix") / "task", {"rows.jsonl": whole}, "rows.jsonl", "[]"
    )
    out = folder.parent / "out"
    first = fix(folder, out, redact=redact)
    left = [change.row for change in first.changes if change.action in LEAVING]
    assert len(left) == len(set(left)) == first.rows - first.kept
    assert (first.rows, first.kept) == (len(whole), len(read(out / "examples.jsonl")))
    again = fix(out, folder.parent / "again", redact=redact)
    assert again.changes == ()
    assert again.files["all"].read_bytes() == first.files["all"].read_bytes()
    assert again.files.keys() == {"all", "changes", "task"}


def test_private_values_are_in_no_file(tmp_path: Path) -> None:
    rows = [
        {
            "input": "  write to jane.roe@example.com",
            "output": "YES",
            "who": "jane.roe@example.com",
        },
        {"input": "hidden jane\u200b.roe@example.com", "output": "NO"},
        {"input": "twice jane.roe@example.com", "output": "YES"},
        {"input": "twice jane.roe@example.com", "output": "NO"},
        {"input": " ", "output": "jane.roe@example.com"},
    ]
    source = write(tmp_path / "rows.jsonl", [*clean_rows(), *rows])
    source.write_text(source.read_text() + '{"input": "cut jane.roe@example.com\n')
    repairs = fix(source, tmp_path / "out.jsonl", redact=True)
    for path in repairs.files.values():
        assert "@example.com" not in path.read_text()
        assert "roe@" not in path.read_text()
    written = read(tmp_path / "out.jsonl")[-2:]
    assert written[0] == {"input": "write to [EMAIL_1]", "output": "YES", "who": "[EMAIL_1]"}
    assert written[1]["input"] == "hidden [EMAIL_1]"
    assert repairs.counts["conflict"] == 2


def test_rows_over_the_context_are_put_aside(tmp_path: Path) -> None:
    rows = [{"input": "word " * 20_000, "output": "YES"}]
    repairs, kept = fixed(tmp_path, rows)
    if any("context" in note for note in repairs.notes):
        pytest.skip("the model's context is not known here")
    assert (kept, repairs.counts) == ([], {"trim": 1, "over_context": 1})


def answer(source: Path, row: int, action: Any, new: str | None = None) -> Path:
    """Answer for the row at index ``row`` of ``source``, in answers.jsonl beside it."""
    data = open_dataset(source)
    given = data.examples[row].output
    path = source.with_name("answers.jsonl")
    with Answers(path) as answers:
        answers.append(
            ReviewAnswer(keys_of(data)[row], row + 1, "", "", "", action, given, new, "2026-01-01")
        )
    return path


def test_answers_are_applied(tmp_path: Path) -> None:
    rows = [
        *clean_rows(),
        {"input": "a conflict", "output": "YES"},
        {"input": "a conflict", "output": "NO"},
    ]
    source = write(tmp_path / "rows.jsonl", rows)
    answer(source, 0, "label", "YES")
    answer(source, 1, "drop")
    answer(source, 2, "later")
    answer(source, 12, "keep", "YES")
    path = answer(source, 3, "keep", "YES")
    repairs = fix(source, tmp_path / "out.jsonl", answers=path)
    assert repairs.counts == {"answer": 1, "dropped": 1, "flagged": 1, "conflict": 1}
    written = read(tmp_path / "out.jsonl")
    assert written[0]["output"] == "YES"
    assert written[-1] == rows[12]
    assert [row["action"] for row in read(repairs.files["review"])] == ["flagged", "conflict"]


def test_answers_follow_their_row_and_say_when_it_is_gone(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", clean_rows())
    answer(source, 0, "drop")
    path = answer(source, 1, "drop")
    moved = write(
        tmp_path / "moved.jsonl", [*clean_rows()[:0:-1], {**clean_rows()[0], "output": "M"}]
    )
    repairs = fix(moved, tmp_path / "out.jsonl", answers=path)
    assert repairs.counts == {"dropped": 1}
    assert "what about number 31?" not in (tmp_path / "out.jsonl").read_text()
    assert any(
        "answers.jsonl has 1 answer for rows that are no longer there" in note
        for note in repairs.notes
    )
    with pytest.raises(DataError, match="no answers at"):
        fix(source, tmp_path / "other.jsonl", answers=tmp_path / "absent.jsonl")
    with pytest.raises(DataError, match="line 1: not a review answer"):
        fix(source, tmp_path / "other.jsonl", answers=source)


def test_never_in_place_and_never_over_another_file(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", clean_rows())
    (tmp_path / "link.jsonl").symlink_to(source)
    for target in (source, tmp_path / "link.jsonl"):
        with pytest.raises(ConfigError, match="is the source itself"):
            fix(source, target, force=True)
    fix(source, tmp_path / "out.jsonl")
    with pytest.raises(ConfigError, match=r"already exists.*--force"):
        fix(source, tmp_path / "out.jsonl")
    fix(source, tmp_path / "out.jsonl", force=True)
    with pytest.raises(ConfigError, match=r"must end in \.jsonl"):
        fix(source, tmp_path / "out.csv")
    with pytest.raises(StorageError, match="cannot write"):
        fix(source, source / "out.jsonl")
    assert read(source) == clean_rows()


def test_a_second_fix_takes_away_the_old_review_file(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.jsonl", [*clean_rows(), {"input": "x", "output": ""}])
    review = fix(bad, tmp_path / "out.jsonl").files["review"]
    assert review.is_file()
    fix(write(tmp_path / "good.jsonl", clean_rows()), tmp_path / "out.jsonl", force=True)
    assert not review.exists()


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", [*clean_rows(), {"input": "x ", "output": "YES"}])
    repairs = fix(source, tmp_path / "out.jsonl", dry_run=True)
    assert repairs.counts == {"trim": 1}
    assert repairs.files == {}
    assert list(tmp_path.iterdir()) == [source]


def test_a_file_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    rows = [{"input": "the same", "output": ("YES", "NO")[n % 2]} for n in range(8)]
    source = write(tmp_path / "rows.jsonl", rows)
    with pytest.raises(DataError, match=r"no row of .* would remain"):
        fix(source, tmp_path / "out.jsonl")
    assert list(tmp_path.iterdir()) == [source]


def write_task(folder: Path, files: Mapping[str, Rows], examples: str, labels: str) -> Path:
    folder.mkdir()
    for name, rows in files.items():
        write(folder / name, rows)
    (folder / "task.yaml").write_text(
        f"name: t\ninstruction: Say which.\noutput: {{kind: label, labels: {labels}}}\n"
        f"examples: {examples}\nmodel: fake:smart\n",  # whose tokens take no time to count
        encoding="utf-8",
    )
    return folder


def test_a_task_becomes_a_folder_that_runs(tmp_path: Path) -> None:
    rows = clean_rows(60)
    folder = write_task(
        tmp_path / "task",
        {"a.jsonl": [*rows[:40], rows[50]], "b.jsonl": rows[40:]},
        "{train: a.jsonl, test: b.jsonl}",
        "['YES', 'NO']",
    )
    repairs = fix(folder, tmp_path / "out")
    assert repairs.counts == {"leak": 1}
    (line,) = read(repairs.files["changes"])
    assert line["reason"] == "also in test, as row 52"
    assert (len(read(repairs.files["train"])), len(read(repairs.files["test"]))) == (40, 20)
    prepared = prepare(load_task(tmp_path / "out"), seed=0)
    assert find_leaks(prepared, CheckOptions(encoder=False)).facts["kinds"]["exact"]["rows"] == 0
    with pytest.raises(ConfigError, match="not empty"):
        fix(folder, tmp_path / "out")
    fix(folder, tmp_path / "out", force=True)
    with pytest.raises(ConfigError, match="did not write"):
        fix(tmp_path / "out", folder, force=True)


@pytest.mark.parametrize(
    "text",
    [
        "    total = a\n    return total\n",
        "\treturn a\n",
        " def f():\n-    return 1\n+    return 2\n \n",
        "  - one\n    - two\n",
        "\n    The sea,\n        the sea\n",
    ],
)
def test_code_and_diffs_are_never_trimmed(text: str, tmp_path: Path) -> None:
    row = {"input": text, "output": "YES"}
    repairs, kept = fixed(tmp_path, [row])
    assert (kept, repairs.counts) == ([row], {})


def test_declared_labels_are_written_as_they_are_declared(tmp_path: Path) -> None:
    rows = [
        *clean_rows(),
        {"input": "one more", "output": "y-e-s."},
        {"input": "so", "output": "Nope"},
    ]
    folder = write_task(tmp_path / "task", {"rows.jsonl": rows}, "rows.jsonl", "[Yes, No]")
    repairs = fix(folder, tmp_path / "out.jsonl")
    assert {row["output"] for row in read(tmp_path / "out.jsonl")} == {"Yes", "No"}
    assert repairs.counts == {"label_spelling": 13, "unreadable": 1}


def test_what_stands_beside_code_is_not_trimmed(tmp_path: Path) -> None:
    code = {"input": "def f():\n", "output": "    x = 1\n    return x\n"}
    rows = [{**code, "input": f"def f{n}():\n"} for n in range(8)]
    rows.append({"input": "f\n", "output": "g\n"})
    repairs = fix(write(tmp_path / "code.jsonl", rows), tmp_path / "out.jsonl")
    assert read(tmp_path / "out.jsonl") == [*rows[:8], {"input": "f", "output": "g"}]
    assert repairs.counts == {"trim": 1}
