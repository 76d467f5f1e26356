"""``steelyard data convert IN OUT --to FORMAT``: the same rows in another format."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from steelyard.cli.data.options import add_columns
from steelyard.cli.options import file_path
from steelyard.printing import console, say, say_json
from steelyard.words import counted

if TYPE_CHECKING:
    from steelyard.data.conversion import Conversion
    from steelyard.data.guess import Source
    from steelyard.progress import OnProgress

_FORMATS = (
    "prompt_completion, openai, azure, together, fireworks, mistral, sharegpt, alpaca, preference, "
    "hf (a datasets folder), parquet, csv, tsv"
)
_SHOWN = 10
_DECLINED = 1


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "convert",
        help="write examples in another format",
        description="IN's format is detected from its name and first rows, and shown: JSON Lines, JSON, "
        "CSV, TSV, Parquet, a datasets folder, .gz or .zip of the text ones; with prompt and "
        "completion, chat, ShareGPT, Alpaca, preference pairs, or logs of requests and responses "
        "in it. Rows that FORMAT cannot hold go to OUT.left-out.jsonl with the reason.",
    )
    verb.add_argument("source", metavar="IN", type=file_path, help="a file, or a datasets folder")
    verb.add_argument(
        "target", metavar="OUT", type=file_path, help="a new file; its extension sets the file type"
    )
    verb.add_argument("--to", metavar="FORMAT", required=True, help=f"one of {_FORMATS}")
    add_columns(verb, "input=A,output=B", "which columns hold what")
    verb.add_argument("--system", metavar="TEXT", help="a system message for rows that have none")
    verb.add_argument("--yes", action="store_true", help="do not ask about guessed columns")
    verb.add_argument("--force", action="store_true", help="replace OUT")
    verb.add_argument(
        "--json", action="store_true", help="print the outcome as JSON on stdout and nothing else"
    )
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Show what IN holds, ask where that is a guess, convert, and report what was lost or left out."""
    from steelyard.data.conversion import convert
    from steelyard.data.guess import look
    from steelyard.errors import DataError

    if not args.source.exists():
        raise DataError(f"no file {args.source}: name the file or folder to convert")
    source = look(args.source, args.columns)
    _show_source(source)
    if source.is_guess and not args.yes and not _agreed():
        say("nothing was written; name the columns: --columns input=…,output=…", file=sys.stderr)
        return _DECLINED
    with _progress() as on_progress:
        outcome = convert(
            source,
            args.target,
            to=args.to,
            system=args.system,
            force=args.force,
            on_progress=on_progress,
        )
    if args.json:
        say_json(outcome.to_dict())
    else:
        _show_outcome(outcome)
    return 0


def _show_source(source: Source) -> None:
    say(f"{source.path.name}: {source.container.title}, {source.shape.title}", file=sys.stderr)
    if source.columns:
        named = ", ".join(f"{role} from {name!r}" for role, name in source.columns.items())
        guess = " (guessed; others: --columns input=…,output=…)" if source.is_guess else ""
        say(f"columns: {named}{guess}", file=sys.stderr)
    for note in source.notes:
        say(f"note: {note}", file=sys.stderr)


def _agreed() -> bool:
    """Ask; without a terminal, go on with the columns shown."""
    if not sys.stdin.isatty():
        return True
    say("continue with these columns? [Y/n] ", end="", file=sys.stderr)
    return sys.stdin.readline().strip().lower() in {"", "y", "yes"}


@contextmanager
def _progress() -> Iterator[OnProgress | None]:
    """A bar by bytes read, on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("converting", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show_outcome(outcome: Conversion) -> None:
    say(f"{counted(outcome.written, 'row')} of {outcome.rows:,} written to {outcome.files[0]}")
    if outcome.lost:
        say(f"{outcome.to} cannot hold: {_counts(outcome.lost)}")
    if outcome.left_out:
        say(f"{counted(outcome.left_out, 'row')} left out, listed in {outcome.files[1]}:")
        for reason, count in list(outcome.reasons.items())[:_SHOWN]:
            say(f"  {counted(count, 'row')}: {reason}")
        if len(outcome.reasons) > _SHOWN:
            say(f"  and {len(outcome.reasons) - _SHOWN} more reasons")


def _counts(counts: Mapping[str, int]) -> str:
    items = [f"{name} ({counted(count, 'row')})" for name, count in list(counts.items())[:_SHOWN]]
    more = [f"{len(counts) - _SHOWN} more"] if len(counts) > _SHOWN else []
    return ", ".join(items + more)
