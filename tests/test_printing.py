"""What reaches a terminal or a log holds nothing that commands a terminal."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.printing import CleanFormatter, console, printable, say, say_json, warnings_shown
from tests.tickets import write_task

HOSTILE = {
    "colour": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://evil.test\x1b\\here\x1b]8;;\x1b\\",
    "clear": "\x1b[2J\x1b[H",
    "c1": "\x9b31mred",
    "c1 osc": "\x9d0;owned\x9c",
    "return": "all is well\rno",
    "bell": "ding\x07",
    "backspace": "abc\x08\x08\x08xyz",
    "delete": "a\x7fb",
    "null": "a\0b",
    "form feed": "a\x0cb",
    "override": "abc\u202efdp.exe",
    "isolate": "\u2066a\u2069",
    "mark": "\u200fa\u061c",
    "zero width": "pay\u200bpal",
    "joiner": "pay\u200dpal",
    "non-joiner": "pay\u200cpal",
    "no-break": "a\ufeffb\u2060",
    "soft hyphen": "pay\u00adpal",
    "separator": "a\u2028b\u2029c",
    "tags": "a\U000e0041\U000e007f",
    "surrogate": "a\ud83d",
    "variation": "a\U000e0100",
}
HARMLESS = [
    "naïve café, 20 °C — “so” …",
    "two\nlines\tand a tab",
    "می‌خواهم",  # a zero-width non-joiner, as Persian writes it
    "👩‍💻 👍🏽 ❤️",  # joined of several, and a variation
    "क्‍ष",
    "שלום עולם",
    "[bold]not markup[/bold] :smile:",
]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_commands_or_hides_is_replaced(text: str) -> None:
    cleaned = printable(text)
    assert cleaned != text and "\N{REPLACEMENT CHARACTER}" in cleaned
    assert all(character.isprintable() for character in cleaned)
    assert printable(cleaned) == cleaned


@pytest.mark.parametrize("text", HARMLESS)
def test_what_people_write_stays(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printable(text) == text
    console(width=200).print(text, highlight=False)
    assert capsys.readouterr().out == f"{text.expandtabs(8)}\n"


def test_lines_of_windows_are_lines() -> None:
    assert printable("a\r\nb\r\n") == "a\nb\n"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_every_door_cleans(
    text: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from rich.table import Table

    del caplog
    say(text)
    table = Table(text)
    table.add_row(text)
    screen = console(width=80)
    screen.print(table)
    screen.print(text, style="bold")
    if not re.search("[\ud800-\udfff]", text):  # pytest's processes cannot tell each other of it
        with warnings_shown():
            logging.getLogger("steelyard").warning("%s", text)
    said = capsys.readouterr()
    for line in (said.out + said.err).splitlines():
        assert all(character.isprintable() for character in line), ascii(line)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_json_keeps_the_value_and_escapes_it(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say_json({text: [text, "é"]})
    said = capsys.readouterr().out
    assert json.loads(said) == {text: [text, "é"]}
    assert "é" in said and all(line.isprintable() for line in said.splitlines())


def test_colours_of_our_own_stay(capsys: pytest.CaptureFixture[str]) -> None:
    screen = console(force_terminal=True, width=40, color_system="standard", legacy_windows=False)
    screen.print("\x1b[31mred", style="bold", highlight=False)
    assert capsys.readouterr().out == "\x1b[1m\N{REPLACEMENT CHARACTER}[31mred\x1b[0m\n"


def test_a_log_line_is_not_forged() -> None:
    record = logging.LogRecord("s", logging.INFO, "", 0, "a\n2026-01-01 ERROR b\x1b[2J", (), None)
    assert re.fullmatch(
        r"a\n    2026-01-01 ERROR b.\[2J", CleanFormatter("%(message)s").format(record)
    )


ESCAPE = "\x1b]0;owned\x07\x9b2J\u202e"


def hostile_task(folder: Path, model: str = "fake:smart") -> Path:
    """A task whose ids, slices and texts hold escapes; its name and labels may hold none."""
    task = write_task(folder, rows=60, model=model, strategies=["zero_shot", "few_shot"])
    path = task / "examples.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    labels = {row["output"] for row in rows}
    for row in rows:
        row |= {name: f"{row[name]}{ESCAPE}" for name in ("id", "input", "slice")}
    rows.append(rows[0] | {"id": "x", "output": f"no label {ESCAPE}"})
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    config = {
        "name": "tickets",
        "instruction": f"Classify. {ESCAPE}",
        "output": {"kind": "label", "labels": sorted(labels)},
        "examples": "examples.jsonl",
        "model": model,
        "strategies": ["zero_shot", "few_shot"],
        "consistency": False,
    }
    (task / "task.yaml").write_text(json.dumps(config))
    return task


def assert_clean(*texts: str) -> None:
    for text in texts:
        for line in text.splitlines():
            assert line.replace("\t", "").isprintable(), ascii(line)


@pytest.mark.parametrize(
    "argv",
    [
        ["data", "check", "TASK"],
        ["data", "check", "TASK", "--json"],
        ["data", "check", "TASK/examples.jsonl", "--columns", f"group=x{ESCAPE}"],
        ["data", "split", "TASK", "--out", "OUT"],
        ["data", "split", "TASK", "--out", "OUT", "--json"],
        ["data", "fix", "TASK", "OUT"],
        ["data", "convert", "TASK/examples.jsonl", f"OUT{ESCAPE}.jsonl", "--to", "csv"],
        ["plan", "TASK"],
        ["plan", "TASK", "--json"],
        ["plan", f"TASK{ESCAPE}"],
        ["run", "TASK", "--out", "OUT", "--strategies", f"x{ESCAPE}"],
        ["run", "TASK", "--model", f"fake:x{ESCAPE}"],
        ["ask", f"TASK{ESCAPE}", "hello"],
        ["report", f"TASK{ESCAPE}"],
        ["init", f"OUT{ESCAPE}", "--from", "TASK/examples.jsonl"],
        ["init", "OUT", "--example", f"x{ESCAPE}"],
        [f"x{ESCAPE}"],
    ],
    ids=ascii,
)
def test_no_verb_lets_an_escape_through(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = hostile_task(tmp_path / "task")
    main([word.replace("TASK", str(task)).replace("OUT", str(tmp_path / "out")) for word in argv])
    said = capsys.readouterr()
    assert said.out + said.err
    assert_clean(said.out, said.err)


def test_a_run_and_its_log_let_no_escape_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, out = hostile_task(tmp_path / "task"), tmp_path / "out"
    assert main(["run", str(task), "--out", str(out), "--skip-bad-rows"]) == 0
    assert main(["report", str(out)]) == 0
    for arm in (out / "arms").iterdir():
        assert main(["ask", str(arm), f"my invoice {ESCAPE}"]) == 0
    said = capsys.readouterr()
    assert_clean(said.out, said.err, (out / "run.log").read_text(encoding="utf-8"))
