"""The calculator's answer on a terminal: ways in columns, parts in rows, then what to know of it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from steelyard.calculator.amounts import Range
from steelyard.calculator.records import (
    BreakEvenFigures,
    CostAnswer,
    MachineFigures,
    PriceNote,
    WayFigures,
    leading,
)
from steelyard.calculator.show import (
    count,
    count_range,
    money,
    money_range,
    number_range,
    turns_text,
)
from steelyard.economics.choice_map import ChoiceMap
from steelyard.economics.money import DAYS_PER_MONTH
from steelyard.economics.simulate import Simulation, Swing
from steelyard.words import chance, counted, listed

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 100
_DASH = "-"
_CHANGES = 6
_MIDDLE = "with amounts in the middle of their ranges, "
_OPTIONAL = {"search", "training"}
"""A way that is not tuned is whole without them."""


def answer_text(answer: CostAnswer, width: int = WIDTH) -> tuple[str, str]:
    """What stands before the table, and what follows it: break-even, what is left out, prices."""
    head = [line for line in (answer.name, answer.about) if line]
    head.append(_traffic(answer))
    tail = ["", _verdict(answer)] if len(answer.ways) > 1 else [""]
    tail += _break_evens(answer)
    tail += [_machine(way.name, way.machine, answer.currency) for way in answer.ways if way.machine]
    tail += _scenarios(answer, answer.scenarios) if answer.scenarios else []
    tail += [_life(way, answer) for way in answer.ways if way.until_end is not None]
    tail += _section("Not counted", [_not_counted(answer)] if _not_counted(answer) else [])
    tail += _section("Not used", [", ".join(answer.not_used)] if answer.not_used else [])
    middle = " (amounts in the middle of their ranges)" if answer.has_ranges else ""
    between = f" between {listed(answer.left_out_between)}" if answer.left_out_between else ""
    tail += _section(
        f"What the sum leaves out{between}, and where that alone turns it{middle}",
        [omission.text for omission in answer.left_out],
    )
    tail += _section(f"Prices as of {answer.day}", [_price(note) for note in answer.prices])
    tail += _section("Note", list(answer.notes))
    return _filled(head, width), _filled(tail, width)


def _traffic(answer: CostAnswer) -> str:
    volume = f"{count(answer.requests_per_day)} requests a day"
    percent = abs(100 * answer.growth_per_month).normalize()
    change = "growing" if answer.growth_per_month > 0 else "shrinking"
    growth = f", {change} {percent:f} % a month" if percent else ""
    peak = f", peak {answer.peak:f} times the average" if answer.peak != 1 else ""
    return f"{volume}{growth}{peak}; over {counted(answer.horizon_days, 'day')}"


def cost_table(answer: CostAnswer) -> Table:
    """Return the table: what each way costs, part by part."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    grid.add_column("", overflow="fold")
    for way in answer.ways:
        mark = "* " if way.name in answer.cheapest else ""
        grid.add_column(Text(f"{mark}{way.name}"), justify="right", overflow="fold")

    def add(label: str, cells: list[str], style: str = "") -> None:
        grid.add_row(label, *cells, style=style)

    def block(title: str, several: list[Mapping[str, Range]], sums: list[str]) -> None:
        for part in dict.fromkeys(part for parts in several for part in parts):
            add(f"  {part}", [_cell(parts, part, answer.currency) for parts in several])
        add(title, sums, "bold")
        grid.add_section()

    ways, currency = answer.ways, answer.currency
    thousands = [money_range(_thousand(answer, way), currency) for way in ways]
    add("1,000 requests", thousands)
    grid.add_section()
    block(
        "upfront",
        [way.upfront for way in ways],
        [money_range(way.upfront_total, currency) for way in ways],
    )
    block(
        "a month",
        [way.month for way in ways],
        [money_range(way.month_total, currency) for way in ways],
    )
    if any(way.later for way in ways):
        for part in dict.fromkeys(part for way in ways for part in way.later):
            add(f"  {part}, in all", [_cell(way.later, part, currency) for way in ways])
    add(
        f"over {answer.horizon_days:,} days",
        [money_range(way.total, currency) if way.total else "not known" for way in ways],
        "bold",
    )
    return grid


def choice_table(choices: ChoiceMap) -> Table:
    """Return which way is the cheapest: volumes down, horizons across."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    grid.add_column("requests a day", justify="right")
    for months in choices.months:
        grid.add_column(counted(months, "month"), overflow="fold")
    for volume, row in zip(choices.volumes, choices.cheapest, strict=True):
        grid.add_row(count(volume), *(Text(f"{names[0]}{'*' * (len(names) > 1)}") for names in row))
    if any(len(names) > 1 for row in choices.cheapest for names in row):
        grid.caption = Text("* others cost the same", justify="left")
        grid.caption_justify = "left"
    return grid


def _cell(parts: Mapping[str, Range], part: str, currency: str) -> str:
    amount = parts.get(part)
    return _DASH if amount is None else money_range(amount, currency)


def _thousand(answer: CostAnswer, way: WayFigures) -> Range:
    """What 1,000 requests of the first month cost, hours and months among it."""
    requests = answer.requests_per_day * DAYS_PER_MONTH / 1000
    return Range(way.month_total.low / requests, way.month_total.high / requests)


def _verdict(answer: CostAnswer) -> str:
    horizon = counted(answer.horizon_days, "day")
    if not answer.cheapest:
        return (
            f"Cheapest over {horizon}: {' or '.join(answer.may_be_cheapest)}, depending on where in their "
            "ranges the amounts lie."
        )
    if len(answer.cheapest) > 1:
        return f"Cheapest over {horizon}: {listed(answer.cheapest, 12)}, which cost the same."
    text = f"Cheapest over {horizon}: {answer.cheapest[0]}"
    saving = answer.month_saving
    if saving is not None and saving.low > 0:
        saved = money_range(saving, answer.currency)
        text += f", which saves {saved} a month against {answer.next_cheapest}"
    return f"{text}."


def _break_evens(answer: CostAnswer) -> list[str]:
    """Those against the way that costs least upfront, and of the cheapest way; how many more there are."""
    cheapest = answer.leader
    main = leading(answer.break_evens, cheapest) if cheapest else ()
    lines = [_break_even(even, answer.horizon_days) for even in main]
    more = len(answer.break_evens) - len(main)
    pairs = counted(more, "more pair")
    return [*lines, f"Of {pairs}, --json has the break-even."] if more else lines


def _break_even(even: BreakEvenFigures, days: int) -> str:
    name, against = even.way, even.against
    if even.days is None or even.requests is None:
        text = f"{name} pays for itself against {against}: {even.reason}"
    elif even.requests.high == 0:
        text = f"{name} is cheaper than {against} from the first request"
    else:
        requests, after = number_range(even.requests, 0), number_range(even.days, 2)
        text = f"{name} pays for itself against {against} after {requests} requests ({after} days)"
    if even.days is not None and even.reason:
        text += f", {even.reason}"
    at_start = even.requests is not None and even.requests.high == 0
    if even.crossings > (0 if at_start else 1):
        text += f"; {_changes(even)}"
    turns = [(turn.cheaper, count_range(turn.requests_per_day)) for turn in even.volumes]
    if turns:
        middle = _MIDDLE if even.volumes_at_middle else ""
        text += f"; {middle}over {counted(days, 'day')} the cheaper is {turns_text(turns)}"
    return f"{text}."


def _changes(even: BreakEvenFigures) -> str:
    times = "once" if even.crossings == 1 else counted(even.crossings, "time")
    text = f"which is cheaper changes {even.changes_at_middle * 'up to '}{times} within the horizon"
    points = [
        f"{change.cheaper} from day {number_range(change.days, 2)} "
        f"(request {number_range(change.requests, 0)}) on"
        for change in even.changes
    ]
    middle = _MIDDLE if even.changes_at_middle else ""
    more = len(points) - _CHANGES
    points = points[:_CHANGES] + ([counted(more, "later change")] if more > 0 else [])
    return f"{text}: {middle}{listed(points, len(points))}" if points else text


def _scenarios(answer: CostAnswer, simulation: Simulation) -> list[str]:
    """The chances, then what moves the saving of the cheapest against the next most."""
    draws = simulation.scenarios
    chances = [
        f"{name} with chance {chance(share, draws)}" for name, share in simulation.cheapest.items()
    ]
    lines = [f"the cheapest: {listed(chances, 12)}"]
    has_errors = any("errors" in way.month for way in answer.ways)
    errors = ", wrong answers included," if has_errors else ""
    for pays in simulation.pay_back:
        text = (
            f"{pays.arm} has paid for itself against {pays.against}{errors} by the end with chance "
            f"{chance(pays.chance, draws)}"
        )
        if pays.days_low is not None:
            high = "beyond the horizon" if pays.days_high is None else f"{pays.days_high:,.1f} days"
            text += f"; after {pays.days_low:,.1f} days to {high} (90 %)"
        lines.append(text)
    for swing in simulation.tornado:
        lines.append(_swing(answer, swing))
    return _section(f"In {draws:,} scenarios", lines)


def _swing(answer: CostAnswer, swing: Swing) -> str:
    ends = [Decimal(f"{end:.6g}") for end in (swing.low, swing.high)]
    amounts = [money(abs(end), answer.currency) for end in ends]
    text = f"{swing.input} at the 10th and 90th percentile: {answer.leader} costs"
    low, high = (
        f"{a} {'less' if end >= 0 else 'more'}" for a, end in zip(amounts, ends, strict=True)
    )
    return f"{text} {low} and {high} than {answer.next_cheapest}"


def _machine(name: str, machine: MachineFigures, currency: str) -> str:
    paid = "busy hours are paid" if machine.is_shared else "every hour is paid"
    replicas = counted(machine.replicas, "machine")
    if machine.replicas_at_end != machine.replicas:
        replicas += f", {machine.replicas_at_end:,} at the end"
    return (
        f"{name}: {replicas}; in a month {machine.busy_hours:,.1f} hours busy "
        f"({money(machine.as_busy.low, currency)}) and {machine.on_hours:,.0f} hours on "
        f"({money(machine.as_on.low, currency)}); {paid}."
    )


def _life(way: WayFigures, answer: CostAnswer) -> str:
    parts = [f"{way.name} ends on day {way.ends_on_day}"]
    if way.until_end is not None:
        parts.append(f"up to then {money_range(way.until_end, answer.currency)}")
    if way.total is not None:
        parts.append(f"with a rebuild {money_range(way.total, answer.currency)}")
    if way.without_end is not None:
        parts.append(f"if it went on {money_range(way.without_end, answer.currency)}")
    return f"{': '.join(parts[:2])}, {', '.join(parts[2:])}."


def _not_counted(answer: CostAnswer) -> str:
    """What no way has an amount for, then what some have."""
    missing = [set(way.not_counted) for way in answer.ways]
    every = [kind for kind in answer.ways[0].not_counted if all(kind in kinds for kinds in missing)]
    texts = [f"for any way: {', '.join(every)}"] if every else []
    for way, kinds in zip(answer.ways, missing, strict=True):
        whole = {"search"} if way.is_tuned else _OPTIONAL
        alone = [kind for kind in way.not_counted if kind in kinds - set(every) - whole]
        texts += [f"for {way.name}: {', '.join(alone)}"] if alone else []
    return "; ".join(texts)


def _price(note: PriceNote) -> str:
    if note.age_days is not None:
        age = f"{counted(note.age_days, 'day')} old"
    else:
        age = "later than that day" if note.date else "no date given"
    mark = ", older than 180 days" if note.is_stale else ""
    if note.is_book:
        return f"{note.name}: {note.amounts}; {note.source}{mark}"
    day = f"{note.date}, " if note.date else ""
    return f"{note.name}: {note.amounts}; {note.source} ({day}{age}{mark})"


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"{title}:", *(f"  - {line}" for line in lines)] if lines else []


def _filled(lines: list[str], width: int) -> str:
    wrapped = []
    for line in lines:
        indent = "    " if line.startswith("  - ") else ""
        wrapped.append(textwrap.fill(line, width, subsequent_indent=indent, break_on_hyphens=False))
    return "\n".join(wrapped)
