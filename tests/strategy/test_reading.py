"""What a model wrote, read as an answer."""

from __future__ import annotations

import pytest

from steelyard.core import Completion
from steelyard.score import build_metric
from steelyard.strategy.base import Brief
from steelyard.strategy.reading import canonical, misfit, read_completion, split_reasoned

TEXT = Brief("Say.", "text", metric="exact_match")
NUMBER = Brief("Say.", "text", metric="numeric")
LABEL = Brief("Say.", "label", labels=("billing", "login"))
JSON = Brief("Say.", "json", metric="json_match")


def read(brief: Brief, text: str) -> tuple[str | None, str | None]:
    return read_completion(brief, Completion(text, "stop"), reasoned=True)


@pytest.mark.parametrize(
    ("brief", "text", "output"),
    [
        (TEXT, "We think.\nThe answer is: Paris", "Paris"),
        (TEXT, "We think.\nThe final answer is：**Paris**", "Paris"),
        (TEXT, "We think.\nThe answer is **Paris**.", "Paris"),
        (TEXT, "We think.\n**The answer is:** Paris", "Paris"),
        (TEXT, "We think.\nThe answer is Paris.", "Paris."),
        (TEXT, "We think.\n#### Final Answer\n**Paris**", "Paris"),
        (TEXT, "We think.\n#### Paris", "Paris"),
        (TEXT, "We think.\n### Paris", "Paris"),
        (LABEL, "We think.\nThe answer is: billing", "billing"),
        (LABEL, "I am not sure, but the answer is billing", "billing"),
        (LABEL, "#### Conclusion\nNot login, I see.\nbilling", "billing"),
        (JSON, 'So.\nAnswer: {"a": "The answer: 4", "b": 1}', '{"a": "The answer: 4", "b": 1}'),
        (JSON, '{"a": "The answer: [4]"}', '{"a": "The answer: [4]"}'),
        (JSON, 'Answer: {"a": 1}\nThat answer is: final.', '{"a": 1}'),
        (JSON, 'So.\n**Answer:**\n```json\n{"a": 1}\n```', '{"a": 1}'),
    ],
)
def test_the_answer_is_what_was_announced(brief: Brief, text: str, output: str) -> None:
    assert read(brief, text) == (output, None)


@pytest.mark.parametrize(
    "text",
    [
        "#### Step 1: count\n6 * 7 = 42\n#### Final Answer\n42",
        "### Working\n...\n#### Answer\n42",
        "So $\\boxed{42}$ apples.\nThis is the final answer.",
        "The final answer is:\n\n$$\n\\boxed{42}\n$$\n",
        "The answer is 42.\nI hope that the answer is clear.",
        "12 and 30.\n#### 42 apples\nThese were 2 steps.",
    ],
)
def test_a_number_is_found_under_headings_and_in_boxes(text: str) -> None:
    output, _ = read(NUMBER, text)
    assert build_metric("numeric").score(output, "42") == 1


def test_json_without_any_answer_is_told_from_the_last_marker() -> None:
    assert read(JSON, 'Say {"a": 1}.\nAnswer: none')[1] == "not a JSON object or array: 'none'"


@pytest.mark.parametrize(
    "text",
    [
        "I don't think the answer is billing.",
        "If the answer is billing, ask again.",
        "We think.\nThe answer is not billing",
        "It is unclear whether the answer is billing",
    ],
)
def test_an_answer_in_doubt_is_none(text: str) -> None:
    output, reason = read(LABEL, text)
    assert output is None and reason is not None and reason.startswith("not a label: ")


def test_a_heading_splits_nothing_off() -> None:
    assert split_reasoned("#### Step 1\nsix\n#### Step 2\nseven") is None
    assert split_reasoned("six\n#### 6") == ("six", "6")
    assert split_reasoned("Answer:  ") is None


def test_votes_are_grouped_by_the_number_that_the_metric_reads() -> None:
    boxed = "\\boxed{42}, found in 3 steps"
    assert canonical(NUMBER, boxed) == canonical(NUMBER, "42.0") != canonical(NUMBER, "3")
    assert canonical(NUMBER, "#### 42 apples\nfor 5 of us") == canonical(NUMBER, "42")
    assert canonical(NUMBER, " No  idea") == "no idea"


@pytest.mark.parametrize("schema", ['{"$ref": "#/$defs/none"}', '{"$ref": "#"}', '{"type": 3}'])
def test_a_schema_that_cannot_be_followed_finds_no_misfit(schema: str) -> None:
    assert misfit(Brief("Say.", "json", schema=schema), '{"a": 1}') is None


def test_a_misfit_is_said_and_deep_values_are_survived() -> None:
    brief = Brief("Say.", "json", schema='{"items": {"$ref": "#"}, "type": "array"}')
    assert misfit(brief, "[[1]]") == '$[0][0]: 1 is not of type "array"'
    assert misfit(brief, "[" * 150 + "]" * 150) is None
    assert misfit(brief, "[" * 150 + "1" + "]" * 150) == f'${"[0]" * 150}: 1 is not of type "array"'


ASKED = "Ticket 7: I was charged twice"


@pytest.mark.parametrize(
    "more",
    [
        "\n\nQuestion: about my password?\nAnswer: login",
        "\n\nQ: about my password?\nThe answer is login.",
        "\nHuman: about my password?\nAnswer: login",
        "\nuser\nabout my password?\nassistant\nAnswer: login",
        "\n\nInput: about my password?\nAnswer: login",
        "\n\n### Instruction:\nAnd my password?\nAnswer: login",
        "\n\nTicket 8: about my password?\nIt is that.\nAnswer: login",
        "\n\n**Ticket:** about my password?\nFinal answer: login",
        "\n\nQuestion: a?\nAnswer: login\n\nQuestion: b?\nAnswer: login",
    ],
)
def test_what_a_model_asks_itself_next_is_not_read(more: str) -> None:
    done = Completion(f"It fits.\nAnswer: billing{more}", "stop")
    assert read_completion(LABEL, done, reasoned=True, question=ASKED) == ("billing", None)
    done = Completion(f"billing{more}", "stop")
    assert read_completion(LABEL, done, reasoned=False, question=ASKED) == ("billing", None)
    done = Completion('{"a": 1}' + more.replace("login", '{"a": 2}'), "stop")
    assert read_completion(JSON, done, reasoned=False, question=ASKED) == ('{"a": 1}', None)


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("Answer: login\n\nWait, that is wrong.\nAnswer: billing", "billing"),
        ("Step 1: Answer: login\nStep 2: no.\nAnswer: billing", "billing"),
        ("Question: which is it?\nMoney.\nAnswer: billing", "billing"),
        ("I restate it.\nTicket 7: I was charged twice\nAnswer: billing", "billing"),
        (
            "Question 1: a password?\nAnswer: no.\nQuestion 2: money?\nAnswer: yes.\n"
            "Final answer: billing",
            "billing",
        ),
    ],
)
def test_steps_to_an_answer_are_no_next_item(text: str, output: str) -> None:
    done = Completion(text, "stop")
    assert read_completion(LABEL, done, reasoned=True, question=ASKED) == (output, None)


def test_text_goes_on_unless_a_final_answer_is_compared() -> None:
    text = "Paris\n\nQuestion: and of Spain?\nAnswer: Madrid"
    done = Completion(text, "stop")
    assert read_completion(TEXT, done, reasoned=False) == ("Paris", None)
    for whole in (
        "Status: open\nProblem: none\nUser: bob",
        "Status: open\n\nUser: bob",
        "open\nUser: bob",
        "Paris\n\nNotes: none",
    ):
        assert read_completion(TEXT, Completion(whole, "stop"), reasoned=False) == (whole, None)
    long_text = Brief("Say.", "text", metric="rouge_l")
    assert read_completion(long_text, done, reasoned=False) == (text, None)


@pytest.mark.parametrize(
    "more",
    [
        "\n\nEmail: my password\nAnswer: login",
        "\n\n---\n\nMy password.\nAnswer: login",
        "\n\nExample 2:\nMy password.\nAnswer: login",
        "\n\nI forgot my password.\n**Answer:** login",
    ],
)
def test_of_several_answers_that_differ_none_is_certain(more: str) -> None:
    assert read(LABEL, f"It fits.\nAnswer: billing{more}") == (
        None,
        "it announces several answers that differ",
    )
    same = more.replace("login", "billing")
    assert read(LABEL, f"It fits.\nAnswer: billing{same}") == ("billing", None)
    numbers = f"So.\nAnswer: 42{more}".replace("login", "43")
    assert read(NUMBER, numbers)[0] is None


@pytest.mark.parametrize(
    "between",
    [
        "\n\nWait, that is wrong.\n",
        "\n\nLet me check it again.\n\n",
        "\n\nRechecking the ticket: money.\n",
        "\n\nFinal ",
        "\nIt is money.\n",
    ],
)
def test_an_answer_that_is_revised_is_the_last_one(between: str) -> None:
    assert read(LABEL, f"It fits.\nAnswer: login{between}Answer: billing") == ("billing", None)


def test_votes_are_parted_by_the_layout_of_code() -> None:
    code = "if a:\n    b()\n    c()"
    assert canonical(TEXT, code) == canonical(TEXT, f"{code}  \n")
    assert canonical(TEXT, code) != canonical(TEXT, "if a:\n    b()\nc()")
