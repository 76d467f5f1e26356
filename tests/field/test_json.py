"""JSON among other text: the answer is read rightly, or it failed; it is never another object."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.field.endpoint import Asked, Behaviour, Reply, streamed
from tests.field.runs import TicketOutcome, truth, weigh_tickets, wrong

SCHEMA = {
    "type": "object",
    "properties": {"queue": {"type": "string"}, "urgent": {"type": "boolean"}},
    "required": ["queue", "urgent"],
    "additionalProperties": False,
}


def object_of(label: str, urgent: bool = False) -> str:
    return json.dumps({"queue": label, "urgent": urgent})


def says(text: Callable[[str, str], str], finish: str = "stop") -> Behaviour:
    """Write a text made of the right object and of a wrong one."""

    def behave(asked: Asked) -> Reply:
        return streamed(text(object_of(truth(asked)), object_of(wrong(asked))), finish)

    return behave


RIGHT: dict[str, Behaviour] = {
    "plain": says(lambda good, _: good),
    "fenced": says(lambda good, _: f"```json\n{good}\n```"),
    "fenced-without-name": says(lambda good, _: f"Here you are:\n```\n{good}\n```\nAnything else?"),
    "after-prose": says(lambda good, _: f"Sure! The answer: {good}"),
    "after-braces": says(lambda good, _: f"I use {{queue}} and {{urgent}} here.\n\n{good}"),
    "before-prose": says(lambda good, _: f"{good}\n\nLet me know if you need more."),
    "thinks-of-another": says(lambda good, bad: f"<think>Maybe {bad}? No.</think>{good}"),
    "thinks-in-a-fence": says(lambda good, bad: f"<think>```json\n{bad}\n```</think>\n{good}"),
    "twice-the-same": says(lambda good, _: f"{good}\n{good}"),
    "pretty": says(lambda good, _: json.dumps(json.loads(good), indent=4)),
    "keys-in-other-order": says(
        lambda good, _: json.dumps(dict(reversed(list(json.loads(good).items()))))
    ),
    "byte-order-mark": says(lambda good, _: f"\ufeff{good}"),
    "escaped": says(lambda good, _: good.replace("O", "\\u004f")),
}
FAILED: dict[str, Behaviour] = {
    "cut": says(lambda good, _: good[:-5], "length"),
    "cut-unsaid": says(lambda good, _: good[:-5]),
    "two-objects": says(lambda good, bad: f"{good} or {bad}"),
    "python": says(lambda good, _: str(json.loads(good))),
    "no-quotes": says(lambda good, _: good.replace('"', "")),
    "refuses": says(lambda *_: "I'm sorry, but I can't help with that."),
    "refuses-with-braces": says(lambda *_: "I can't fill in {queue} or {urgent}."),
    "nothing": says(lambda *_: ""),
    "null": says(lambda *_: "null"),
    "only-thought": says(lambda good, _: f"<think>It is {good}"),
    "deep": says(lambda *_: "[" * 20_000),
    "not-a-number": says(lambda good, _: good.replace("false", "NaN")),
}
NEVER_RIGHT: dict[str, Behaviour] = {
    "wrapped": says(lambda good, _: json.dumps({"answer": json.loads(good)})),
    "in-a-list": says(lambda good, bad: f"[{bad}, {good}]"),
    "the-schema": says(lambda *_: json.dumps(SCHEMA)),
    "text-for-boolean": says(lambda good, _: good.replace("false", '"false"')),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TicketOutcome]:
    return weigh_tickets(
        tmp_path_factory.mktemp("json"),
        RIGHT | FAILED | NEVER_RIGHT,
        output={"kind": "json", "schema": SCHEMA},
        write_output=object_of,
        max_output_tokens=400,
    )


@pytest.mark.parametrize("name", RIGHT)
def test_an_object_is_read_wherever_it_stands(
    outcomes: dict[str, TicketOutcome], name: str
) -> None:
    outcomes[name].check_right()


@pytest.mark.parametrize("name", FAILED)
def test_what_is_no_object_is_a_failure(outcomes: dict[str, TicketOutcome], name: str) -> None:
    outcomes[name].check_failed()


@pytest.mark.parametrize("name", NEVER_RIGHT)
def test_another_object_is_not_taken_for_it(outcomes: dict[str, TicketOutcome], name: str) -> None:
    for record in outcomes[name].records.values():
        assert record.score < 1


def test_a_pattern_that_never_ends_is_given_up_and_letters_of_any_script_are_known(
    tmp_path: Path,
) -> None:
    properties = {
        "queue": {"type": "string", "pattern": r"^\p{Lu}+$"},
        "name": {"type": "string", "pattern": "^([A-Za-z0-9]+ ?)+$"},
    }
    schema = {"type": "object", "required": list(properties), "properties": properties}

    def named(name: str) -> Behaviour:
        return lambda asked: streamed(json.dumps({"queue": truth(asked), "name": name}))

    long = "Maximiliane Alexandrina Featherstonehaugh-Beauclerk"
    outcomes = weigh_tickets(
        tmp_path,
        {"plain": named("Ada Bell"), "never-ending": named(long)},
        output={"kind": "json", "schema": schema},
        write_output=lambda label: json.dumps({"queue": label, "name": "Ada Bell"}),
        max_output_tokens=400,
        other=named("Ada Bell"),
    )
    outcomes["plain"].check_right()
    assert all(record.score == 0 for record in outcomes["never-ending"].records.values())
