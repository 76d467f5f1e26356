"""Texts that are laid out by white space: right as they stand, wrong where a line was moved.

Seen of tools that strip answers: HumanEval's completions lose the indentation of their first line.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.field.runs import TicketOutcome, says, weigh_tickets

TEXTS = {
    "BILLING": "    total = a + b\n    if total:\n        total += 1\n    return total\n",
    "TECHNICAL": " def f():\n-    return 1\n+    return 2\n",
    "ACCOUNT": "  - name: a\n    of:\n      - b\n",
    "OTHER": "      | yes | no\n------+-----+----\n  ham |  12 |  3\n",
}
RIGHT: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "no line break at the end": lambda text: text.rstrip("\n"),
    "blank lines around": lambda text: f"\n\n{text}\n\n",
    "spaces at the ends of lines": lambda text: text.replace("\n", "  \n"),
    "lines of Windows": lambda text: text.replace("\n", "\r\n"),
    "behind a thought": lambda text: f"<think>It is simple.</think>\n\n{text}",
    "in the tags of an answer": lambda text: f"<think>So.</think>\n<answer>\n{text}</answer>",
}
WRONG: dict[str, Callable[[str], str]] = {
    "the first line moved": lambda text: text.lstrip(),
    "all lines moved": lambda text: "\n".join(line.strip() for line in text.splitlines()),
    "one line": lambda text: " ".join(text.split()),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TicketOutcome]:
    behaviours = {
        f"{form.replace(' ', '-')}-{place}": says(lambda label, write=write: write(TEXTS[label]))
        for form, write in {**RIGHT, **WRONG}.items()
        for place in range(len(TEXTS))
    }
    return weigh_tickets(
        tmp_path_factory.mktemp("field"),
        behaviours,
        other=says(lambda label: TEXTS[label]),
        write_output=lambda label: TEXTS[label],
        output={"kind": "text"},
        metric="exact_match",
    )


def named(outcomes: dict[str, TicketOutcome], form: str) -> list[TicketOutcome]:
    return [outcomes[f"{form.replace(' ', '-')}-{place}"] for place in range(len(TEXTS))]


@pytest.mark.parametrize("form", RIGHT)
def test_an_answer_as_it_is_laid_out_is_right(
    outcomes: dict[str, TicketOutcome], form: str
) -> None:
    for outcome in named(outcomes, form):
        outcome.check_right()
        for record in outcome.records.values():
            assert (record.answer.output or "")[:1] == " "


@pytest.mark.parametrize("form", WRONG)
def test_an_answer_with_a_line_moved_is_wrong(
    outcomes: dict[str, TicketOutcome], form: str
) -> None:
    for outcome in named(outcomes, form):
        for record in outcome.records.values():
            assert (record.outcome, record.score) == ("scored", 0)
