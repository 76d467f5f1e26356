"""Whatever stands on the command line or in the environment: one line, in time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hostile.told import told
from tests.tickets import write_task

PATHS = {
    "nobody's home": "~nobodyuser/x",
    "a long name": "x" * 300,
    "a long path": "x/" * 3_000,
    "NUL": "a\0b",
    "no Unicode": "a\udcffb",
    "nothing": "",
    "lines": "a\nb",
    "an escape": "a\x1b[31mb",
    "a device": "/dev/zero",
    "memory": "/proc/self/mem",
    "below a file": "rows.csv/x",
    "a link to itself": "loop",
    "a link to nothing": "dangling",
    "a pipe": "pipe",
    "below a link to itself": "loop/x",
}
VERBS = {
    "plan": ("plan", "{}"),
    "run": ("run", "{}", "--out", "out"),
    "ask": ("ask", "{}", "x"),
    "report": ("report", "{}"),
    "check": ("data", "check", "{}"),
    "check table": ("data", "check", "{}.csv"),
    "verify": ("data", "split", "--verify", "{}"),
    "convert": ("data", "convert", "{}", "o.csv", "--to", "csv", "--yes"),
    "convert to": ("data", "convert", "rows.csv", "{}", "--to", "csv", "--yes"),
    "split to": ("data", "split", "rows.csv", "--out", "{}"),
    "fix to": ("data", "fix", "rows.csv", "{}"),
    "answers": ("data", "fix", "rows.csv", "f.csv", "--force", "--answers", "{}"),
    "init": ("init", "{}", "--from", "nothing.csv"),
    "init from": ("init", "new", "--from", "{}"),
    "model": ("plan", "task", "--model", "{}"),
}
NUMBERS = (
    "nan",
    "inf",
    "-1",
    "1e400",
    "9" * 5_000,
    "x",
    "",
    "1.5",
    "\u0663",
    "0x10",
    "-0",
    "1_000",
)
OPTIONS = {
    "seed": ("plan", "task", "--seed={}"),
    "cost": ("plan", "task", "--max-cost={}"),
    "strategies": ("plan", "task", "--strategies={}"),
    "rows": ("data", "check", "rows.csv", "--only=format", "--rows={}"),
    "audit seed": ("data", "check", "rows.csv", "--only=format", "--seed={}"),
    "only": ("data", "check", "rows.csv", "--only={}"),
    "columns": ("data", "check", "rows.csv", "--only=format", "--columns=input={}"),
    "train": ("data", "split", "rows.csv", "--out=s", "--force", "--train={}"),
    "subsets": ("data", "split", "rows.csv", "--out=s", "--force", "--subsets={}"),
    "split seed": ("data", "split", "rows.csv", "--out=s", "--force", "--seed={}"),
    "format": ("data", "convert", "rows.csv", "o.csv", "--to={}"),
}
ENVIRONMENT = {
    "STEELYARD_ANSWER_CACHE": ("/dev/zero", "/", "~nobodyuser/x", "a" * 300),
    "STEELYARD_TRUST_FILE": ("/dev/zero", "/", "~nobodyuser/x", "a" * 300),
    "STEELYARD_CACHE": ("/dev/null", "rows.csv", "a" * 300),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_task(tmp_path / "task", rows=40, strategies=["majority"])
    rows = "".join(f"text {i} of {i % 3},L{i % 3}\n" for i in range(40))
    (tmp_path / "rows.csv").write_text(f"input,output\n{rows}", encoding="utf-8")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


@pytest.mark.parametrize("words", VERBS.values(), ids=VERBS)
def test_any_path(words: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in PATHS.values():
        told([word.replace("{}", path) for word in words], capsys)
    assert (here / "rows.csv").stat().st_size > 100


@pytest.mark.parametrize("words", OPTIONS.values(), ids=OPTIONS)
def test_any_value(words: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in NUMBERS:
        told([word.replace("{}", text) for word in words], capsys)


@pytest.mark.parametrize("variable", ENVIRONMENT)
def test_any_environment(
    variable: str,
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for value in ENVIRONMENT[variable]:
        monkeypatch.setenv(variable, value)
        told(["cache"], capsys)
        told(["plan", "task"], capsys)
