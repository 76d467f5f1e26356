"""The options of ``run`` for CI: its gates, and the files that CI shows."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from steelyard.cli.options import file_path, names
from steelyard.errors import ConfigError, closest

if TYPE_CHECKING:
    from steelyard.gates import GateRules, SummaryFiles


def add_gates(verb: argparse.ArgumentParser) -> None:
    """Add the options, in a group of their own."""
    group = verb.add_argument_group("for CI", "exit with 1 where the finished run fails a gate")
    group.add_argument(
        "--fail-below",
        metavar="QUALITY",
        type=_share,
        help="fail if the recommended arm's quality is below this share, such as 0.85",
    )
    group.add_argument(
        "--fail-if-worse-than",
        metavar="RUN",
        type=file_path,
        help="fail if the recommended arm is shown to be worse than that of the run in this folder "
        "(paired test on the same examples, one-sided at 5 %%)",
    )
    group.add_argument(
        "--fail-on",
        metavar="WORD",
        type=names,
        default=(),
        help="undecided: fail without a recommendation",
    )
    group.add_argument("--junit", metavar="FILE", type=file_path, help="write JUnit XML (.xml)")
    group.add_argument(
        "--markdown", metavar="FILE", type=file_path, help="write a summary for a comment (.md)"
    )


def gate_rules(args: argparse.Namespace) -> GateRules:
    """Return the gates that were asked for. Raises `ConfigError` for an unknown word."""
    from steelyard.gates import FAIL_ON, GateRules

    for word in args.fail_on:
        if word not in FAIL_ON:
            hint, known = closest(word, FAIL_ON), ", ".join(FAIL_ON)
            raise ConfigError(f"--fail-on: unknown word {word!r}{hint}; known: {known}")
    return GateRules(args.fail_below, args.fail_if_worse_than, args.fail_on)


def summary_files(args: argparse.Namespace) -> SummaryFiles:
    """Return where the summaries go. Raises `ConfigError` for a file of another kind."""
    from steelyard.gates import SummaryFiles

    return SummaryFiles(args.junit, args.markdown)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share such as 0.85") from None
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a share above 0 and up to 1, such as 0.85"
        )
    return value
