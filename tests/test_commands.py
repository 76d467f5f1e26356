from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from steelyard.cli.app import parser
from steelyard.commands import command


@pytest.mark.parametrize(
    "path",
    ["a.csv", "my rows.csv", "it's.csv", 'a"b".csv', "$HOME;rm.csv", "-x.csv", "é ü.csv", "*.csv"],
)
@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"input": "my text", "output": "it's", "weight": None},
        {"input": "{title}\n\n{body}", "output": "a,b"},
    ],
)
def test_a_shell_and_the_parser_take_it_back(path: str, columns: dict[str, str | None]) -> None:
    line = command("data", "fix", Path(path), "OUT", columns=columns)
    program, *words = shlex.split(line)
    args = parser().parse_args(words)
    assert (program, Path(args.source), str(args.out)) == ("steelyard", Path(path), "OUT")
    assert args.columns == columns


def test_a_path_is_told_from_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("run", tmp_path / "a" / "b") == "steelyard run a/b"
    assert command("run", tmp_path.parent / "c") == f"steelyard run {tmp_path.parent / 'c'}"
