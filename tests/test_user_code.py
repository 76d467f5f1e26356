"""Names in the user's own Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from steelyard.errors import ConfigError
from steelyard.user_code import load_name


def write(folder: Path, text: str, name: str = "mine.py") -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_a_file_is_run_with_its_neighbours_and_leaves_nothing_behind(tmp_path: Path) -> None:
    write(tmp_path, "VALUE = 7\n", "neighbour_of_mine.py")
    write(tmp_path, "from neighbour_of_mine import VALUE\ndef answer():\n    return VALUE\n")
    before = list(sys.path)
    assert load_name("mine.py:answer", tmp_path, "metric")() == 7
    assert sys.path == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.py", "neighbour_of_mine.py"]


def test_a_module_is_imported() -> None:
    assert load_name("json:dumps", Path(), "metric")([1]) == "[1]"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mine.py:anser", r"metric: mine.py defines no 'anser' \(did you mean 'answer'\?\)"),
        ("mime.py:answer", r"no file .*mime.py \(did you mean 'mine.py'\?\)"),
        ("mine.py", "is not valid: write file.py:name or module:name"),
        ("no_such_module_here:x", "cannot import 'no_such_module_here'"),
        ("broken.py:x", r"broken.py fails to load: ZeroDivisionError: .* \(line 2\)"),
        ("leaving.py:x", r"leaving.py fails to load: SystemExit: 1 \(line 2\)"),
        ("unreadable.py:x", "unreadable.py fails to load: SyntaxError"),
    ],
)
def test_what_cannot_be_found_is_one_line(tmp_path: Path, reference: str, message: str) -> None:
    write(tmp_path, "def answer(): ...\n")
    write(tmp_path, "\n1 / 0\n", "broken.py")
    write(tmp_path, "\nraise SystemExit(1)\n", "leaving.py")
    write(tmp_path, "def (", "unreadable.py")
    with pytest.raises(ConfigError, match=message) as caught:
        load_name(reference, tmp_path, "metric")
    assert "\n" not in str(caught.value)
