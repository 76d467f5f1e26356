from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from steelyard.errors import ConfigError
from steelyard.files import make_private, remove_file, replacing, whole_folder, write_whole


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    with replacing(path) as scratch:
        scratch.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, b"old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half of it \udcff")
    with pytest.raises(RuntimeError), replacing(path) as scratch:
        scratch.write_text("new", encoding="utf-8")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_the_callers_to_explain(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "absent" / "a.txt", "text")


def test_a_device_or_a_pipe_is_never_replaced_removed_or_closed(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    link = tmp_path / "link"
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(ConfigError, match="device or a pipe"):
            write_whole(path, "x")
        with pytest.raises(ConfigError, match="device or a pipe"):
            remove_file(path)
        with (
            pytest.raises(ConfigError, match="device or a pipe"),
            whole_folder(path, replaces=True),
        ):
            pass
    make_private(tmp_path)
    assert stat.S_ISFIFO(pipe.stat().st_mode) and stat.S_IMODE(pipe.stat().st_mode) == 0o644
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]
