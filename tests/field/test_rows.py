"""Shapes of public data files: every verb reads a row alike, and says what it did not use.

The files are written here after kinds that were reported of data tools; each goes through ``init``, ``data
check``, ``convert``, ``fix`` and ``split``, and through the task that ``init`` writes, as ``plan`` and
``run`` read it.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import Example
from steelyard.data import fix, label, split
from steelyard.data.conversion import convert
from steelyard.data.dataset import Dataset, open_dataset
from steelyard.data.formats.write import writer_for
from steelyard.data.prepare import prepare
from steelyard.data.starter import start_from_file
from steelyard.data.understood import understood
from steelyard.errors import DataError
from steelyard.task import load_task

TEXTS = (
    "The invoice lists one seat too many", "The app closes when I open a photo",
    "I cannot sign in with my new phone", "Do you ship to the islands as well",
)  # fmt: skip
TAILS = (
    "since Monday morning", "after the long update in spring", "and nobody answers my calls",
    "although our contract ended", "on every machine in the northern office", "for the third time",
    "please help before Friday", "my colleague Ann saw it too", "with order number zero",
    "as your letter said",
)  # fmt: skip
LABELS = ("BILLING", "TECHNICAL", "ACCOUNT", "OTHER")
ROWS = [(f"{TEXTS[at % 4]} {TAILS[at // 4]}", LABELS[at % 4]) for at in range(40)]
FIRST = ROWS[0]


def table(rows: Iterable[Sequence[Any]], *header: str, mark: str = ",", before: str = "") -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=mark, lineterminator="\n")
    writer.writerows([header, *rows])
    return (before + file.getvalue()).encode()


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


@dataclass(frozen=True)
class Case:
    """A file, the first example that it holds, and what is to be said of it."""

    name: str
    content: bytes
    context: tuple[str, ...] = ()
    input: str = FIRST[0]
    output: str = FIRST[1]
    kind: str = "label"
    labels: int = 4
    rows: int = 40
    unused: tuple[str, ...] = ()
    bad: int = 0
    left_out: int = 0
    says: str = ""
    columns: dict[str, str | None] = field(default_factory=dict)
    repaired: str | None = None


def chat(text: str, label: str, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}, {"role": "assistant", "content": label, **more}]


def numbered(start: int) -> list[tuple[Any, ...]]:
    return [(at, *row) for at, row in enumerate(ROWS, start)]


CHOICES = [
    {
        "question": f"What is {at} plus 1?",
        "choices": [str(at + n) for n in (3, 1, 2, 0)],
        "answer": 1,
    }
    for at in range(40)
]
UNANSWERED = [{key: row[key] for key in ("question", "choices")} for row in CHOICES]
KTO = [
    {"prompt": text, "completion": label if at % 2 == 0 else "wrong", "label": at % 2 == 0}
    for at, (text, label) in enumerate(ROWS)
]
QUESTIONS = [
    {"question": text, "answer": f"We look at it: {TAILS[at // 4]} {at % 4}.", "category": label}
    for at, (text, label) in enumerate(ROWS)
]
ASKED = [
    [{"role": "system", "content": "Sort."}, {"role": "user", "content": text}] for text, _ in ROWS
]
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLING = [
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c", "content": "42"},
]
ANSWERS = [f"It is so, as {tail} {n}" for tail in TAILS for n in range(4)]
CODE = "    if total > 0:\n        return total\n"

CASES = {
    "pandas-index": Case("t.csv", table(numbered(0), "", "text", "label"), unused=("",)),
    "r-index": Case("t.csv", table(numbered(1), "", "text", "label"), unused=("",)),
    "unnamed-0": Case("t.csv", table(numbered(0), "Unnamed: 0", "text", "label"), unused=("Unnamed: 0",)),
    "semicolons": Case("t.csv", table(ROWS, "text", "label", mark=";")),
    "semicolons-and-commas-in-the-header": Case(
        "t.csv", b"Text, customer;Category, internal\n" + table(ROWS, "a", "b", mark=";").partition(b"\n")[2]
    ),
    "excel-separator": Case("t.csv", table(ROWS, "Text", "Kategorie", mark=";", before="sep=;\n")),
    "bars": Case("t.csv", table(ROWS, "text", "label", mark="|")),
    "tabs-in-csv": Case("t.csv", table(ROWS, "text", "label", mark="\t")),
    "repeated-header": Case(
        "t.csv", table([*ROWS[:20], ("text", "label"), *ROWS[20:]], "text", "label"), bad=1, rows=41
    ),
    "title-and-body": Case(
        "t.csv", table([(f"Case {at}", *row) for at, row in enumerate(ROWS)], "subject", "body", "queue"),
        input=f"Case 0\n\n{FIRST[0]}",
    ),
    "premise-and-hypothesis": Case(
        "t.jsonl",
        lines({"premise": text, "hypothesis": "It is so.", "label": label} for text, label in ROWS),
        input=f"{FIRST[0]}\n\nIt is so.",
    ),
    "a-pair-and-0-or-1": Case(
        "t.csv", table([(at, at + 99, text, ANSWERS[at], at % 3 // 2) for at, (text, _) in enumerate(ROWS)],
                       "qid1", "qid2", "question1", "question2", "is_duplicate"),
        input=f"{FIRST[0]}\n\n{ANSWERS[0]}", output="0", labels=2, unused=("qid1", "qid2"),
    ),
    "a-pair-and-yes-or-no": Case(
        "t.jsonl", lines({"text_a": text, "text_b": answer, "same": ["no", "yes"][at % 2]}
                         for at, ((text, _), answer) in enumerate(zip(ROWS, ANSWERS, strict=True))),
        input=f"{FIRST[0]}\n\n{ANSWERS[0]}", output="no", labels=2,
    ),
    "few-values-beside-two-texts": Case(
        "t.csv", table([(answer, label, text) for answer, (text, label) in zip(ANSWERS, ROWS, strict=True)],
                       "Summary", "Issue Type", "Description"),
        output=ANSWERS[0], kind="text", unused=("Issue Type",), says="it could be 'Issue Type'",
    ),
    "context-as-an-object": Case(
        "t.jsonl", lines({"question": text, "context": {"contexts": ["Ann walks."]}, "final_decision": label}
                         for text, label in ROWS),
        input=f'{{"contexts": ["Ann walks."]}}\n\n{FIRST[0]}',
    ),
    "context-as-an-object-and-a-long-answer": Case(
        "t.jsonl", lines({"question": text, "context": {"contexts": ["Ann walks."]}, "long_answer": answer,
                          "final_decision": label}
                         for answer, (text, label) in zip(ANSWERS, ROWS, strict=True)),
        input=f'{{"contexts": ["Ann walks."]}}\n\n{FIRST[0]}', output=ANSWERS[0], kind="text",
        unused=("final_decision",), says="it could be 'final_decision'",
    ),
    "system-prompt-that-one-row-lacks": Case(
        "t.jsonl", lines({"system_prompt": "" if at == 7 else "Sort.", "question": text, "response": label}
                         for at, (text, label) in enumerate(ROWS)), context=("Sort.",),
    ),
    "system-column-of-a-table-that-one-row-lacks": Case(
        "t.csv", table([("" if at == 7 else "Sort.", *row) for at, row in enumerate(ROWS)],
                       "system_message", "prompt", "completion"), context=("Sort.",),
    ),
    "system-beside-messages-that-one-row-lacks": Case(
        "t.jsonl", lines({"system": "" if at == 7 else "Sort.", "messages": chat(*row)}
                         for at, row in enumerate(ROWS)), context=("Sort.",),
    ),
    "some-chats-that-call-tools": Case(
        "t.jsonl", lines({"messages": [{"role": "user", "content": text}, *(CALLING if at % 8 == 7 else []),
                                       {"role": "assistant", "content": label}]}
                         for at, (text, label) in enumerate(ROWS)), bad=5,
    ),
    "some-answers-that-call-tools-beside-a-text": Case(
        "t.jsonl", lines({"messages": chat(*row, **({"tool_calls": [CALL]} if at % 8 == 7 else {}))}
                         for at, row in enumerate(ROWS)), bad=5,
    ),
    "weight-in-kg": Case(
        "t.csv", table([(*row, f"{at} kg") for at, row in enumerate(ROWS)], "text", "label", "weight"),
        unused=("weight",), says="does not hold numbers above 0",
    ),
    "two-groups": Case(
        "t.csv", table([(*row, "ab"[at % 2]) for at, row in enumerate(ROWS)], "text", "label", "group"),
        unused=("group",), says="'group' has 2 values only",
    ),
    "ids-that-repeat": Case(
        "t.csv", table([(*row, at // 4) for at, row in enumerate(ROWS)], "text", "label", "id"),
        unused=("id",), says="'id' has 10 values in 40 rows",
    ),
    "roles-switched-off": Case(
        "t.csv", table([(*row, at + 1) for at, row in enumerate(ROWS)], "text", "label", "weight"),
        unused=("weight",), columns={"weight": None},
    ),
    "question-answer-category": Case(
        "t.jsonl", lines(QUESTIONS),
        output="We look at it: since Monday morning 0.", kind="text", unused=("category",),
        says="it could be 'category'",
    ),
    "named-category": Case(
        "t.jsonl", lines(QUESTIONS),
        unused=("answer",), columns={"output": "category"},
    ),
    "ticket-and-longer-reply": Case(
        "t.csv", table([(f"Dear customer, thank you for writing: {TAILS[at // 4]} {at % 4}", text)
                        for at, (text, _) in enumerate(ROWS)], "agent_reply", "customer_ticket"),
        output="Dear customer, thank you for writing: since Monday morning 0", kind="text",
    ),
    "label-text": Case(
        "t.jsonl", lines({"text": text, "label": LABELS.index(label), "label_text": label}
                         for text, label in ROWS),
        unused=("label",),
    ),
    "ideal": Case(
        "t.jsonl",
        lines({"input": asked, "ideal": row[1]} for asked, row in zip(ASKED, ROWS, strict=True)),
        context=("Sort.",),
    ),
    "answer-key": Case("t.jsonl", lines({"question": text, "answerKey": label} for text, label in ROWS)),
    "canonical-solution": Case(
        "t.jsonl", lines({"prompt": f"def f{at}(total):\n    # step\n", "canonical_solution": CODE}
                         for at in range(40)),
        input="def f0(total):\n    # step\n", output=CODE, kind="text",
    ),
    "system-beside-messages": Case(
        "t.jsonl", lines({"system": "Sort.", "messages": chat(*row)} for row in ROWS), context=("Sort.",)
    ),
    "system-beside-prompt": Case(
        "t.jsonl", lines({"system": "Sort.", "prompt": text, "completion": label} for text, label in ROWS),
        context=("Sort.",),
    ),
    "system-column-that-is-none": Case(
        "t.csv", table([(*row, "Windows") for row in ROWS], "text", "label", "system"), unused=("system",)
    ),
    "messages-as-text": Case("t.jsonl", lines({"messages": json.dumps(chat(*row))} for row in ROWS)),
    "messages-as-text-in-csv": Case("t.csv", table([(json.dumps(chat(*row)),) for row in ROWS], "messages")),
    "weight-0-last": Case(
        "t.jsonl", lines({"messages": [*chat(*row), *chat("Thanks", "You are welcome", weight=0)]}
                         for row in ROWS),
        says="end with answers of weight 0",
    ),
    "kto": Case("t.jsonl", lines(KTO), labels=2, left_out=20, unused=("label",)),
    "choices-by-number": Case(
        "t.jsonl", lines([{**row, "answer": at % 4} for at, row in enumerate(CHOICES)]),
        input="What is 0 plus 1?\n\nA) 3\nB) 1\nC) 2\nD) 0", output="A",
    ),
    "choices-by-name": Case(
        "t.jsonl", lines({**row, "choices": {"text": row["choices"], "label": [*"1234"]},
                          "answerKey": str(at % 4 + 1)}
                         for at, row in enumerate(UNANSWERED)),
        input="What is 0 plus 1?\n\nA) 3\nB) 1\nC) 2\nD) 0", output="A",
    ),
    "choices-in-columns": Case(
        "t.csv", table([(row["question"], *row["choices"], "ABCD"[at % 4]) for at, row in enumerate(CHOICES)],
                       "question", "A", "B", "C", "D", "answer"),
        input="What is 0 plus 1?\n\nA) 3\nB) 1\nC) 2\nD) 0", output="A",
    ),
    "choices-in-numbered-columns": Case(
        "t.jsonl", lines({"sentence": text, "option1": "one", "option2": "two", "answer": str(at % 2 + 1)}
                         for at, (text, _) in enumerate(ROWS)),
        input=f"{FIRST[0]}\n\nA) one\nB) two", output="A", labels=2,
    ),
    "choices-in-columns-by-letter": Case(
        "t.csv", table([(text, "one", "two", "three", "four", at % 4, "Because.")
                        for at, (text, _) in enumerate(ROWS)],
                       "question", "opa", "opb", "opc", "opd", "cop", "exp"),
        input=f"{FIRST[0]}\n\nA) one\nB) two\nC) three\nD) four", output="A", unused=("exp",),
    ),
    "choices-and-an-answer-of-another-name": Case(
        "t.csv", table([(text, "one", "two", "ABA"[at % 3], at + 1) for at, (text, _) in enumerate(ROWS)],
                       "question", "A", "B", "right", "level"),
        input=f"{FIRST[0]}\n\nA) one\nB) two", output="A", labels=2, unused=("level",),
    ),
    "endings-by-text-number": Case(
        "t.jsonl", lines({"ctx": text, "endings": ["one", "two", "three"], "label": str(at % 3)}
                         for at, (text, _) in enumerate(ROWS)),
        input=f"{FIRST[0]}\n\nA) one\nB) two\nC) three", output="A", labels=3,
    ),
    "choices-by-letter-of-an-object": Case(
        "t.jsonl", lines({"question": text, "options": {"A": "one", "B": "two", "C": "three"},
                          "answer_idx": "ABC"[at % 3]} for at, (text, _) in enumerate(ROWS)),
        input=f"{FIRST[0]}\n\nA) one\nB) two\nC) three", output="A", labels=3,
    ),
    "an-article-with-choices": Case(
        "t.jsonl", lines({"article": "Ann walks.", "question": text, "options": ["one", "two"],
                          "answer": "AB"[at % 2]} for at, (text, _) in enumerate(ROWS)),
        input=f"Ann walks.\n\n{FIRST[0]}\n\nA) one\nB) two", output="A", labels=2,
    ),
    "prodigy-choice": Case(
        "t.jsonl", lines({"text": text, "accept": [label], "options": [{"id": x} for x in LABELS],
                          "answer": "ignore" if at % 4 == 3 else "accept"}
                         for at, (text, label) in enumerate(ROWS)),
        output='["BILLING"]', kind="labels", left_out=10, unused=("answer", "options"),
    ),
    "answers-each-of-which-is-right": Case(
        "t.jsonl", lines({"question": text, "answer": [f"{label} {at}", label]}
                         for at, (text, label) in enumerate(ROWS)),
        output="BILLING 0", kind="text",
    ),
    "nan-in-a-table": Case(
        "t.csv", table([*ROWS, ("The printer is on fire", "nan")], "text", "label"), bad=1, rows=41
    ),
    "nan-as-a-word": Case(
        "t.jsonl", lines({"prompt": text, "completion": f"{TAILS[at // 4]} {at % 4}" if at else "nan"}
                         for at, (text, _) in enumerate(ROWS)), output="nan", kind="text",
    ),
    "rules-that-are-none": Case(
        "t.csv", table([(*row, f"rule {at}") for at, row in enumerate(ROWS)], "text", "label", "rules"),
        unused=("rules",),
    ),
    "a-constant-under-a-usual-name": Case(
        "t.jsonl", lines({"Tweet": text, "Target": "climate", "Stance": label} for text, label in ROWS),
        unused=("Target",),
    ),
    "prodigy": Case(
        "t.jsonl", lines({"text": text, "label": label, "answer": "reject" if at % 4 == 3 else "accept"}
                         for at, (text, label) in enumerate(ROWS)),
        labels=3, left_out=10, unused=("answer",),
    ),
    "label-studio": Case(
        "t.json", json.dumps([
            {"data": {"text": text}, "annotations": [
                {"was_cancelled": True, "result": [{"value": {"choices": ["OTHER"]}}]},
                {"result": [{"value": {"choices": [label]}}]}]} for text, label in ROWS
        ]).encode(),
    ),
    "alpaca-with-more": Case(
        "t.jsonl", lines({"instruction": "Sort.", "input": text, "output": label, "text": "### Instruction"}
                         for text, label in ROWS), input=f"Sort.\n{FIRST[0]}", unused=("text",),
    ),
    "alpaca-in-capitals": Case("t.csv", table([("Sort.", *row) for row in ROWS],
                                              "Instruction", "Input", "Output"),
                               input=f"Sort.\n{FIRST[0]}"),
    "joiner-in-a-label": Case(
        "t.jsonl", lines({"text": text, "label": label.replace("BILL", "BI\u200cLL")}
                         for text, label in ROWS),
        output="BI\u200cLLING",
    ),
    "no-break-space-and-emoji": Case(
        "t.jsonl", lines({"text": text, "label": f"👩\u200d💻\u00a0{label}"} for text, label in ROWS),
        output="👩\u200d💻\u00a0BILLING", repaired="👩\u200d💻 BILLING",
    ),
    "a-source-of-few-values": Case(
        "t.csv", table([(("Email", "Chat", "Phone")[at % 3], *row) for at, row in enumerate(ROWS)],
                       "Source", "Ticket description", "Category"), unused=("Source",),
    ),
    "a-source-of-links": Case(
        "t.csv", table([(f"https://a.example/{at}", *row) for at, row in enumerate(ROWS)],
                       "source", "wording", "label"), unused=("source",),
    ),
    "a-source-and-a-resolution": Case(
        "t.csv", table([(("Email", "Chat")[at % 2], text, ANSWERS[at]) for at, (text, _) in enumerate(ROWS)],
                       "Source", "Ticket description", "Resolution"),
        output=ANSWERS[0], kind="text", unused=("Source",),
    ),
    "responses-of-a-survey": Case(
        "t.csv", table([(("Email", "Chat")[at % 2], *row) for at, row in enumerate(ROWS)],
                       "Source", "Response", "Sentiment"), unused=("Source",),
    ),
    "dates-as-target": Case(
        "t.csv", table([(f"2024-03-{1 + at % 28:02d} 09:{at}", *row) for at, row in enumerate(ROWS)],
                       "target", "text", "sentiment"), unused=("target",),
    ),
    "questions-as-header": Case(
        "t.csv", table(ROWS, "What could we do better next time?", "Which department should handle this?"),
    ),
    "solutions-and-test-cases": Case(
        "t.jsonl", lines({"question": text, "solutions": json.dumps([f"print({at})", "x = 1"]),
                          "input_output": json.dumps({"inputs": [str(at)], "outputs": ["2"]}),
                          "difficulty": "ab"[at % 2]} for at, (text, _) in enumerate(ROWS)),
        output="print(0)", kind="text", unused=("difficulty", "input_output"),
        says="the output is taken from 'solutions'; it could be 'difficulty'",
    ),
    "code-and-its-tests": Case(
        "t.jsonl", lines({"task_id": at, "text": text, "code": f"def f{at}(x):\n    return x + {at}\n",
                          "test_list": [f"assert f{at}(1) == {at + 1}", f"assert f{at}(0) == {at}"]}
                         for at, (text, _) in enumerate(ROWS)),
        output="def f0(x):\n    return x + 0\n", kind="text", unused=("task_id", "test_list"),
    ),
    "ids-of-evidence": Case(
        "t.jsonl", lines({"claim": text, "label": label,
                          "evidence": [[[7 + at, 9, "Oslo", LABELS.index(label)]]]}
                         for at, (text, label) in enumerate(ROWS)), unused=("evidence",),
    ),
    "evidence-in-sentences": Case(
        "t.jsonl", lines({"claim": text, "label": label, "evidence": [f"It is so, {at} times over."]}
                         for at, (text, label) in enumerate(ROWS)),
        input=f'{FIRST[0]}\n\n["It is so, 0 times over."]',
    ),
    "mongoexport": Case(
        "t.jsonl", lines({"_id": {"$oid": f"{at:024x}"}, "message": text, "queue": label,
                          "createdAt": {"$date": "2024-03-01T09:00:00.000Z"}, "votes": {"$numberInt": "1"}}
                         for at, (text, label) in enumerate(ROWS)), unused=("createdAt", "votes"),
    ),
    "labels-as-extended-json": Case(
        "t.json", json.dumps([{"text": text, "label": {"$numberLong": str(LABELS.index(label))}}
                              for text, label in ROWS]).encode(), output="0",
    ),
    "an-id-that-is-an-object": Case(
        "t.jsonl", lines({"id": {"a": at}, "text": text, "label": label}
                         for at, (text, label) in enumerate(ROWS)),
        unused=("id",), says="'id' holds objects or lists, so it is not used as the id",
    ),
    "a-timestamp-that-is-a-list": Case(
        "t.jsonl", lines({"timestamp": [2024, 1], "text": text, "label": label} for text, label in ROWS),
        unused=("timestamp",), says="'timestamp' holds objects or lists",
    ),
    "a-dash-for-no-label": Case(
        "t.jsonl", lines([*({"text": t, "gold_label": x} for t, x in ROWS),
                          {"text": "Nobody agrees on this one", "gold_label": "-"}]),
        rows=41, bad=1,
    ),
    "system-prompt-beside-conversations": Case(
        "t.jsonl", lines({"system_prompt": "Sort." if at else None, "conversations": [
            *([] if at else [{"from": "system", "value": "Sort."}]),
            {"from": "human", "value": text}, {"from": "gpt", "value": label}]}
            for at, (text, label) in enumerate(ROWS)), context=("Sort.",),
    ),
    "system-prompt-beside-messages": Case(
        "t.jsonl", lines({"system_prompt": "Sort.", "messages": chat(*row)} for row in ROWS),
        context=("Sort.",),
    ),
    "conversations-of-texts": Case(
        "t.jsonl", lines({"conversations": ["Hello", "Hello to you", *row]} for row in ROWS),
        context=("Hello", "Hello to you"),
    ),
    "conversations-of-inputs-and-outputs": Case(
        "t.jsonl", lines({"conversation": [{"input": text, "output": label}]} for text, label in ROWS),
    ),
    "choices-inside-the-question": Case(
        "t.jsonl", lines({"question": {"stem": text, "choices": [{"text": "one", "label": "A"},
                                                                 {"text": "two", "label": "B"}]},
                          "answerKey": "AB"[at % 2]} for at, (text, _) in enumerate(ROWS)),
        input=f"{FIRST[0]}\n\nA) one\nB) two", output="A", labels=2,
    ),
    "nan": Case("t.jsonl", b'{"text": "a", "label": NaN}\n' + lines({"text": t, "label": x} for t, x in ROWS),
                bad=1, rows=41),
}  # fmt: skip


def shown(example: Example) -> tuple[tuple[str, ...], str, str]:
    return tuple(message.content for message in example.context), example.input, example.output


def check_dataset(case: Case, data: Dataset) -> None:
    usable = data.usable
    assert shown(usable.examples[0]) == (case.context, case.input, case.output)
    assert (data.rows, len(data.unusable), len(data.left_out)) == (
        case.rows,
        case.bad,
        case.left_out,
    )
    assert set(data.ignored_keys) == set(case.unused)
    assert data.kind == case.kind
    if case.kind == "label":
        assert len(usable.labels) == case.labels


@pytest.mark.parametrize("name", CASES)
def test_every_verb_reads_a_row_alike(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    source = tmp_path / case.name
    source.write_bytes(case.content)
    started = start_from_file(tmp_path / "task", source, case.columns)
    check_dataset(case, started.data)
    assert started.refusal is None
    assert case.says in "; ".join(started.data.notes)
    audited = open_dataset(source, case.columns)
    check_dataset(case, audited)
    assert case.says in "; ".join(audited.notes)
    task = load_task(tmp_path / "task")
    check_dataset(case, prepare(task, seed=0, skip_bad_rows=True))
    doors: list[tuple[str, Callable[[], Path]]] = [
        (
            "fix",
            lambda: fix(source, tmp_path / f"fixed-{case.name}", columns=case.columns).files["all"],
        ),
        ("convert", lambda: converted(source, tmp_path / "converted.jsonl", case.columns)),
    ]
    for door, write in doors:
        columns = {} if door == "convert" else case.columns
        again = open_dataset(write(), columns).usable.examples
        output = case.repaired if door == "fix" and case.repaired else case.output
        assert shown(again[0]) == (case.context, case.input, output), door
    parts = split(source, tmp_path / "parts", columns=case.columns).parts
    of_parts = [open_dataset(path, _decided(case, audited)) for path in parts.values()]
    every = {shown(example) for data in of_parts for example in data.usable.examples}
    assert every == {shown(example) for example in audited.usable.examples}


def _decided(case: Case, data: Dataset) -> dict[str, str | None]:
    return {**data.task.columns.by_role(), **case.columns}


def converted(source: Path, target: Path, columns: dict[str, str | None]) -> Path:
    convert(source, target, to="openai", columns=columns)
    return target


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (table(ROWS[1:], *ROWS[0]), "seems to have no header"),
        (table([(*row, "ab"[at % 2], "xyz"[at % 3]) for at, row in enumerate(ROWS)],
               "wording", "p", "q", "r"), "which column of t.csv holds the output: 'p' or 'q' or 'r'"),
        (b"x,y;z\n" + b"".join(b"a%d,b;c\n" % at for at in range(20)), "put a line sep="),
        (table([("only", "one")], "a", "a"), "two columns named 'a'"),
    ],
    ids=["no-header", "several-outputs", "two-delimiters", "repeated-name"],
)  # fmt: skip
def test_what_is_unclear_is_refused_by_every_verb(
    tmp_path: Path, content: bytes, says: str
) -> None:
    source = tmp_path / "t.csv"
    source.write_bytes(content)
    doors: list[Callable[[], Any]] = [
        lambda: start_from_file(tmp_path / "task", source),
        lambda: open_dataset(source),
        lambda: fix(source, tmp_path / "fixed.csv"),
        lambda: split(source, tmp_path / "parts"),
        lambda: convert(source, tmp_path / "o.jsonl", to="openai"),
    ]
    for door in doors:
        with pytest.raises(DataError) as failure:
            door()
        assert says in str(failure.value)


def test_a_folder_keeps_its_splits_and_an_unlabelled_test_is_none(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    features = {"label": {"names": ["negative", "positive"], "_type": "ClassLabel"}}
    info = json.dumps({"info": {"features": features}})
    folder = tmp_path / "glue"
    folder.mkdir()
    for name, count, labels in (
        ("train", 40, (0, 1)),
        ("validation", 20, (0, 1)),
        ("test", 10, (-1, -1)),
    ):
        columns = {
            "sentence": [f"{name} {TEXTS[at % 4]} {TAILS[at // 4 % 10]}" for at in range(count)],
            "label": [labels[at % 2] for at in range(count)],
        }
        rows = pa.table(columns).replace_schema_metadata({"huggingface": info})
        pq.write_table(rows, folder / f"{name}-00000-of-00001.parquet")
    started = start_from_file(tmp_path / "task", folder)
    for data in (started.data, open_dataset(folder), open_dataset(load_task(tmp_path / "task"))):
        assert (data.rows, data.labels) == (60, ("negative", "positive"))
        assert Counter(data.parts_read) == {"train": 40, "test": 20}
    assert "the split 'test' has no outputs and is left out" in started.data.notes
    parts = split(folder, tmp_path / "parts").parts
    assert len(open_dataset(parts["test"], {"input": "sentence", "output": "label"}).examples) == 20


def test_types_of_parquet_become_text_and_unused_ones_cost_no_row(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import uuid

    import pyarrow as pa
    import pyarrow.parquet as pq

    count = len(ROWS)
    identity = [uuid.UUID(int=at).bytes for at in range(count)]
    columns = {
        "text": [text for text, _ in ROWS],
        "label": pa.array([float(LABELS.index(label)) for _, label in ROWS[1:]] + [float("nan")]),
        "id": pa.ExtensionArray.from_storage(pa.uuid(), pa.array(identity, pa.binary(16))),
        "moment": pa.array([1_735_689_600_123_456_789] * count, pa.timestamp("ns")),
        "nested": pa.array([[1_735_689_600_123_456_789]] * count, pa.list_(pa.timestamp("ns"))),
    }
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), path)
    data = open_dataset(path)
    assert (len(data.usable.examples), len(data.unusable)) == (count - 1, 1)
    assert data.examples[3].id == str(uuid.UUID(int=3))
    assert set(data.labels) == {"0.0", "1.0", "2.0", "3.0"}


def test_what_json_numbers_lose_is_told(tmp_path: Path) -> None:
    source = tmp_path / "t.jsonl"
    source.write_bytes(
        b'{"input": "a", "output": {"price": 1.10}}\n{"input": "b", "output": {"price": 1.5}}\n'
    )
    lost = convert(source, tmp_path / "o.jsonl", to="prompt_completion").lost
    assert lost == {"numbers as written (1.10 is 1.1)": 1}
    assert any("numbers as written" in note for note in open_dataset(source).notes)


def test_words_of_yaml_in_a_schema_stay_what_was_written(tmp_path: Path) -> None:
    with writer_for(tmp_path / "t.jsonl")(tmp_path / "t.jsonl", ()) as add:
        for text, _ in ROWS:
            add({"input": text, "output": {"urgent": "yes", "day": "2024-01-05", "code": "007"}})
    (tmp_path / "task.yaml").write_text(
        "instruction: Extract.\nexamples: t.jsonl\noutput:\n  kind: json\n  schema:\n    type: object\n"
        "    additionalProperties: false\n    required: [urgent, day, code]\n    properties:\n"
        "      urgent: {enum: [yes, no]}\n      day: {const: 2024-01-05}\n"
        "      code: {enum: [007, off, 12:30]}\n      on: {type: integer, minimum: 3}\n",
        encoding="utf-8",
    )  # fmt: skip
    schema = load_task(tmp_path).output.json_schema
    assert schema is not None
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "urgent": {"enum": ["yes", "no"]},
        "day": {"const": "2024-01-05"},
        "code": {"enum": ["007", "off", "12:30"]},
        "on": {"type": "integer", "minimum": 3},
    }


def test_outputs_that_are_all_missing_are_none(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    source.write_bytes(table([(text, "nan") for text, _ in ROWS], "text", "label"))
    with pytest.raises(DataError, match="every output is 'nan'"):
        open_dataset(source)


def test_what_is_said_of_labels_is_said_of_the_rows_that_are_used(tmp_path: Path) -> None:
    source = tmp_path / "t.jsonl"
    rows = [
        {"text": text, "label": label if at % 2 else [label]}
        for at, (text, label) in enumerate(ROWS)
    ]
    source.write_bytes(lines(rows))
    facts = dict(understood(open_dataset(source)))
    assert facts["output"] == "2 labels: TECHNICAL 10 and OTHER 10"
    assert facts["first output"] == "TECHNICAL"
    assert facts["bad"].startswith("20 rows: the output is a JSON array")


def test_chats_that_all_call_tools_are_refused_for_that_by_every_verb(tmp_path: Path) -> None:
    source = tmp_path / "t.jsonl"
    source.write_bytes(
        lines(
            {"messages": [*chat(text, "A")[:1], *CALLING, *chat("", label)[1:]]}
            for text, label in ROWS
        )
    )
    (tmp_path / "task.yaml").write_text(
        "instruction: Sort.\nexamples: t.jsonl\noutput: {kind: text}\n", encoding="utf-8"
    )
    doors: list[Callable[[], Any]] = [
        lambda: start_from_file(tmp_path / "task", source),
        lambda: fix(source, tmp_path / "fixed.jsonl"),
        lambda: split(source, tmp_path / "parts"),
        lambda: label(source, reader=[]),
        lambda: prepare(load_task(tmp_path), seed=0),
    ]
    for door in doors:
        with pytest.raises(DataError, match="calls a tool, which cannot be weighed as text"):
            door()
    facts = dict(understood(open_dataset(source)))
    assert facts["bad"].startswith("40 rows: calls a tool, which cannot be weighed as text")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", table([(f"é {text}", label) for text, label in ROWS], "text", "label")),
        ("t.jsonl", lines({"text": f"é {text}", "label": label} for text, label in ROWS)),
    ],
)
def test_a_wrong_encoding_is_one_reason(tmp_path: Path, name: str, content: bytes) -> None:
    source = tmp_path / name
    plain = content.decode().split("\n")
    mixed = [line if at % 4 else line.replace("é ", "") for at, line in enumerate(plain)]
    source.write_bytes("\n".join(mixed).encode("latin1"))
    data = open_dataset(source)
    assert data.bad and data.examples
    assert len({row.bad.reason for row in data.bad}) == 1
    assert "iconv -f CP1252" in data.bad[0].bad.reason


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"val": [["a b", "x"], ["c d", "y"]], "train": [["e f", "x"], ["g h", 1]]},
         "around lists of pairs: write the list under 'train' alone, one object a row: "
         "jq -c '.train[] | {text: .[0], label: .[1]}' t.json > rows.jsonl"),
        ({"oos-val": [["a b", "x"], ["c d", "y"]]}, """jq -c '.["oos-val"][] | {text"""),
        ({"test": [{"text": "a", "label": "b"}, {"text": "c", "label": "d"}]},
         "around its rows: write the list under 'test' alone, one object a row: jq -c '.test[]' t.json"),
    ],
)  # fmt: skip
def test_one_object_around_the_rows_is_refused_with_the_way_out(
    tmp_path: Path, parts: dict[str, Any], says: str
) -> None:
    source = tmp_path / "t.json"
    source.write_text(json.dumps(parts), encoding="utf-8")
    for door in (open_dataset, lambda path: convert(path, tmp_path / "o.jsonl", to="openai")):
        with pytest.raises(DataError) as failure:
            door(source)
        assert says in str(failure.value)
