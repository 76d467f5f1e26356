from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from steelyard.data import fix, label
from steelyard.data.base import CheckResult, Finding
from steelyard.data.dataset import open_dataset
from steelyard.data.review import Review
from steelyard.data.reviews.answers import Answers, ReviewAnswer
from steelyard.data.reviews.doubts import Doubt, doubts
from steelyard.data.reviews.keys import line_keys, open_keys
from steelyard.data.reviews.screen import ReviewScreen, visible
from steelyard.errors import ConfigError, DataError, StorageError
from tests.tickets import write_task

NEAR = ("contradictions", "near_duplicates")
TEXTS = (
    "the invoice of last month shows an amount that we never agreed on",
    "the telephone in the reception does not ring when customers call",
    "our new colleague has no access to the shared calendar of the team",
)


def write_rows(path: Path, labels: Sequence[str] = ("BILL", "TECH", "ACCESS")) -> Path:
    """Three texts three times: as they are, in capitals with the label of the next, and alike."""
    rows = []
    for n, text in enumerate(TEXTS):
        rows.append({"input": text, "output": labels[n]})
        rows.append({"input": text.upper(), "output": labels[(n + 1) % 3]})
        rows.append({"input": f"{text}!", "output": labels[n]})
    others = ("red wine", "quick fox", "lazy dog", "warm rain", "old bridge", "paper moon")
    rows += [{"input": text, "output": labels[n % 3]} for n, text in enumerate(others)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def review(
    source: Path, keys: Iterable[str], checks: Sequence[str] = NEAR, **options: Any
) -> tuple[Review, str]:
    shown = io.StringIO()
    console = Console(file=shown, width=80)
    done = label(source, checks=checks, reader=keys, writer=console, **options)
    return done, shown.getvalue()


def answers_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_key_answers_one_row(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl")
    before = source.read_bytes()
    done, shown = review(source, "ks1de")
    assert done.answers == tmp_path / "rows.jsonl.answers.jsonl"
    answers = answers_of(done.answers)
    assert [each["action"] for each in answers] == ["keep", "label", "label", "drop", "later"]
    assert [each["pressed"] for each in answers] == ["k", "s", "1", "d", "e"]
    assert answers[0]["new"] == answers[0]["old"]
    assert len({each["key"] for each in answers}) == 5
    assert done.counts == {"keep": 1, "label": 2, "drop": 1, "later": 1}
    assert (done.answered, done.left) == (5, done.doubted - 5)
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert source.read_bytes() == before


def test_a_review_goes_on_where_it_stopped(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl")
    first, shown = review(source, "kk")
    assert f"1 of {first.doubted} " in shown
    second, shown = review(source, "nk")
    assert f"3 of {first.doubted} " in shown
    assert "2 already answered" in shown
    assert second.answered == 3
    third, shown = review(source, "k" * 50)
    assert third.left == 0
    assert f"{first.doubted} of {first.doubted} " in shown
    fourth, shown = review(source, "k")
    assert shown == ""
    assert fourth == third


def test_a_step_back_takes_the_answer_back(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl")
    done, shown = review(source, "udud")
    assert "first row of this session" in shown
    assert [each["action"] for each in answers_of(done.answers)] == ["drop", "undo", "drop"]
    assert done.counts == {"drop": 1}
    again, _ = review(source, "")
    assert again == done
    skipped, _ = review(source, "nuk")
    assert skipped.counts == {"drop": 1, "keep": 1}


def test_a_label_is_found_by_a_part_of_its_name(tmp_path: Path) -> None:
    labels = [f"label_{n:02}" for n in range(12)]
    source = write_rows(tmp_path / "rows.jsonl", labels[:3])
    rows = [{"input": f"other {n * 91}", "output": labels[n % 12]} for n in range(24)]
    source.write_text(source.read_text() + "".join(json.dumps(row) + "\n" for row in rows))
    keys = [
        "/",
        *"_11",
        "enter",
        "/",
        "1",
        "backspace",
        "tab",
        "enter",
        "/",
        "x",
        "enter",
        "escape",
    ]
    done, shown = review(source, [*keys, "1", "k"])
    assert [each["new"] for each in answers_of(done.answers)[:1]] == ["label_11"]
    assert answers_of(done.answers)[1]["pressed"] == "/"
    assert "no label matches" in shown
    assert "'1' does nothing here" in shown  # digits choose among nine labels at most
    assert len(answers_of(done.answers)) == 3


def test_a_limit_ends_the_sitting(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl")
    assert review(source, "k" * 9, limit=2)[0].answered == 2
    assert review(source, "k" * 9, limit=2)[0].answered == 4
    with pytest.raises(ConfigError, match="limit must be 1 or more"):
        review(source, "", limit=0)


def test_fix_applies_the_answers(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl")
    done, _ = review(source, "d" * 99)
    repairs = fix(source, tmp_path / "out.jsonl", answers=done.answers)
    assert repairs.counts == {"dropped": done.doubted}
    assert repairs.kept == 15 - done.doubted


def test_help_and_unknown_keys_decide_nothing(tmp_path: Path) -> None:
    done, shown = review(write_rows(tmp_path / "rows.jsonl"), ["?", "x", "m", "enter", "9", "q"])
    assert done.answered == 0
    assert "every answer is saved" in shown
    assert "'x' does nothing here" in shown
    assert not done.answers.exists()


def test_nothing_doubted_asks_nothing(tmp_path: Path) -> None:
    rows = [{"input": f"case {n * 37} is new", "output": "AB"[n % 2]} for n in range(12)]
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done, shown = review(source, "k")
    assert (done.doubted, shown, done.answers.exists()) == (0, "", False)


def test_doubts_come_by_turns_and_once(tmp_path: Path) -> None:
    data = open_dataset(write_rows(tmp_path / "rows.jsonl"))
    results = {
        "label_errors": CheckResult((Finding("label_errors", "warning", "x", (9, 8, 2)),)),
        "contradictions": CheckResult((Finding("contradictions", "warning", "x", (8, 1)),)),
        "near_duplicates": CheckResult((Finding("near_duplicates", "note", "x", (2, 3)),)),
    }
    found = doubts(data, results)
    assert [(each.check, data.numbers[each.index]) for each in found] == [
        ("label_errors", 9),
        ("contradictions", 8),
        ("near_duplicates", 2),
        ("contradictions", 1),
        ("near_duplicates", 3),
    ]


def test_a_suspected_label_error_suggests_the_likelier_label(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", rows=240)
    source = folder / "examples.jsonl"
    rows = [json.loads(line) for line in source.read_text().splitlines()]
    flipped = {n: rows[n]["output"] for n in range(5, 240, 37)}
    for n in flipped:
        rows[n]["output"] = rows[n + 1]["output"]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done, shown = review(folder, "ss", checks=("label_errors",))
    assert "likely" in shown
    found = answers_of(done.answers)
    assert {each["row"] - 1: each["new"] for each in found}.items() <= flipped.items()
    assert fix(source, tmp_path / "out.jsonl", answers=done.answers).counts["answer"] == 2


def test_a_conflict_suggests_what_most_rows_say(tmp_path: Path) -> None:
    data = open_dataset(write_rows(tmp_path / "rows.jsonl"))
    results = {"contradictions": CheckResult((Finding("contradictions", "error", "", (2, 1)),))}
    odd, usual = doubts(data, results)
    assert (odd.suggested, odd.like) == ("BILL", (0,))
    assert (usual.suggested, usual.like) == (None, (1,))


def test_a_torn_last_line_is_written_over(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl")
    done, _ = review(source, "kk")
    whole = done.answers.read_bytes()
    for cut in (1, 5, len(whole.splitlines()[1])):
        done.answers.write_bytes(whole + whole[:cut])
        assert len(Answers(done.answers).read()) == 2
    again, _ = review(source, "k")
    assert again.answered == 3
    assert [json.loads(line) for line in done.answers.read_text().splitlines()]


@pytest.mark.parametrize(
    "content", [b"my notes", b"my notes\n", b'{"a": 1}\n', b"[]\n", b"\xff\n", b'{"key": []}\n']
)
def test_another_file_is_never_written_to(content: bytes, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl")
    other = tmp_path / "notes.txt"
    other.write_bytes(content)
    with pytest.raises(DataError, match="line 1: not a review answer"):
        review(source, "k", answers=other)
    assert other.read_bytes() == content


def test_mistakes_are_told_before_anything_is_asked(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl")
    with pytest.raises(ConfigError, match=r"'near_duplicate' \(did you mean 'near_duplicates'"):
        review(source, "", checks=("near_duplicate",))
    with pytest.raises(StorageError, match="--answers"):
        review(source, "", answers=source / "answers.jsonl")
    with pytest.raises(DataError, match=r"no file .*row\.jsonl \(did you mean 'rows\.jsonl'"):
        review(tmp_path / "row.jsonl", "")


def test_data_does_not_steer_the_terminal(tmp_path: Path) -> None:
    assert visible("a\x1b[2Jb\r\n\tc\u202ed\x07") == "a<U+001B>[2Jb\n    c<U+202E>d<U+0007>"
    row = {"input": "[bold]no markup[/bold] \x1b]0;title\x07", "output": "A"}
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for _ in range(2)))
    shown = io.StringIO()
    console = Console(file=shown, width=80, force_terminal=True, color_system=None)
    screen = ReviewScreen(console, open_dataset(source))
    screen.show(Doubt(0, "label_errors", "a [red]reason[/red]", like=(1,)), (1, 1), {})
    assert "[bold]no markup[/bold]" in shown.getvalue()
    assert "[red]reason[/red]" in shown.getvalue()
    assert "\x1b" not in shown.getvalue()


def test_a_long_row_is_cut_until_more_is_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    long = "\n".join(f"line {n} 漢字 " + "word " * 30 for n in range(40))
    source.write_text(json.dumps({"input": long, "output": "x" * 300}) + "\n")
    screen = io.StringIO()
    shown = ReviewScreen(Console(file=screen, width=80), open_dataset(source))
    shown.show(Doubt(0, "near_duplicates", "why"), (1, 1), {})
    assert "more lines: press m" in screen.getvalue()
    assert "line 39" not in screen.getvalue()
    shown.show(Doubt(0, "near_duplicates", "why"), (1, 1), {}, whole=True)
    assert "line 39" in screen.getvalue()


def test_lines_stand_for_keys_without_a_terminal() -> None:
    keys = line_keys(io.StringIO("k\n\n/card\nsd\n"))
    assert list(keys) == ["k", "enter", "/", "c", "a", "r", "d", "enter", "s", "d"]


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are for POSIX")
def test_single_keys_from_a_terminal() -> None:
    import termios

    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    with os.fdopen(follower, "r") as file:
        with open_keys(file) as keys:
            os.write(leader, "ké\r\x7f\t".encode())
            assert [next(keys) for _ in range(5)] == ["k", "é", "enter", "backspace", "tab"]
            os.write(leader, b"\x1b[A")
            assert next(keys) == "escape"
            os.write(leader, b"q")
            assert next(keys) == "q"
        assert termios.tcgetattr(file.fileno()) == before
    os.close(leader)


def test_a_kill_loses_no_answer(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl")
    code = f"from steelyard.data import label; label({str(source)!r}, checks={NEAR!r})"
    answers = tmp_path / "rows.jsonl.answers.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b"k\nd\n")
        process.stdin.flush()
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if answers.exists() and answers.read_bytes().count(b"\n") == 2:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    done, _ = review(source, "k")
    assert done.counts == {"keep": 2, "drop": 1}


def test_an_answer_is_read_as_it_was_written(tmp_path: Path) -> None:
    answer = ReviewAnswer(
        "k1", 3, "a:3", "label_errors", "s", "label", "old \ud800", "new", "2026-01-01"
    )
    with Answers(tmp_path / "a.jsonl") as answers:
        answers.append(answer)
    assert Answers(tmp_path / "a.jsonl").read() == {"k1": answer}
