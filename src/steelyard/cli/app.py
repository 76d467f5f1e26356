"""Read the command line, call the verb, turn the user's mistakes into one line and exit code 2."""

from __future__ import annotations

import argparse
import errno
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn, cast

from steelyard._version import __version__
from steelyard.cli.trust import advice, agreeing
from steelyard.errors import SteelyardError, UntrustedKeyError, closest
from steelyard.files import NO_ROOM, sources_kept
from steelyard.printing import printable, say, warnings_shown
from steelyard.words import shortened

_VERBS = "run plan train export cost ask init advise data compare report models cache".split()
_INTERRUPTED = 130
_LONGEST_LINE, _LONGEST_NAME = 2000, 200  # characters


class _Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes look like every other: one line, exit code 2."""

    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"invalid choice: '(\S+)' \(choose from (.*)\)", message)
        message += closest(wrong[1], re.findall(r"[\w-]+", wrong[2])) if wrong else ""
        line = shortened(message, _LONGEST_LINE)
        self.exit(2, printable(f"steelyard: error: {line} (see {self.prog} --help)\n"))


def parser() -> argparse.ArgumentParser:
    """Return the parser with every verb."""
    top = _Parser(
        prog="steelyard",
        description="Weigh the ways of adapting a language model to one task on your own data.",
    )
    top.add_argument("--version", action="version", version=f"steelyard {__version__}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in _VERBS:
        import_module(f"steelyard.cli.{verb}").add(verbs)
    return top


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read a command line; an unknown option is refused with the closest one of its verb."""
    top = parser()
    args, unknown = top.parse_known_args(argv)
    if unknown:
        hint = closest(unknown[0].partition("=")[0], _options(top, args))
        top.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return args


def _options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> list[str]:
    """The options of the verb in use."""
    options: list[str] = []
    for action in parser._actions:
        options += action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            options += _options(action.choices[getattr(args, action.dest)], args)
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0: done; 1: done, and a check that was asked for failed (``--fail-…``); 2: a mistake or a limit; 130:
    interrupted.
    """
    try:
        args = _parsed(argv)
    except SystemExit as error:  # argparse leaves this way after --help, --version and mistakes
        return error.code if isinstance(error.code, int) else 2
    call = cast(Callable[[Any], int], args.call)
    try:
        with sources_kept(), warnings_shown():
            return agreeing(lambda: call(args), trust=getattr(args, "trust", False))
    except UntrustedKeyError as error:
        _say_error(f"{error}: {advice(sys.argv[1:] if argv is None else argv)}")
        return error.exit_code
    except SteelyardError as error:
        _say_error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        say("steelyard: interrupted; run again to resume", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            name = shortened(str(error.filename), _LONGEST_NAME)
            _say_error(f"cannot use {name}: {error.strerror}")
            return 2
        if error.errno not in NO_ROOM:
            raise
        _say_error(f"cannot write: {error.strerror}; free some space")
        return 2


def _say_error(message: str) -> None:
    line = shortened(" ".join(message.splitlines()), _LONGEST_LINE)
    say(f"steelyard: error: {line}", file=sys.stderr)
