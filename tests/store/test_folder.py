"""Files are whole or not there, and a full disk is one line."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from steelyard.errors import StorageError
from steelyard.files import write_whole
from steelyard.store.folder import replace_folder, storage_guard, write_result


def test_a_result_with_nan_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_result(tmp_path / "result.json", {"value": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_result(path, {"value": 1})
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half of it \udcff")
    assert json.loads(path.read_text()) == {"value": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "place", "advice"),
    [
        (errno.ENOSPC, None, "free some disk space"),
        (errno.ENOSPC, "/elsewhere/weights", "free some disk space"),
        (errno.EROFS, "inside", "make the folder writable"),
        (errno.EACCES, "inside", "make the folder writable"),
    ],
)
def test_storage_errors_are_one_line(
    number: int, place: str | None, advice: str, tmp_path: Path
) -> None:
    named = str(tmp_path / place) if place == "inside" else place
    with pytest.raises(StorageError, match=advice) as caught, storage_guard(tmp_path):
        raise OSError(number, os.strerror(number), named)
    assert "\n" not in str(caught.value)


def test_what_is_not_storage_stays_itself(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), storage_guard(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere/secret")
    with pytest.raises(FileNotFoundError), storage_guard(tmp_path):
        (tmp_path / "absent").read_text()


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    replace_folder(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old" / "file").read_text() == "new"
    assert not (tmp_path / "new").exists()
