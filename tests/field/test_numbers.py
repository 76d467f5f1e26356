"""Numbers among other text, in a task of numbers: the answer is read rightly, or it failed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.field.runs import NUMBERS, TicketOutcome, says, weigh_tickets

RIGHT: dict[str, Callable[[str], str]] = {
    "plain": str,
    "bold": lambda number: f"**{number}**",
    "boxed": lambda number: f"So $x = \\boxed{{{number}}}$.",
    "sentence": lambda number: f"The answer is {number}.",
    "after-steps": lambda number: f"3 rows of 4, less 9, and 2024 more. The answer is {number}.",
    "hash-marks": lambda number: f"First 5, then 8.\n#### {number}",
    "thinks": lambda number: f"<think>99? No, 98.</think>{number}",
    "unit": lambda number: f"{number} cm^2",
    "currency": lambda number: f"${number}" if number[0] != "-" else f"-${number[1:]}",
    "minus-sign": lambda number: number.replace("-", "−"),
    "grouped": lambda number: f"{float(number):,.1f}",
    "spaced": lambda number: f"{float(number):,.1f}".replace(",", "\u202f"),
    "latex-groups": lambda number: f"{float(number):,.1f}".replace(",", "{,}"),
    "power": lambda number: f"${float(number) / 1000!r} \\times 10^{{3}}$",
    "exponent": lambda number: f"{float(number):e}",
    "full-width": lambda number: "".join(
        chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in number
    ),
    "footnote": lambda number: f"The answer is {number}[1].",
}
FAILED: dict[str, str] = {
    "range": "between 10 and 20",
    "or": "12 or 13",
    "refuses": "I'm sorry, I can't help with that.",
    "date": "2024-12-05",
    "time": "12:34",
    "version": "1.2.3",
    "words": "a great many",
    "nothing": "",
    "not-a-number": "NaN",
    "infinite": "infinity",
    "name-with-digits": "GPT-4",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TicketOutcome]:
    behaviours = {
        f"{form}-{place}": says(answer)
        for form, answer in RIGHT.items()
        for place, _ in enumerate(NUMBERS)
    }
    behaviours |= {name: says(lambda _, text=text: text) for name, text in FAILED.items()}
    return weigh_tickets(
        tmp_path_factory.mktemp("numbers"),
        behaviours,
        words=NUMBERS,
        instruction="How much is it?",
        output={"kind": "text"},
        metric="numeric",
        max_output_tokens=200,
    )


@pytest.mark.parametrize("form", RIGHT)
def test_a_number_is_read_however_it_is_written(
    outcomes: dict[str, TicketOutcome], form: str
) -> None:
    for place, _ in enumerate(NUMBERS):
        outcomes[f"{form}-{place}"].check_right()


@pytest.mark.parametrize("name", FAILED)
def test_what_is_no_one_number_is_none(outcomes: dict[str, TicketOutcome], name: str) -> None:
    outcomes[name].check_failed()
