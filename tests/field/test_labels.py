"""Labels that a text holds, denies or looks like: what is not an answer is a failure, never a label.

The endpoint ignores the form that was asked for, as servers without structured output do.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.field.runs import ODD, TicketOutcome, says, weigh_tickets

RIGHT: dict[str, Callable[[str], str]] = {
    "bold": lambda label: f"**{label}**",
    "quoted": lambda label: f"“{label}”",
    "named": lambda label: f"Label: {label}",
    "fenced-json": lambda label: f'```json\n{{"label": "{label}"}}\n```',
    "lower-case": str.lower,
    "minus-sign": lambda label: label.replace("-", "−"),
    "hyphen": lambda label: label.replace("-", "‐"),
    "full-width": lambda label: label.replace("+", "＋").replace("#", "＃"),
    "zero-width": lambda label: f"\u200b{label}\ufeff",
    "line-break": lambda label: f"\n\n{label}\n",
}
FAILED: dict[str, str] = {
    "refuses": "I'm sorry, but I can't help with it.",
    "refuses-long": "As an AI I cannot decide it. It would need more context.",
    "denies": "Not Spam",
    "denies-long": "This isn't Spam.",
    "hesitates": "It could be Spam or Ham.",
    "lists": "IT, Spam, Ham, C, C#, -1, 1, A+",
    "asks": "Which labels are there?",
    "other-plus": "C++",
    "decimal": "1.5",
    "longer-number": "11",
    "range": "-1 to 1",
    "grade-minus": "A-",
    "none": "None of these.",
    "nothing": "",
    "blank": " \n ",
    "question": "?",
    "template": "{label}",
    "null": "null",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TicketOutcome]:
    behaviours = {
        f"{form}-{place}": says(answer)
        for form, answer in RIGHT.items()
        for place, _ in enumerate(ODD)
    }
    behaviours |= {name: says(lambda _, text=text: text) for name, text in FAILED.items()}
    return weigh_tickets(tmp_path_factory.mktemp("labels"), behaviours, words=ODD)


@pytest.mark.parametrize("form", RIGHT)
def test_every_label_is_read_however_it_is_written(
    outcomes: dict[str, TicketOutcome], form: str
) -> None:
    for place, _ in enumerate(ODD):
        outcomes[f"{form}-{place}"].check_right()


@pytest.mark.parametrize("name", FAILED)
def test_what_is_no_label_is_not_read_as_one(outcomes: dict[str, TicketOutcome], name: str) -> None:
    outcomes[name].check_failed()
