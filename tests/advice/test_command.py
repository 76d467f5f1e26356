"""The verb: options, a file, data, a person at the terminal, and what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.advice.questions import answer_keys, questions
from steelyard.cli import main
from steelyard.cli.advise import FLAGS
from steelyard.task import load_task
from tests.tickets import write_task

SHAPE = {"recommendation", "reasons", "rules", "mistakes", "next"}


class Terminal(io.StringIO):
    """A person who types lines; at the end of them, end of input or Ctrl-C."""

    def __init__(self, lines: str, *, interrupts: bool = False) -> None:
        super().__init__(lines)
        self._interrupts = interrupts

    def isatty(self) -> bool:
        return True

    def readline(self, size: int = -1, /) -> str:
        line = super().readline(size)
        if not line and self._interrupts:
            raise KeyboardInterrupt
        return line


def advice_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["advise", *words, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert isinstance(plain, dict)
    return plain


def test_there_is_an_option_for_every_answer() -> None:
    assert [flag.key for flag in FLAGS] == list(answer_keys())


def test_options_and_a_file_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("need: tone\nexamples: 40\ntries: {good: 8, of: 10}\n", encoding="utf-8")
    options = ("--need", "tone", "--examples", "40", "--tries", "8 of 10")
    by_file, by_option = advice_json(capsys, "--answers", str(file)), advice_json(capsys, *options)
    assert by_file == by_option
    assert by_file.keys() >= SHAPE
    assert len(by_file["next"]) == 3
    assert {"text", "speaks", "way", "rules", "answers"} == by_file["reasons"][0].keys()
    rule = by_file["rules"][0]
    assert rule.keys() >= {"id", "threshold", "source", "date", "strength", "range", "old"}
    over = advice_json(capsys, "--answers", str(file), "--examples", "5000")
    assert over["answers"]["examples"] == 5000


def test_data_answers_and_options_go_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = write_task(tmp_path / "task")
    plain = advice_json(capsys, "--from", str(task))
    assert plain["answers"]["kind"] == "label" and plain["answers"]["can_judge"] is True
    assert plain["task_yaml"] is None
    examples = next(answer for answer in plain["read_from_data"] if answer["key"] == "examples")
    assert examples["value"] > 0 and examples["rows"][0] == 1
    over = advice_json(capsys, "--from", str(task), "--can-judge", "no")
    assert over["recommendation"] == "measure"


def test_the_text_says_the_recommendation_first(capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--tries",
        "8 of 10",
        "--examples",
        "200",
        "--requests-per-day",
        "4000",
        "--change",
        "yearly",
    ]
    assert main(["advise", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Measure first (measure)."
    assert lines[1].startswith("So few tries support neither")
    assert max(map(len, lines)) <= 100
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles == [
        "For:",
        "Against:",
        "Not known, and it matters:",
        "Would change the advice:",
        "Mind:",
        "Common mistakes close by:",
        "Next:",
        "Rules of thumb cited:",
    ]
    text = "\n".join(lines)
    assert "95 % interval 44 % to 97 %" in text
    assert "sources differ, 10 to 100,000 examples" in text
    assert "2024-06, old; paper" in text


def test_a_person_is_asked_and_may_skip(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["yes json", "?", "6 out of", "6 of 30", "skill", "", "900", *[""] * 7]
    monkeypatch.setattr("sys.stdin", Terminal("\n".join(typed) + "\n"))
    assert main(["advise"]) == 0
    out = capsys.readouterr().out
    assert "12/12 Who would build it" in out
    assert questions()[1].why in out
    assert "tries must be good tries of all, such as 8 of 10, not '6 out of'" in out
    assert "Fine-tuning (fine_tune)." in out


def test_json_alone_goes_to_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("no\n" + "\n" * 11))
    assert main(["advise", "--json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["recommendation"] == "measure"
    assert "1/12" in output.err


@pytest.mark.parametrize("interrupts", [True, False])
def test_a_person_may_leave(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], interrupts: bool
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("yes\n", interrupts=interrupts))
    assert main(["advise"]) == 130
    assert "nothing was advised" in capsys.readouterr().err


def test_a_task_is_written_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "task.yaml"
    assert main(["advise", "--kind", "label", "--examples", "70", "--out", str(out)]) == 0
    assert load_task(out.parent).output.kind == "label"
    assert (out.parent / "examples.jsonl").read_text() == ""
    capsys.readouterr()
    assert main(["advise", "--kind", "label", "--out", str(out)]) == 2
    assert "choose another place" in capsys.readouterr().err


@pytest.mark.parametrize("way", ["fine_tune", "fine-tune", "Few shot"])
def test_a_way_is_explained(capsys: pytest.CaptureFixture[str], way: str) -> None:
    assert main(["advise", "--explain", way]) == 0
    text = capsys.readouterr().out
    for title in ("Advantages:", "Limits:", "Ten dimensions", "upfront cost", "best for"):
        assert title in text
    assert max(map(len, text.splitlines())) <= 100
    assert main(["advise", "--explain", way, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["dimensions"]) == 10


BAD = {
    "an unknown option": (["--exampels", "4"], "did you mean '--examples'?"),
    "an unknown value": (["--need", "tones"], "--need must be one of"),
    "no number": (["--examples", "some"], "--examples must be a whole number"),
    "too many good": (["--tries", "9 of 8"], "--tries must be good tries of all"),
    "another currency": (["--budget", "5 EUR"], "US dollars"),
    "no way": (["--explain", "finetuned"], "did you mean 'fine_tune'?"),
    "a way and answers": (["--explain", "prompt", "--need", "tone"], "--explain stands alone"),
    "no file": (["--answers", "absent.yaml"], "absent.yaml"),
    "no task": (["--from", "absent"], "absent"),
    "no place": (["--examples", "4", "--out", "task.txt"], "name a file such as"),
    "a task there is": (["--from", "x", "--out", "new.yaml"], "--out is for advice without data"),
    "nobody to ask": ([], "no answers"),
}


@pytest.mark.parametrize(("words", "says"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["advise", *words]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert says in output.err and len(output.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
