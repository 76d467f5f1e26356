"""``steelyard data split TASK-or-FILE --out DIR``: files for train, dev, test and learning curves."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from steelyard.cli.data.options import add_columns, add_source
from steelyard.cli.options import file_path
from steelyard.commands import command
from steelyard.printing import say, say_json

if TYPE_CHECKING:
    from steelyard.data.splitting import SplitFiles

_SHOWN = 5


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "split",
        help="cut examples into train, dev and test files",
        description="Write train, dev and test files in the format of the source, nested training "
        "subsets on request, and a manifest with the hash of each file. A task also gets a "
        "task.yaml that names the files. The same source, seed and options make the same bytes.",
    )
    add_source(verb, optional=True)
    verb.add_argument("--out", metavar="DIR", type=file_path, help="a folder to make")
    verb.add_argument(
        "--by",
        choices=("label", "group", "time", "given"),
        help="label: stratified, duplicates and groups together (default); group: whole groups; "
        "time: the newest are for test; given: the parts that the task's files are",
    )
    for part in ("train", "dev", "test"):
        verb.add_argument(f"--{part}", metavar="X", type=float, help=f"share for {part}, 0 to 1")
    verb.add_argument(
        "--subsets",
        metavar="50,100",
        type=_sizes,
        default=(),
        help="nested training sizes, or auto",
    )
    verb.add_argument("--seed", metavar="N", type=int, default=0, help="default: 0")
    add_columns(verb)
    verb.add_argument("--force", action="store_true", help="replace an earlier split in DIR")
    verb.add_argument(
        "--verify",
        metavar="DIR",
        type=file_path,
        help="check the files of an earlier split, and stop",
    )
    verb.add_argument("--json", action="store_true", help="print the manifest and nothing else")
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Split and show the parts, or check the hashes of an earlier split."""
    from steelyard.data import split
    from steelyard.errors import ConfigError

    if args.verify is not None:
        return _verify(args.verify)
    if args.source is None or args.out is None:
        raise ConfigError("data split needs a source and a folder: data split my.csv --out DIR")
    shares = {part: getattr(args, part) for part in ("train", "dev", "test")}
    files = split(
        args.source,
        args.out,
        by=args.by,
        seed=args.seed,
        fractions={part: share for part, share in shares.items() if share is not None},
        subsets=args.subsets,
        columns=args.columns,
        force=args.force,
    )
    if args.json:
        say_json(files.manifest)
    else:
        _show(files)
        _say_next(files, args.columns)
    return 0


def _verify(folder: Path) -> int:
    from steelyard.data.splitting import verify

    problems = verify(folder)
    for problem in problems:
        say(f"{folder}: {problem}")
    if not problems:
        say(f"{folder}: every file matches the manifest")
    return int(bool(problems))


def _show(files: SplitFiles) -> None:
    from steelyard.words import counted

    manifest = files.manifest
    total = sum(part["rows"] for part in manifest["parts"].values())
    say(f"{counted(manifest['rows'], 'row')}, by {manifest['method']}, seed {manifest['seed']}")
    for name, part in manifest["parts"].items():
        say(
            f"  {name:<6}{part['rows']:>8,}  {part['rows'] / total:>4.0%}  {_labels(part)}".rstrip()
        )
    if manifest["subsets"]:
        sizes = ", ".join(str(subset["size"]) for subset in manifest["subsets"])
        say(f"  nested training subsets: {sizes}")
    for note in manifest["notes"]:
        say(f"  note: {note}")
    left_out = manifest["left_out"]
    if left_out:
        say(f"  left out: {counted(len(left_out), 'row')}, all listed in manifest.json")
        for row in left_out[:_SHOWN]:
            say(f"    row {row['row']} ({row['source']}): {row['reason']}")


def _say_next(files: SplitFiles, columns: Mapping[str, str | None]) -> None:
    """Say where the files are and what comes next: a run of the new task, or a task over them."""
    following = (
        command("run", files.folder)
        if files.task
        else command("init", "DIR", "--from", files.folder, columns=columns)
    )
    say(f"wrote {files.folder}; next: {following}")


def _labels(part: Mapping[str, Any]) -> str:
    counts = part["labels"]
    if not counts:
        return ""
    low, high = min(counts.values()), max(counts.values())
    span = f"{low}" if low == high else f"{low} to {high}"
    return f"{len(counts)} labels, {span} of each"


def _sizes(text: str) -> tuple[int, ...] | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected sizes such as 50,100,200, got {text!r}"
        ) from None
