"""Small tasks, weighed against an endpoint that misbehaves, and what came out of it.

`weigh_tickets` has a behaviour for every ticket, `weigh_models` one for every model: a run costs
seconds, however much it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.core import Record, Usage
from steelyard.store.database import Store
from steelyard.weigh import RunResult, run
from tests.field.endpoint import Asked, Behaviour, Endpoint, Reply, serving, streamed

QUEUES = {"BILLING": "invoice", "TECHNICAL": "crash", "ACCOUNT": "password", "OTHER": "holiday"}
ODD = {
    "IT": "router",
    "Spam": "prize",
    "Ham": "lunch",
    "C": "pointer",
    "C#": "assembly",
    "-1": "loss",
    "1": "gain",
    "A+": "grade",
}
"""Labels that other texts hold, deny or look like."""
NUMBERS = {"12": "dozen", "1234.5": "balance", "-7": "change", "100000": "budget"}
TICKETS = tuple(f"plain-{number}" for number in range(16))
_LABELS = {word: label for label, word in (QUEUES | ODD | NUMBERS).items()}
_TICKET = re.compile(r"Ticket ([\w-]+): about my (\w+), please\.")


def truth(asked: Asked) -> str:
    """The label of the ticket that was asked about: the last one in the request."""
    return _LABELS[_TICKET.findall(asked.text)[-1][1]]


def ticket_of(asked: Asked) -> str:
    """The name of the ticket that was asked about."""
    return str(_TICKET.findall(asked.text)[-1][0])


def wrong(asked: Asked) -> str:
    """Another label than the right one."""
    return "OTHER" if truth(asked) != "OTHER" else "ACCOUNT"


def is_constrained(asked: Asked) -> bool:
    return "response_format" in asked.body


def right(asked: Asked) -> str:
    """The right answer in the form that was asked for."""
    return json.dumps({"label": truth(asked)}) if is_constrained(asked) else truth(asked)


def sound(asked: Asked) -> Reply:
    """Always right and well-formed."""
    return streamed(right(asked))


def says(answer: Callable[[str], str]) -> Behaviour:
    """Say what ``answer`` makes of the right label."""
    return lambda asked: streamed(answer(truth(asked)))


def write_task(
    folder: Path,
    endpoint: Endpoint,
    tickets: Sequence[str] = TICKETS,
    words: Mapping[str, str] = QUEUES,
    models: Sequence[str] = (),
    options: Mapping[str, Mapping[str, Any]] | None = None,
    write_output: Callable[[str], str] = str,
    **config: Any,
) -> Path:
    """Write a task with a test row for every ticket, the labels of ``words`` by turns.

    ``write_output`` makes a row's output of its label.

    ``models`` are weighed, all that the endpoint has unless told; ``options`` are written beside
    what every model has, by its name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "train": [f"train-{number}" for number, _ in enumerate(words)],
        "dev": [f"dev-{number}" for number in range(4)],
        "test": tickets,
    }
    labels = list(words)
    for part, names in parts.items():
        rows = [
            {
                "id": name,
                "input": f"Ticket {name}: about my {words[labels[place % len(labels)]]}, please.",
                "output": write_output(labels[place % len(labels)]),
            }
            for place, name in enumerate(names)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{part}.jsonl").write_text(text, encoding="utf-8")
    weighed = [
        {
            "provider": "openai",
            "name": name,
            "base_url": endpoint.base_url(name),
            "tag": name,
            **(options or {}).get(name, {}),
        }
        for name in models or endpoint.asked
    ]
    search = {"formats": ["system_user"], "screen": 2, "dev_items": 4}
    base = {
        "name": "field",
        "instruction": f"Which queue is the ticket for? Answer with one of {', '.join(words)}.",
        "output": {"kind": "label", "labels": labels},
        "examples": {part: f"{part}.jsonl" for part in parts},
        "model": weighed,
        "strategies": [{"name": "zero_shot", "options": search}],
        "prices": {name: {"input": 1.0, "output": 4.0} for name in endpoint.asked},
        "consistency": False,
    }
    (folder / "task.yaml").write_text(json.dumps({**base, **config}), encoding="utf-8")
    return folder


@dataclass(frozen=True)
class TicketOutcome:
    """What became of one ticket, by arm."""

    records: Mapping[str, Record]

    def check_right(self) -> None:
        """Every arm read the right answer."""
        for arm, record in self.records.items():
            shown = (arm, record.outcome, record.answer.output, record.reason)
            assert (record.outcome, record.score) == ("scored", 1), shown

    def check_failed(self, reason: str = ".") -> None:
        """Every arm failed, for a reason that says so."""
        for arm, record in self.records.items():
            assert record.outcome == "failed", (arm, record.answer.output, record.score)
            assert re.search(reason, str(record.reason), re.IGNORECASE), (arm, record.reason)

    def check_paid(self, input_tokens: float, output_tokens: float) -> None:
        """Every arm booked so much for it, lost tries among it, whatever became of it."""
        for arm, record in self.records.items():
            used = record.answer.completion.usage + record.answer.completion.torn
            booked = (used.input_tokens, used.output_tokens)
            assert booked == (input_tokens, output_tokens), (arm, record.reason)


def weigh_tickets(
    folder: Path, behaviours: Mapping[str, Behaviour], other: Behaviour = sound, **task: Any
) -> dict[str, TicketOutcome]:
    """Weigh a task on one model that answers each ticket as its behaviour says.

    ``other`` is how it answers the rows of train and dev.
    """

    def behave(asked: Asked) -> Reply:
        return behaviours.get(ticket_of(asked), other)(asked)

    with serving({"m": behave}) as endpoint:
        path = write_task(folder / "task", endpoint, tickets=tuple(behaviours), **task)
        return ticket_outcomes(run(path, folder / "out"), "m", tuple(behaviours))


def ticket_outcomes(done: RunResult, tag: str, tickets: Sequence[str]) -> dict[str, TicketOutcome]:
    """What became of each ticket in the arms of one model."""
    arms = _records(done, tag)
    return {
        name: TicketOutcome({arm: records[place] for arm, records in arms.items()})
        for place, name in enumerate(tickets)
    }


@dataclass(frozen=True)
class ModelOutcome:
    """What a run said of one model: its arms' records, what ended it, what is noted of it, what was paid."""

    name: str
    arms: Mapping[str, Sequence[Record]]
    scores: Mapping[str, float | None]
    ended: str
    said: str
    warnings: str
    paid: Usage
    asked: Sequence[Asked]

    @property
    def failed(self) -> int:
        return sum(record.outcome == "failed" for arm in self.arms.values() for record in arm)

    @property
    def reasons(self) -> str:
        return "\n".join(
            f"{arm}: {record.reason}"
            for arm, records in self.arms.items()
            for record in records
            if record.reason
        )

    def check_right(self) -> None:
        """Every arm was measured, and every answer was read as the right one."""
        assert self.arms, self.ended
        assert set(self.scores.values()) == {1.0}, self.reasons

    def check_said(self, words: str) -> None:
        """The result says so, where it notes what this model's endpoint is like."""
        assert re.search(words, self.said, re.IGNORECASE), self.said

    def check_warned(self, words: str) -> None:
        """A warning of the verdict names the model and says so."""
        lines = [line for line in self.warnings.split("\n") if self.name in line]
        assert re.search(words, "\n".join(lines), re.IGNORECASE), self.warnings

    def check_never_wrong(self) -> None:
        """What was scored is right; the rest failed."""
        for arm, records in self.arms.items():
            scored = [record.score for record in records if record.outcome == "scored"]
            assert set(scored) <= {1}, arm

    def check_ended(self, reason: str) -> None:
        """No figure came out: the model's arms ended, for a reason that says why."""
        assert self.scores == {}
        assert re.search(reason, self.ended, re.IGNORECASE), self.ended


def weigh_models(
    folder: Path, behaviours: Mapping[str, Behaviour], **task: Any
) -> dict[str, ModelOutcome]:
    """Weigh a task on models that behave so, and on one that is sound."""
    with serving({**behaviours, "sound": sound}) as endpoint:
        done = run(write_task(folder / "task", endpoint, **task), folder / "out")
    store = Store.in_folder(done.folder)
    try:
        paid = store.paid_by_model()
    finally:
        store.close()
    return {
        name: ModelOutcome(
            name,
            _records(done, name),
            {
                arm["name"]: arm["quality"]["value"]
                for arm in done.result["arms"]
                if arm["model_tag"] == name
            },
            "\n".join(arm["reason"] for arm in done.result["ended"] if arm["model_tag"] == name),
            str(done.result["machine"].get("models", {}).get(name, {}).get("endpoint", "")),
            "\n".join(done.result["verdict"]["warnings"]),
            sum((used for model, used in paid.items() if model.name == name), Usage()),
            endpoint.asked[name],
        )
        for name in behaviours
    }


def _records(done: RunResult, tag: str) -> dict[str, list[Record]]:
    """The records of every arm of one model."""
    store = Store.in_folder(done.folder)
    try:
        return {
            arm["name"]: store.records(arm["name"])
            for arm in done.result["arms"]
            if arm["model_tag"] == tag
        }
    finally:
        store.close()
