"""``steelyard cache``: what is kept, and clearing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.core import Completion
from steelyard.model.answer_cache import VARIABLE, AnswerCache


def test_it_shows_path_entries_and_size_and_clears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "answers.db"
    monkeypatch.setenv(VARIABLE, str(path))
    AnswerCache(path).put("m", {"k": Completion("x", "stop"), "l": Completion("y", "stop")})
    assert main(["cache"]) == 0
    shown = capsys.readouterr().out
    assert str(path) in shown
    assert "2 answers, 0.0 of 1,000 MB" in shown
    assert main(["cache", "--clear"]) == 0
    assert "0 answers" in capsys.readouterr().out
    assert not path.exists()


def test_it_says_that_it_is_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "off")
    assert main(["cache"]) == 0
    assert "cache is off" in capsys.readouterr().out


def test_a_file_that_is_no_database_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "answers.db"
    path.write_text("a letter" * 1000)
    monkeypatch.setenv(VARIABLE, str(path))
    assert main(["cache"]) == 2
    assert "cannot read" in capsys.readouterr().err
    assert main(["cache", "--clear"]) == 0
    assert not path.exists()
