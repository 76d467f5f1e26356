"""Paths on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from steelyard.cli.options import file_path


@pytest.mark.parametrize("text", [".", "..", "/", "./", "a", "a/../b"])
def test_a_folder_may_be_named_in_any_way(text: str) -> None:
    assert file_path(text) == Path(text)


@pytest.mark.parametrize("text", ["", "a\0b", "n" * 300, "n/" * 3000])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a path"):
        file_path(text)
