"""``steelyard data check TASK-or-FILE``: what is wrong with the examples."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.cli.data.documents import with_documents
from steelyard.cli.data.options import add_columns, add_source
from steelyard.cli.options import file_path, names
from steelyard.commands import command
from steelyard.printing import console, printable, say, say_json

if TYPE_CHECKING:
    from steelyard.data.audit import OnCheck
    from steelyard.data.dataset import Dataset
    from steelyard.result import DataAudit

_PAGES = (".html", ".htm")
_FAIL_ON = ("error", "warning", "note")


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "check",
        help="audit examples before anything is spent on them",
        description="Look for what makes measuring or training on these examples mislead, each "
        "finding with its rows. Nothing is changed; 'data fix' repairs, 'data label' reviews.",
    )
    add_source(verb)
    add_columns(verb)
    verb.add_argument("--only", metavar="A,B", type=names, help="make these checks only")
    verb.add_argument(
        "--tuning", metavar="PROVIDER", help="check against one provider's fine-tuning rules"
    )
    encoder = verb.add_mutually_exclusive_group()
    encoder.add_argument(
        "--encoder", action="store_true", default=None, help="always look for paraphrases"
    )
    encoder.add_argument(
        "--no-encoder", dest="encoder", action="store_false", help="do not look for paraphrases"
    )
    verb.add_argument("--seed", metavar="N", type=int, default=0, help="default: 0")
    verb.add_argument(
        "--rows", metavar="N", type=int, default=3, help="rows shown of each finding (default: 3)"
    )
    verb.add_argument(
        "--html", metavar="FILE", type=file_path, help="write the audit as a page, too"
    )
    verb.add_argument(
        "--redact", metavar="OUT", type=file_path, help="write a copy with private data replaced"
    )
    verb.add_argument(
        "--fail-on", choices=_FAIL_ON, help="exit with 1 if a finding is at least this serious"
    )
    verb.add_argument(
        "--json", action="store_true", help="print the audit as JSON on stdout and nothing else"
    )
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Audit and print; the exit code follows ``--fail-on``."""
    from steelyard.data import CheckOptions, check
    from steelyard.data.formats.write import writer_for
    from steelyard.errors import DataError
    from steelyard.result import DataAudit

    if args.redact is not None and args.redact.exists():
        raise DataError(f"{args.redact} already exists: name another file, nothing was written")
    _check_page(args.source, args.html)
    if args.redact is not None and args.redact.suffix:
        writer_for(args.redact)  # an ending that cannot be written is known before the audit
    options = CheckOptions(encoder=args.encoder, tuning=args.tuning, seed=args.seed)
    audit = check(
        args.source,
        options,
        only=_of_rows(args.only),
        columns=args.columns,
        on_check=_progress(quiet=args.json),
    )
    facts, task_name = audit.to_dict(), audit.dataset.task.name
    facts = with_documents(facts, audit.dataset, args.only)
    record = DataAudit.model_validate(facts)
    if args.json:
        say_json(facts)
    else:
        _show(record, task_name, args.rows)
        for line in _next(record, args):
            say(line)
    if args.html is not None:
        _write_page(args.html, record, task_name)
    if args.redact is not None:
        _redact(audit.dataset, args.redact)
    return int(_fails(facts["findings"], args.fail_on))


def _of_rows(only: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The checks of rows among those that are named. Raises `ConfigError` for a name of none."""
    from steelyard.data.checks import CHECKS
    from steelyard.errors import ConfigError, closest
    from steelyard.planning.documents_audit import CHECKS as OF_DOCUMENTS

    if only is None:
        return None
    names = (*CHECKS, *OF_DOCUMENTS)
    for name in only:
        if name not in names:
            raise ConfigError(
                f"unknown check {name!r}{closest(name, names)}; known: {', '.join(names)}"
            )
    return tuple(name for name in only if name not in OF_DOCUMENTS)


def _check_page(source: Path, page: Path | None) -> None:
    """Refuse a place for the page before the audit, which may take minutes."""
    from steelyard.errors import ConfigError
    from steelyard.files import check_target, note_source

    if source.is_file():
        note_source(source)
    if page is None:
        return
    check_target(page)
    if page.exists() and page.suffix.lower() not in _PAGES:
        raise ConfigError(f"{page} exists and is not a page: name a new file, or one in .html")


def _progress(*, quiet: bool) -> OnCheck | None:
    """Name the check at work on one line of a terminal's stderr."""
    if quiet or not sys.stderr.isatty():
        return None

    def show(name: str, done: int, total: int) -> None:
        line = f"\r\x1b[K{done + 1}/{total} {printable(name)}"
        print(line, end="", file=sys.stderr, flush=True)
        if done + 1 == total:
            print("\r\x1b[K", end="", file=sys.stderr)

    return show


def _show(record: DataAudit, task_name: str, rows: int) -> None:
    from steelyard.report import audit_text

    text = audit_text(record, task_name, rows)
    console(soft_wrap=True).print(text, highlight=False)


_REPAIRED = ("exact_duplicates", "output_hygiene")
_REVIEWED = ("label_errors", "contradictions", "near_duplicates")


def _next(record: DataAudit, args: argparse.Namespace) -> list[str]:
    """The commands that repair and review what was found."""
    found = {finding.check for finding in record.findings if finding.severity != "note"}
    lines = []
    if any(finding.check in _REVIEWED for finding in record.findings):
        lines.append(f"review: {command('data', 'label', args.source, columns=args.columns)}")
    if found.intersection(_REPAIRED) or _has_bad_rows(record):
        words = ("data", "fix", args.source, "OUT")
        lines.append(f"repair: {command(*words, columns=args.columns)}")
    return ["", *lines] if lines else []


def _has_bad_rows(record: DataAudit) -> bool:
    return any(fact.about == "bad" for fact in record.understood)


def _write_page(path: Path, record: DataAudit, task_name: str) -> None:
    from steelyard.errors import StorageError
    from steelyard.files import write_whole
    from steelyard.report import render_audit

    try:
        write_whole(path, render_audit(record, task_name), private=True)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from None
    say(f"page: {path}", file=sys.stderr)


def _redact(data: Dataset, target: Path) -> None:
    """Write a copy of one file, or of all files of a task into a folder, sharing placeholders."""
    from steelyard.data.private.files import redact_file
    from steelyard.private.phones import regions_of
    from steelyard.private.redact import PlaceholderBook

    book = PlaceholderBook(regions_of(example.input for example in data.examples))
    paths = data.task.example_paths
    if len(paths) > 1:
        target.mkdir(parents=True, exist_ok=True)
    same = len({path.name for path in paths.values()}) < len(paths)
    for part, path in paths.items():
        name = f"{part}-{path.name}" if same else path.name
        copy = target / name if len(paths) > 1 else target
        say(f"redacted copy: {copy} ({redact_file(path, copy, book)})", file=sys.stderr)


def _fails(findings: list[dict[str, str]], fail_on: str | None) -> bool:
    if fail_on is None:
        return False
    failing = _FAIL_ON[: _FAIL_ON.index(fail_on) + 1]
    return any(finding["severity"] in failing for finding in findings)
