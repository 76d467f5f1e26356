"""Judges that think, explain or evade: an opinion is read rightly or not at all.

The arm's reply is always the better one, and every judge means it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from steelyard.core import Record
from steelyard.weigh import run
from tests.field.endpoint import Asked, Behaviour, Reply, data, message, refused, serving, streamed
from tests.field.runs import TicketOutcome, ticket_of, ticket_outcomes, write_task

GOOD = "GOOD ANSWER: restart the router, then call us with the number of the ticket."


def letters(asked: Asked) -> tuple[str, str]:
    """The letters under which the better and the worse reply are shown."""
    is_first = GOOD in asked.text.partition("REPLY B")[0]
    return ("A", "B") if is_first else ("B", "A")


def says(text: Callable[[str, str], str], finish: str = "stop") -> Behaviour:
    return lambda asked: streamed(text(*letters(asked)), finish)


def thinks_apart(asked: Asked) -> Reply:
    good, bad = letters(asked)
    thought = f"{bad} is longer, so {bad}? No."
    return data(message(good, reasoning_content=thought))


READ: dict[str, Behaviour] = {
    "word": says(lambda good, bad: good),
    "json": says(lambda good, bad: json.dumps({"label": good})),
    "bold": says(lambda good, bad: f"**{good}**"),
    "brackets": says(lambda good, bad: f"[[{good}]]"),
    "verdict": says(lambda good, bad: f"Both are short, {bad} is polite.\n\nVerdict: {good}"),
    "thinks": says(lambda good, bad: f"<think>{bad} is longer. {bad}?</think>\n{good}"),
    "thinks-without-opening": says(lambda good, bad: f"Is it {bad}?</think>{good}"),
    "thinks-apart": thinks_apart,
    "worse": says(lambda good, bad: f"{bad} is worse"),
    "loses": says(lambda good, bad: f"**{bad}** loses"),
    "named": says(lambda good, bad: f"Reply {good}"),
    "answer-and-why": says(lambda good, bad: json.dumps({"answer": good, "why": f"{bad} rambles"})),
}
NEVER_LOST: dict[str, Behaviour] = {
    "worse-and-better": says(lambda good, bad: f"Reply {bad} is worse, reply {good} is better."),
    "worse-first": says(lambda good, bad: f"{bad} is worse than {good}."),
    "denies": says(lambda good, bad: f"Not {bad}."),
    "denies-long": says(lambda good, bad: f"I would not say that {bad} is better."),
    "more-than": says(lambda good, bad: f"{good} > {bad}"),
    "worse-after-dash": says(lambda good, bad: f"{bad} - it is worse"),
    "weaker-after-dash": says(lambda good, bad: f"{bad} — this reply is weaker."),
    "tie-but": says(lambda good, bad: f"TIE - but {good} is better."),
    "worse-as-json": says(lambda good, bad: json.dumps({"worse": bad})),
    "article": says(lambda good, bad: "A good question. Let me see."),
}
UNREAD: dict[str, Behaviour] = {
    "refuses": says(lambda good, bad: "I'm sorry, but I can't compare them."),
    "cut-thought": says(lambda good, bad: f"<think>{bad} is longer. {bad}", "length"),
    "unclosed-thought": says(lambda good, bad: f"<think>{bad} is longer. So {bad}"),
    "filtered": says(lambda good, bad: bad, "content_filter"),
    "nothing": says(lambda good, bad: ""),
    "other-letter": says(lambda good, bad: "C"),
    "too-long": lambda asked: refused(400, "maximum context length is 90 tokens"),
}


FOUR = {
    "mark": "4",
    "mark-thought": "<think>5? 3?</think>4",
    "mark-of-five": "4/5",
    "mark-in-words": "4 out of 5",
    "mark-last": "It misses 2 of 3 points.\nMark: 4",
    "mark-first": "4\n\nThe reply is right, but it misses 1 point.",
    "mark-as-json": '{"reasoning": "5 points", "score": 4}',
    "mark-boxed": "\\boxed{4}",
}
NO_MARK = {
    "no-mark-of-ten": "7/10",
    "no-mark-beyond": "Score: 8",
    "no-mark-half": "4.5",
    "no-mark-range": "3-4",
    "no-mark-two": "4 or 5",
    "no-mark-denied": "Not a 5.",
    "no-mark-zero": "0",
    "no-mark-percent": "80%",
    "no-mark-refused": "I can't rate it, as of 2024 I have no access.",
    "no-mark-list": "1. It is right.\n2. It is whole.\n",
    "no-mark-apart": "Accuracy: 5\nTone: 3",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TicketOutcome]:
    return judged(tmp_path_factory.mktemp("judging"), READ | NEVER_LOST | UNREAD, "compare")


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TicketOutcome]:
    behaviours = {name: says(lambda *_, text=text: text) for name, text in (FOUR | NO_MARK).items()}
    return judged(tmp_path_factory.mktemp("marks"), behaviours, "rate")


def judged(
    folder: Path, behaviours: Mapping[str, Behaviour], mode: str
) -> dict[str, TicketOutcome]:
    """Judge the same good reply to every ticket; on other rows the judge is clear."""
    other = says(lambda good, _: good if mode == "compare" else "4")
    served = {
        "m": lambda asked: streamed(GOOD),
        "judge": lambda asked: behaviours.get(ticket_of(asked), other)(asked),
    }
    with serving(served) as endpoint:
        judge = {"provider": "openai", "name": "judge", "base_url": endpoint.base_url("judge")}
        path = write_task(
            folder / "task",
            endpoint,
            tickets=tuple(behaviours),
            models=("m",),
            output={"kind": "text"},
            metric="judge",
            judge={"model": judge, "mode": mode},
            max_output_tokens=60,
        )
        return ticket_outcomes(run(path, folder / "out"), "m", tuple(behaviours))


def record_of(outcome: TicketOutcome) -> Record:
    [record] = outcome.records.values()
    return record


@pytest.mark.parametrize("name", READ)
def test_an_opinion_is_read_however_it_is_given(
    outcomes: dict[str, TicketOutcome], name: str
) -> None:
    assert record_of(outcomes[name]).scores["judge/win"] == 1


@pytest.mark.parametrize("name", NEVER_LOST)
def test_an_opinion_is_never_read_as_its_opposite(
    outcomes: dict[str, TicketOutcome], name: str
) -> None:
    scores = record_of(outcomes[name]).scores
    assert scores.get("judge/win") == 1 or scores["judge/failed"] == 1, scores


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_no_opinion_is_none(outcomes: dict[str, TicketOutcome], name: str) -> None:
    assert record_of(outcomes[name]).scores["judge/failed"] == 1


@pytest.mark.parametrize("name", FOUR)
def test_a_mark_is_read_however_it_is_given(marks: dict[str, TicketOutcome], name: str) -> None:
    record = record_of(marks[name])
    assert (record.score, record.scores["judge/failed"]) == (0.75, 0)


@pytest.mark.parametrize("name", NO_MARK)
def test_what_is_no_mark_on_the_scale_is_none(marks: dict[str, TicketOutcome], name: str) -> None:
    assert record_of(marks[name]).scores["judge/failed"] == 1
