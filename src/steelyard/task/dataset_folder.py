"""The files of a Hugging Face datasets folder, as ``save_to_disk`` or the hub lays them out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.errors import DataError
from steelyard.files import read_json

STATE = "state.json"
INFO = "dataset_info.json"
SPLITS = "dataset_dict.json"
MANIFEST = "manifest.json"
_SPLIT_WORDS = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "evaluation": "validation",
    "training": "train",
    "testing": "test",
    "dev": "validation",
    "eval": "validation",
    "test": "test",
}
_LONGEST_NAME = 200  # characters
_WORD = re.compile(r"[a-z]+")
_NOT_DATA = {STATE, INFO, SPLITS, "dataset_infos.json", MANIFEST, "result.json"}
_ENDINGS = tuple(".parquet .arrow .jsonl .jsonl.gz .ndjson .json .csv .csv.gz .tsv".split())


class FolderSplit(NamedTuple):
    """A split of a data set and its files in order; ``name`` is ``None`` where there are no splits."""

    name: str | None
    files: tuple[Path, ...]


_PARTS = {"train": "train", "validation": "dev", "test": "test"}


def splits_of(path: Path) -> dict[str, str]:
    """The names of a data set's splits by the part they are for: ``train``, ``dev``, ``test``."""
    named = [part.name for part in parts_of(path) if part.name is not None]
    words = {name: _SPLIT_WORDS.get(name.lower(), name) for name in named}
    return {_PARTS[word]: name for name, word in words.items() if word in _PARTS}


def others_of(path: Path) -> list[str]:
    """The names of splits, or of data files beside splits, that are for no part."""
    used = set(splits_of(path).values())
    others = [part.name for part in parts_of(path) if part.name not in {None, *used}]
    if used and not any((path / name).is_file() for name in (STATE, SPLITS)):
        others += [file.name for file in _data_files(path) if _split_of(file.name) is None]
    return [name for name in others if name is not None]


def _split_in(path: Path) -> tuple[FolderSplit, ...]:
    """A split named behind its data set, ``sst2/train``, where that is no folder of its own."""
    if path.exists() or not is_dataset_folder(path.parent):
        return ()
    return tuple(part for part in parts_of(path.parent) if part.name == path.name)


def is_dataset_folder(path: Path) -> bool:
    """Whether ``path`` is a folder that holds a data set (and no task), or a split in one."""
    if not path.exists() and len(path.parts) > 1:
        return bool(_split_in(path))
    if not path.is_dir() or (path / "task.yaml").exists():
        return False
    if any((path / name).is_file() for name in (STATE, SPLITS)):
        return True
    try:
        return any(part.name is not None for part in _hub_parts(path))
    except OSError:
        return False


def holds_examples(path: Path) -> bool:
    """Whether ``path`` is a file of rows by its name, or a data set; ``.json`` may be a task as well."""
    name = path.name.lower()
    is_file = path.is_file() and name.endswith(_ENDINGS) and not name.endswith(".json")
    return is_file or is_dataset_folder(path)


def parts_of(path: Path) -> tuple[FolderSplit, ...]:
    """The splits of a data set with their files. Raises `DataError` where there are none."""
    if found := _split_in(path):
        return (found[0]._replace(name=None),)
    if (path / SPLITS).is_file():
        names = _names(path / SPLITS)
        return tuple(FolderSplit(name, _saved_files(path / name)) for name in names)
    if (path / STATE).is_file():
        return (FolderSplit(None, _saved_files(path)),)
    parts = _hub_parts(path)
    if not parts:
        raise DataError(
            f"{path} is not a data set: name a folder written by datasets' save_to_disk, one with "
            "data/train-….parquet, or a file"
        )
    return parts


def files_of(path: Path) -> list[Path]:
    """The files of a data set in order; a file is its own."""
    if path.is_file() or not is_dataset_folder(path):
        return [path]
    return [file for part in parts_of(path) for file in part.files]


def _saved_files(folder: Path) -> tuple[Path, ...]:
    state = _json(folder / STATE)
    files = state.get("_data_files") if isinstance(state, dict) else None
    try:
        names = [entry["filename"] for entry in files or []]
    except (TypeError, KeyError):
        names = []
    if not names or not all(map(_is_name, names)):
        raise DataError(f"{folder / STATE} names no data files under _data_files")
    return tuple(folder / name for name in names)


def _names(path: Path) -> list[str]:
    contents = _json(path)
    names = contents.get("splits") if isinstance(contents, dict) else None
    if not isinstance(names, list) or not names:
        raise DataError(f"{path} lists no splits")
    if not all(map(_is_name, names)):
        raise DataError(f"{path} lists a split that is not a folder name")
    return names


def _is_name(name: object) -> bool:
    """Whether it names a file in the folder: not one elsewhere, nor the folder itself."""
    return (
        isinstance(name, str)
        and Path(name).name == name
        and name not in ("", "..")
        and name.isprintable()
        and len(name) <= _LONGEST_NAME
    )


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except ValueError:
        raise DataError(f"{path} is not JSON: save the data set again") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


def _hub_parts(path: Path) -> tuple[FolderSplit, ...]:
    """Data files in the folder or in ``data/`` by split, as the hub tells splits from file names."""
    by_split: dict[str | None, list[Path]] = {}
    for file in _data_files(path):
        by_split.setdefault(_split_of(file.name), []).append(file)
    named = [name for name in dict.fromkeys(_SPLIT_WORDS.values()) if name in by_split]
    if named:
        return tuple(FolderSplit(name, tuple(by_split[name])) for name in named)
    return (FolderSplit(None, tuple(by_split[None])),) if len(by_split.get(None, ())) == 1 else ()


def _subsets(folder: Path) -> set[str]:
    """The files of nested training subsets that ``data split`` wrote next to the parts."""
    try:
        manifest = read_json(folder / MANIFEST)
        return {str(subset["file"]) for subset in manifest["subsets"]}
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def _data_files(path: Path) -> list[Path]:
    folder = path / "data" if (path / "data").is_dir() else path
    skipped = _NOT_DATA | _subsets(folder)
    return [
        file
        for file in sorted(folder.iterdir())
        if file.is_file() and file.name not in skipped and file.name.lower().endswith(_ENDINGS)
    ]


def _split_of(name: str) -> str | None:
    word = _WORD.match(name.lower())
    return _SPLIT_WORDS.get(word[0]) if word else None
