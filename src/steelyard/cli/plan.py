"""``steelyard plan TASK``: what a run would ask, cost and take, before anything is spent."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from steelyard.cli.options import add_options, run_options
from steelyard.cli.trust import agreeing
from steelyard.printing import console, say_json

if TYPE_CHECKING:
    from rich.table import Table

    from steelyard.planning.outlook import Outlook, PlanLine, PlanTotal

_DASH = "-"


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "plan",
        help="forecast what a run would ask, cost and take at most",
        description="Forecast a run without asking any model: requests, tokens, money and time for "
        "each strategy and model, at most. Takes the same options as run.",
    )
    add_options(verb)
    verb.add_argument("--json", action="store_true", help="print the figures on stdout as JSON")
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Print the forecast as a table, or with ``--json`` as data."""
    from steelyard.planning.forecast import plan
    from steelyard.planning.plan import default_folder
    from steelyard.weigh.opening import check_trust, with_former

    outlook = plan(args.task, args.out, **run_options(args))
    folder = args.out or default_folder(outlook.plan)
    outlook = replace(outlook, plan=with_former(outlook.plan, folder))
    if args.trust:
        agreeing(lambda: check_trust(outlook.plan), trust=True)
    if args.json:
        say_json(outlook.to_dict(), default=str)
        return 0
    _show(outlook)
    return 0


def _show(outlook: Outlook) -> None:
    from steelyard.planning.jobs import left_out_texts
    from steelyard.planning.plan import about_kept, headlines

    screen = console()
    for line in headlines(outlook.plan, outlook.audit):
        screen.print(line, highlight=False)
    screen.print(_table(outlook))
    lines = [f"audit: {finding}" for finding in outlook.audit.errors]
    lines += about_kept(outlook.plan)
    lines += [f"left out: {text}" for text in left_out_texts(outlook.plan.left_out)]
    lines += [f"warning: {warning}" for warning in outlook.warnings]
    lines += [f"assumed: {entry}" for entry in outlook.assumptions]
    for line in lines:
        screen.print(line, highlight=False)


def _table(outlook: Outlook) -> Table:
    from rich import box
    from rich.table import Table

    from steelyard.report.terminal import ArmLabel

    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    table.add_column("At most", overflow="fold")
    for name in ("Search", "Test", "Probes", "Tokens in", "out", "Money", "Time"):
        table.add_column(f" {name}", justify="right", overflow="fold")
    for line in outlook.lines:
        name, *figures = _cells(line)
        table.add_row(ArmLabel("", name), *figures)
    table.add_section()
    if len(outlook.plan.models) > 1:
        for model in outlook.plan.models:
            table.add_row(*_sum_cells(f"all on {model.tag}", outlook.total(model.tag)))
    total = outlook.total()
    table.add_row(*_sum_cells(f"all, {total.requests:,} requests", total), style="bold")
    return table


def _cells(line: PlanLine) -> list[str]:
    if line.requests is None:
        return [line.strategy, *[_DASH] * 6, line.note]
    if line.model is None and not line.usage.input_tokens:
        return [line.strategy, *["0"] * 5, _DASH, _DASH]
    return [line.strategy, *_figures(line.requests, line)]


def _sum_cells(name: str, total: PlanTotal) -> list[str]:
    return [name, *_figures(total.requests_by_phase, total)]


def _figures(requests: Mapping[str, int], of: PlanLine | PlanTotal) -> list[str]:
    from steelyard.report import formats

    counts_by_phase = {phase: requests.get(phase, 0) for phase in ("search", "test", "rescore")}
    counts = [counts_by_phase["search"], counts_by_phase["test"] + counts_by_phase["rescore"]]
    counts.append(sum(requests.values()) - sum(counts_by_phase.values()))
    tokens = [of.usage.input_tokens, of.usage.output_tokens]
    money = formats.money(of.cost.amount, of.cost.currency)
    time = formats.seconds(of.seconds or None)
    return [formats.plain(cell) for cell in (*map(formats.count, [*counts, *tokens]), money, time)]
