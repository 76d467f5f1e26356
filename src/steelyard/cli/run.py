"""``steelyard run TASK``: compare the strategies and recommend one."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from steelyard.cli.gates import add_gates, gate_rules, summary_files
from steelyard.cli.options import add_options, run_options
from steelyard.commands import command
from steelyard.printing import say, say_json

if TYPE_CHECKING:
    from steelyard.gates import GatedRun

GATE_FAILED = 1
"""Exit code where the run ended well and does not keep a gate."""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "run",
        help="compare the strategies on a task and recommend one",
        description="Fit each strategy, answer the test examples, and write result.json, "
        "report.html and winner/. Run the same command again to resume after an interruption. "
        "Exit codes: 0 done, 1 a gate failed (--fail-…), 2 a mistake or a limit.",
    )
    add_options(verb)
    verb.add_argument(
        "--json", action="store_true", help="print result.json on stdout and nothing else"
    )
    add_gates(verb)
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Run the task; print the verdict, or with ``--json`` the result; then what its gates say."""
    from steelyard.gates import run_gated
    from steelyard.planning.options import RunOptions
    from steelyard.progress import display_for

    rules, files = gate_rules(args), summary_files(args)
    options, display = RunOptions(**run_options(args)), display_for(quiet=args.json)
    gated = run_gated(args.task, args.out, options, rules, files, display)
    if args.json:
        say_json(gated.run.result)
    else:
        _show(gated)
    return _exit_code(gated)


def _show(gated: GatedRun) -> None:
    from steelyard.cli.report import show

    outcome = gated.run
    show(outcome.record, outcome.report)
    if outcome.winner is not None:
        say(f'ask it:  {command("ask", outcome.winner)} "…"')
    for gate in gated.gating.having("passed"):
        say(f"gate: {gate.line}")


def _exit_code(gated: GatedRun) -> int:
    """Say on stderr which gates failed. One that could not be checked counts as an error."""
    for gate in gated.gating.having("failed"):
        say(f"steelyard: gate: {gate.line}", file=sys.stderr)
    unchecked = gated.gating.having("error")
    for gate in unchecked:
        say(f"steelyard: error: {gate.line}", file=sys.stderr)
    return 2 if unchecked else GATE_FAILED if gated.gating.having("failed") else 0
