"""Which columns are input and output: by names, by pairs, by what they hold; and where that is unclear."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.data.columns import guess_columns
from steelyard.data.first_lines import check_assertions, check_first_lines, check_turns
from steelyard.data.formats.delimiter import delimiter_of
from steelyard.data.formats.roles import resolve, speaks_of, value_of
from steelyard.errors import DataError

WORDS = "the printer in our office is broken again since the last update came in".split()
LONG = [f"{' '.join(WORDS[at % 5 : at % 5 + 6])} {at}" for at in range(20)]
LABEL = ["red", "blue"] * 10
BIT = ["0", "1"] * 10
LEVEL = ["low", "high", "low", "mid"] * 5
NUMBER = [str(at) for at in range(20)]
SCORE = [f"{at / 4}" for at in range(20)]
ONCE = [f"word{at} of {WORDS[at % 9]} and {at}" for at in range(20)]
INSIDE = [{"contexts": [text], "labels": ["A"]} for text in LONG]


@pytest.mark.parametrize(
    ("header", "input_name", "output_name"),
    [
        ("prompt completion label", "prompt", "completion"),
        ("input output label", "input", "output"),
        ("question answer category", "question", "answer"),
        ("id question answerKey", "question", "answerKey"),
        ("text label_text label", "text", "label_text"),
        ("text labelName", "text", "labelName"),
        ("Article Highlights id", "Article", "Highlights"),
        ("ticket reply", "ticket", "reply"),
        ("reply ticket", "ticket", "reply"),
        ("document summary", "document", "summary"),
        ("subject body queue", "{subject}\n\n{body}", "queue"),
        ("title text label", "{title}\n\n{text}", "label"),
        ("context question answers", "{context}\n\n{question}", "answers"),
        ("premise hypothesis label", "{premise}\n\n{hypothesis}", "label"),
        ("sentence1 sentence2 label", "{sentence1}\n\n{sentence2}", "label"),
        ("instruction context response category", "{instruction}\n\n{context}", "response"),
        ("question contexts answer ground_truth", "question", "ground_truth"),
        ("user_input response reference", "user_input", "reference"),
        ("input actual_output expected_output", "input", "expected_output"),
        ("Title Body", "Body", None),
        ("subject queue", "subject", "queue"),
        ("claim evidence label", "{claim}\n\n{evidence}", "label"),
        ("Question 1,Question 2,label", "{Question 1}\n\n{Question 2}", "label"),
        ("id utt annot_utt intent", "utt", "intent"),
        ("Unnamed: 0 text label", "text", "label"),
        ("foo bar", None, None),
    ],
)
def test_names_say_which_is_which(
    header: str, input_name: str | None, output_name: str | None
) -> None:
    names = tuple(header.replace("Unnamed: 0", "Unnamed:_0").split("," if "," in header else None))
    roles = resolve(tuple(name.replace("Unnamed:_0", "Unnamed: 0") for name in names), {})
    assert (roles.get("input"), roles.get("output")) == (input_name, output_name)


def rows(**columns: list[Any]) -> list[dict[str, Any]]:
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        ({"eins": LONG, "zwei": LABEL}, ("eins", "zwei")),
        ({"zwei": LABEL, "eins": LONG}, ("eins", "zwei")),
        ({"nr": NUMBER, "eins": LONG, "zwei": LABEL}, ("eins", "zwei")),
        ({"wir": LONG, "sie": LONG[::-1]}, ("wir", "sie")),
        (
            {"agent_reply": LONG, "customer_message": LONG[::-1]},
            ("customer_message", "agent_reply"),
        ),
        ({"eins": LONG, "true_label": LABEL, "level": LEVEL}, ("eins", "true_label")),
        ({"eins": LONG, "0oder1": ["0", "1"] * 10}, ("eins", "0oder1")),
        ({"text": LONG, "zwei": LABEL, "nr": NUMBER}, ("text", "zwei")),
    ],
)
def test_what_cells_hold_says_it_where_names_do_not(
    columns: dict[str, list[str]], roles: tuple[str, str]
) -> None:
    found, _ = guess_columns("t.csv", tuple(columns), rows(**columns), {})
    assert (found["input"], found["output"]) == roles


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"eins": LONG, "zwei": LABEL, "drei": LEVEL}, "the output: 'zwei' or 'drei'"),
        ({"eins": LONG, "gold_a": LABEL, "gold_b": LEVEL}, "the output: 'gold_a' or 'gold_b'"),
        ({"eins": LONG}, "has one column, 'eins': an input and an output"),
        (
            {"id": NUMBER, "translation": [{"de": text, "en": text} for text in LONG]},
            "'translation' is an object: make columns of its fields 'de' and 'en'",
        ),
    ],
)
def test_what_remains_unclear_is_refused(columns: dict[str, list[str]], says: str) -> None:
    with pytest.raises(DataError, match=says):
        guess_columns("t.csv", tuple(columns), rows(**columns), {})


def test_what_columns_could_have_meant_is_told() -> None:
    columns = {"question": LONG, "answer": LONG[::-1], "category": LABEL, "notes": LONG}
    _, remarks = guess_columns("t.csv", tuple(columns), rows(**columns), {})
    assert any("it could be 'category'" in remark for remark in remarks)
    assert any("'notes' holds text that the input leaves out" in remark for remark in remarks)
    named = {"input": "{question} {notes}", "output": "answer"}
    assert guess_columns("t.csv", tuple(columns), rows(**columns), named)[1] == []


PAIRS = [
    ("question1", "question2", "is_duplicate"),
    ("sentence1", "sentence2", "same"),
    ("text_a", "text_b", "quality"),
    ("Sentence 1", "Sentence 2", "Equal"),
    ("claim", "evidence", "supported"),
    ("subject", "body", "urgent"),
]


@pytest.mark.parametrize("names", PAIRS, ids=[" ".join(names) for names in PAIRS])
@pytest.mark.parametrize("output", [BIT, [*"12345"] * 4, LABEL, [True, False] * 10, SCORE])
@pytest.mark.parametrize("more", [{}, {"qid1": NUMBER, "qid2": NUMBER[::-1]}, {"split": LEVEL}])
def test_a_known_pair_is_the_input_of_what_stands_beside_it(
    names: tuple[str, str, str], output: list[Any], more: dict[str, Any]
) -> None:
    first, second, last = names
    columns = {**more, first: LONG, second: ONCE, last: output}
    roles, remarks = guess_columns("t.csv", tuple(columns), rows(**columns), {})
    assert (roles["input"], roles["output"]) == (f"{{{first}}}\n\n{{{second}}}", last)
    assert remarks == []


@pytest.mark.parametrize("context", [ONCE, INSIDE, [[text] for text in ONCE]])
@pytest.mark.parametrize("more", [{}, {"long_answer": LONG[::-1]}])
@pytest.mark.parametrize("named", [{}, {"output": "decision"}])
def test_a_context_is_asked_whether_the_output_is_named_or_guessed(
    context: list[Any], more: dict[str, Any], named: dict[str, str]
) -> None:
    columns = {"question": LONG, "context": context, **more, "decision": LABEL}
    roles, remarks = guess_columns("t.jsonl", tuple(columns), rows(**columns), named)
    assert roles["input"] == "{context}\n\n{question}"
    is_doubtful = bool(more) and not named
    assert any("it could be 'decision'" in remark for remark in remarks) == is_doubtful


@pytest.mark.parametrize("name", ["Type", "score", "is_duplicate", "Priority"])
@pytest.mark.parametrize("values", [LABEL, BIT, [True, False] * 10])
@pytest.mark.parametrize(
    "texts", ["Text Summary", "prompt completion", "wir sie", "Summary Description"]
)
def test_few_values_beside_an_output_of_text_are_told(
    name: str, values: list[Any], texts: str
) -> None:
    first, second = texts.split()
    columns = {first: LONG, name: values, second: ONCE}
    roles, remarks = guess_columns("t.jsonl", tuple(columns), rows(**columns), {})
    if roles["output"] != name:
        assert f"it could be {name!r} (--columns output=NAME)" in "; ".join(remarks)
        named = {"output": roles["output"]}
        assert not any(
            name in r for r in guess_columns("t", tuple(columns), rows(**columns), named)[1]
        )


@pytest.mark.parametrize(
    "name", ["group_id", "Issue key", "split", "Date", "language", "system_prompt"]
)
def test_columns_that_describe_rows_are_not_told_as_outputs(name: str) -> None:
    columns = {"prompt": LONG, "completion": ONCE, name: LABEL}
    assert guess_columns("t.csv", tuple(columns), rows(**columns), {})[1] == []
    columns = {"eins": LONG, name: LABEL, "zwei": LEVEL}
    assert guess_columns("t.csv", tuple(columns), rows(**columns), {})[0]["output"] == "zwei"


def test_the_column_of_the_parts_is_no_output() -> None:
    columns = {"title": LONG, "body": ONCE, "split": LABEL}
    assert guess_columns("t.csv", tuple(columns), rows(**columns), {})[0]["output"] == "title"
    with pytest.raises(DataError, match="an input and an output column are needed"):
        guess_columns("t.csv", ("body", "split"), rows(body=ONCE, split=LABEL), {})


def test_text_inside_lists_and_objects_is_told_where_it_is_left_out() -> None:
    columns = {"query": LONG, "answer": ONCE, "passages": INSIDE, "tokens": [["a", "b"]] * 20}
    _, remarks = guess_columns("t.jsonl", tuple(columns), rows(**columns), {})
    assert [remark.partition(" holds")[0] for remark in remarks] == ["'passages'"]


FEW = ["Email", "Chat", "Phone", "Email"] * 5
LINKS = [f"https://a.example/{at}" for at in range(20)]
DAYS = [f"2024-03-{at + 1:02d}" for at in range(20)]


@pytest.mark.parametrize(
    "name", ["source", "Subject", "title", "topic", "prompt", "question", "text"]
)
@pytest.mark.parametrize("values", [FEW, LINKS, DAYS, [""] * 20])
def test_a_usual_name_of_the_input_is_borne_out_by_values(name: str, values: list[str]) -> None:
    columns = {name: values, "wording": LONG, "label": LABEL}
    roles, remarks = guess_columns("t.csv", tuple(columns), rows(**columns), {})
    assert (roles["input"], roles["output"]) == ("wording", "label")
    assert not any("wording" in remark for remark in remarks)


@pytest.mark.parametrize("values", [["yes", "no"] * 10, [f"word{at}" for at in range(20)], ONCE])
def test_an_input_of_words_stays_where_no_other_column_has_the_text(values: list[str]) -> None:
    columns = {"text": values, "level": LEVEL, "label": LABEL, "answer": LONG}
    assert guess_columns("t.csv", tuple(columns), rows(**columns), {})[0]["input"] == "text"


@pytest.mark.parametrize("name", ["target", "category", "response", "answer"])
@pytest.mark.parametrize("values", [LINKS, DAYS, [str(at + 7) for at in range(20)], [""] * 20])
def test_a_usual_name_of_the_output_is_borne_out_by_values(name: str, values: list[str]) -> None:
    columns = {"text": LONG, name: values, "sentiment": LABEL}
    assert guess_columns("t.csv", tuple(columns), rows(**columns), {})[0]["output"] == "sentiment"


@pytest.mark.parametrize("values", [SCORE, NUMBER[::-1], LABEL, ONCE, LINKS])
def test_an_output_stays_where_it_may_be_an_answer_or_nothing_else_is(values: list[str]) -> None:
    columns = {"text": LONG, "target": values, "nr": NUMBER}
    assert guess_columns("t.csv", tuple(columns), rows(**columns), {})[0]["output"] == "target"


@pytest.mark.parametrize("name", ["solutions", "gold_labels", "summaries", "model replies"])
def test_plurals_of_usual_names_are_outputs(name: str) -> None:
    columns = {"problem": [f"{text} {text}" for text in LONG], name: ONCE, "hint": LONG}
    roles, remarks = guess_columns("t.csv", tuple(columns), rows(**columns), {})
    assert roles["output"] == name
    assert not any(f"{{{name}}}" in remark for remark in remarks)


@pytest.mark.parametrize(
    "name", ["input_output", "test_list", "public_tests", "tests", "Test Cases"]
)
def test_test_cases_are_neither_input_nor_output(name: str) -> None:
    columns = {
        "problem": LONG,
        name: [[f"assert f({at}) is {at}"] for at in range(20)],
        "code": ONCE,
    }
    roles, remarks = guess_columns("t.csv", tuple(columns), rows(**columns), {})
    assert (roles["input"], roles["output"], remarks) == ("problem", "code", [])


@pytest.mark.parametrize("name", ["question_answer", "prompt response"])
def test_a_name_of_both_speaks_of_neither(name: str) -> None:
    assert not speaks_of(name, "input") and not speaks_of(name, "output")
    assert speaks_of("ticket_reply", "output") and speaks_of("text_label", "output")
    assert speaks_of("ticket_categories", "output") and not speaks_of("address", "output")


@pytest.mark.parametrize("evidence", [[[7, 9, "Oslo", 0]], ["Oslo"], {"page": "Oslo", "line": 3}])
def test_what_points_to_a_text_is_not_asked(evidence: Any) -> None:
    columns = {"claim": LONG, "evidence": [evidence] * 20, "label": LABEL}
    roles, remarks = guess_columns("t.jsonl", tuple(columns), rows(**columns), {})
    assert (roles["input"], remarks) == ("claim", [])


def test_the_longest_text_is_no_summary() -> None:
    columns = {"titles": LONG, "summaries": [f"{text} {text}" for text in ONCE], "terms": LABEL}
    roles, _ = guess_columns("t.csv", tuple(columns), rows(**columns), {})
    assert (roles["input"], roles["output"]) == ("summaries", "terms")


def test_an_input_that_is_always_the_same_gives_way() -> None:
    columns = {"Comment": ["done", ""] * 10, "Description": LONG, "Type": LABEL}
    assert guess_columns("t.csv", tuple(columns), rows(**columns), {})[0]["input"] == "Description"


@pytest.mark.parametrize(
    "header",
    [
        ("eins", "zwei"),
        ("What do you want to ask us?", "label"),
        ("What do you want to ask us?", "Which one of them is yours?"),
        ("Please tell us in your own words", "The colour of the car that you drive"),
    ],
)
def test_a_header_is_a_header(header: tuple[str, str]) -> None:
    check_first_lines("t.csv", header, rows(**dict(zip(header, (LONG, LABEL), strict=True))), {})


@pytest.mark.parametrize("header", [(LONG[0], "blue"), ("short", "red"), (LONG[0], "never again")])
def test_a_first_row_is_no_header(header: tuple[str, str]) -> None:
    body = rows(**dict(zip(header, (LONG, LABEL), strict=True)))
    with pytest.raises(DataError, match="seems to have no header"):
        check_first_lines("t.csv", header, body, {})


def test_a_template_asks_all_that_is_there() -> None:
    template = "{title}\n\n{body} [{n}]"
    assert value_of({"title": "a", "body": "b", "n": 3}, template) == "a\n\nb [3]"
    assert value_of({"title": None, "body": "b"}, template) == "b []"
    assert value_of({"title": "", "n": None}, template) is None
    assert value_of({template: "the column itself"}, template) == "the column itself"


@pytest.mark.parametrize(
    ("lines", "mark"),
    [
        (["a;b", "x, y;z", "x;z"], ";"),
        (["a,b;c", "1, 2;3", "1, 2, 4;3"], ";"),
        (['"a, b";"c"', '"x";"y"'], ";"),
        (["text\tlabel", "a, b; c\td"], "\t"),
        (["text,label", "a;b,c", "a;b;c,d"], ","),
        (["text,label;x", '"a;b",c', "d,e"], ","),
        (["a|b|c", "1,2|3|4"], "|"),
        (["only", "one"], ","),
    ],
)
def test_the_delimiter_is_the_one_that_fits_header_and_rows(lines: list[str], mark: str) -> None:
    assert delimiter_of("t.csv", [f"{line}\n" for line in lines]) == mark


DATE = [f"2026-01-{at % 5 + 1:02d}" for at in range(20)]
LISTS = [["dog", WORDS[at % 9]] for at in range(20)]


def test_dates_that_come_again_are_no_labels() -> None:
    roles, _ = guess_columns(
        "t.csv", ("text", "day", "stars"), rows(text=LONG, day=DATE, stars=LEVEL), {}
    )
    assert roles["output"] == "stars"


def test_a_list_of_words_is_the_input_where_there_is_no_text() -> None:
    body = rows(set_idx=[at // 2 for at in range(20)], concepts=LISTS, target=LONG)
    roles, _ = guess_columns("t.jsonl", tuple(body[0]), body, {})
    assert (roles["input"], roles["output"]) == ("{concepts}", "target")


def test_questions_in_lists_that_are_left_out_are_told() -> None:
    asked = [[{"text": f"who {at}?", "turn": 1}] for at in range(20)]
    body = rows(story=LONG, questions=asked, answers=LISTS)
    assert "'questions' holds text that the input leaves out" in " ".join(
        guess_columns("t.jsonl", tuple(body[0]), body, {})[1]
    )


def test_chats_in_one_text_are_called_that() -> None:
    body = rows(text=[f"### Human: {text}### Assistant: yes" for text in LONG])
    with pytest.raises(DataError, match="whole chats in one text"):
        guess_columns("t.jsonl", ("text",), body, {})


def test_a_second_header_is_refused() -> None:
    first = {
        "Respondent ID": "",
        "Start": "",
        "What is it?": "Open-Ended Response",
        "OK?": "Response",
    }
    body = [
        first,
        *rows(**{"Respondent ID": NUMBER, "Start": DATE, "What is it?": LONG, "OK?": LABEL}),
    ]
    with pytest.raises(DataError, match=r"second header.*Open-Ended Response"):
        check_first_lines("t.csv", tuple(first), body, {})
    assert not check_first_lines("t.csv", tuple(first), body[1:], {})


def test_a_first_line_that_reads_like_a_row_is_told_where_the_columns_are_named() -> None:
    header = (LONG[0], "red")
    body = rows(**dict(zip(header, (LONG, LABEL), strict=True)))
    named = {"input": header[0], "output": header[1]}
    assert check_first_lines("t.csv", header, body, named) == [
        "the first line is taken as the header, though it reads like a row"
    ]


def test_a_column_of_nothing_is_no_input() -> None:
    asked = [{"question": text} for text in LONG]
    body = rows(source_run_id=[None] * 20, inputs=asked, outputs=asked, created_at=DATE)
    roles, _ = guess_columns("t.jsonl", tuple(body[0]), body, {})
    assert (roles["input"], roles["output"]) == ("{inputs}", "outputs")


@pytest.mark.parametrize(
    "name", ["Response ID", "label_id", "ResponseId", "answer hash", "Label Date"]
)
def test_an_id_is_no_output_whatever_else_its_name_says(name: str) -> None:
    ids = [f"r_{at}" for at in range(20)]
    roles, _ = guess_columns(
        "t.csv",
        (name, "Comment", "Stars"),
        rows(**{name: ids, "Comment": LONG, "Stars": LEVEL}),
        {},
    )
    assert roles["output"] == "Stars"


def test_a_score_of_two_sentences_is_their_output() -> None:
    body = rows(genre=LABEL, sentence1=LONG, sentence2=ONCE, score=SCORE)
    roles, remarks = guess_columns("t.tsv", tuple(body[0]), body, {})
    assert roles["output"] == "score"
    assert "it could be 'genre'" in remarks[0]


@pytest.mark.parametrize(
    ("name", "values", "is_refused"),
    [
        ("role", ["prompter", "assistant"], True),
        ("Speaker", ["Customer", "Agent"], True),
        ("author_role", ["user", "bot"], True),
        ("label", ["customer", "agent"], False),
        ("role", ["nurse", "doctor"], False),
        ("role", ["user", "admin"], False),
    ],
)
def test_one_message_a_row_is_refused(name: str, values: list[str], is_refused: bool) -> None:
    body = rows(**{"text": LONG, name: values * 10})
    named = {"input": "text", "output": name}
    check_turns("t.csv", ("text", name), body, named)
    if is_refused:
        with pytest.raises(DataError, match="one message a row"):
            check_turns("t.csv", ("text", name), body, {})
    else:
        check_turns("t.csv", ("text", name), body, {})


SQL = [f"SELECT a FROM b WHERE c = {at} AND {WORDS[at % 9]}" for at in range(20)]


@pytest.mark.parametrize("named", ["question", "{question} {query_toks}", "{db} {question}"])
def test_naming_the_input_changes_no_output(named: str) -> None:
    body = rows(db=LABEL, question=LONG, query=SQL, query_toks=[text.split() for text in SQL])
    roles, remarks = guess_columns("t.json", tuple(body[0]), body, {"input": named})
    assert (roles["input"], roles["output"]) == (named, "query")
    assert "query_toks" not in " ".join(remarks)


def test_naming_the_output_changes_no_input() -> None:
    body = rows(
        Title=["Pick one"] * 20, Description=["Read it"] * 20, message=LONG, Answer_label=LABEL
    )
    for columns in ({}, {"output": "Answer_label"}):
        roles, _ = guess_columns("t.csv", tuple(body[0]), body, columns)
        assert (roles["input"], roles["output"]) == ("message", "Answer_label")


def test_three_header_lines_are_called_that() -> None:
    ids = ["Response ID", '{"ImportId": "_recordId"}', *NUMBER]
    body = rows(ResponseId=ids, Q2=["Why?", '{"ImportId": "Q2"}', *LONG])
    with pytest.raises(DataError, match="Qualtrics' three header lines"):
        check_first_lines("t.csv", tuple(body[0]), body, {"input": "Q2", "output": "ResponseId"})


@pytest.mark.parametrize(
    "expected", ["equals: Billing", "icontains: a", "not-contains: b", "is-json"]
)
def test_assertions_are_no_outputs(expected: str) -> None:
    body = rows(message=LONG, __expected=[expected, *LABEL[1:]])
    with pytest.raises(DataError, match="promptfoo's assertions"):
        check_assertions("t.csv", "__expected", body)
    check_assertions("t.csv", "message", body)
    check_assertions("t.csv", "__expected", rows(__expected=LABEL))


def test_senders_are_no_labels_beside_what_may_be_meant() -> None:
    parsed = [{"sku": f"s{at}", "qty": at} for at in range(20)]
    body = rows(**{"from": LABEL, "subject": ONCE, "body": LONG, "extracted": parsed})
    with pytest.raises(DataError, match=r"'from'.* or 'extracted'"):
        guess_columns("t.jsonl", tuple(body[0]), body, {})


def test_a_schema_that_is_left_out_is_told_though_it_comes_again() -> None:
    schema = ["CREATE TABLE orders (id INT, total INT, name TEXT)"] * 12 + [
        "CREATE TABLE a (b INT, c INT, d TEXT)"
    ] * 8
    body = rows(sql_prompt=LONG, sql_context=schema, sql=SQL)
    roles, remarks = guess_columns("t.csv", tuple(body[0]), body, {"output": "sql"})
    assert roles["output"] == "sql"
    assert "'sql_context' holds text that the input leaves out" in remarks[0]


def test_constants_are_no_outputs_and_objects_are_named() -> None:
    source = [{"message": text, "category": label} for text, label in zip(LONG, LABEL, strict=True)]
    body = rows(_index=["t"] * 20, _type=["doc"] * 20, _source=source)
    with pytest.raises(DataError, match="make columns of its fields 'message' and 'category'"):
        guess_columns("t.jsonl", tuple(body[0]), body, {})


def test_a_full_column_is_asked_rather_than_one_of_gaps() -> None:
    gaps = [None if at % 3 else text for at, text in enumerate(ONCE)]
    body = rows(parent_text=gaps, reported_text=LONG, decision=LABEL)
    roles, _ = guess_columns("t.jsonl", tuple(body[0]), body, {"output": "decision"})
    assert roles["input"] == "reported_text"


def test_texts_that_a_label_is_about_are_told_whatever_they_are_called() -> None:
    body = rows(question=LONG, response_a=ONCE, response_b=SQL, preferred=LABEL)
    for columns in ({}, {"output": "preferred"}):
        roles, remarks = guess_columns("t.csv", tuple(body[0]), body, columns)
        assert roles["output"] == "preferred"
        assert "'response_a' and 'response_b' hold text that the input leaves out" in remarks[-1]
