"""``steelyard data label TASK-or-FILE``: look at the rows that the audit doubts most."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.cli.data.options import add_columns, add_source
from steelyard.cli.options import file_path, names
from steelyard.commands import command
from steelyard.printing import say

if TYPE_CHECKING:
    from steelyard.data.review import Review


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "label",
        help="review the rows that the audit doubts most, one key each",
        description="Takes suspected label errors, contradictions and near-duplicates in turn. Every "
        "answer is saved at once; run the same command again to resume. The source is never "
        "changed: 'data fix SRC OUT --answers FILE' applies the answers.",
    )
    add_source(verb)
    verb.add_argument(
        "--answers",
        metavar="FILE",
        type=file_path,
        help="default: next to the file, or in the task's folder",
    )
    verb.add_argument("--limit", metavar="N", type=int, help="at most N rows in this session")
    verb.add_argument(
        "--only",
        metavar="A,B",
        type=names,
        help="of label_errors, contradictions, near_duplicates (default: all)",
    )
    add_columns(verb)
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Review, then say how far it is and how to apply the answers."""
    from steelyard.data import label
    from steelyard.data.reviews.doubts import CHECKS

    review = label(
        args.source,
        answers=args.answers,
        checks=args.only or CHECKS,
        limit=args.limit,
        columns=args.columns,
    )
    _show(review, args.source, args.columns)
    return 0


def _show(review: Review, source: Path, columns: Mapping[str, str | None]) -> None:
    from steelyard.words import counted

    for reason in review.reasons:
        say(f"note: {reason}")
    if not review.doubted:
        say("nothing to review: these checks found no doubtful rows")
        return
    counts = ", ".join(f"{count:,} {action}" for action, count in review.counts.items())
    rows = counted(review.doubted, "doubtful row")
    say(f"\n{review.answered:,} of {rows} answered{f' ({counts})' if counts else ''}")
    if review.answered:
        words = ("data", "fix", source, "OUT", "--answers", review.answers)
        say(f"apply:  {command(*words, columns=columns)}")
    if review.left:
        say(f"resume: run the same command again; {review.left:,} left")
