"""Which JSON a text gives: a table, most of it of texts that must not be read, and what holds for all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.json_schema import JsonSchema
from steelyard.json_text import json_value, read_json
from steelyard.score import build_metric
from steelyard.score.rules.base import Reply
from steelyard.score.rules.form import ValidJson
from steelyard.score.rules.ifeval import JsonFormat


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("[1, 2]", "[1, 2]"),
        ("[]", "[]"),
        ("{}", "{}"),
        ('\ufeff{"a": 1}\n', '{"a": 1}'),
        ('"{\\"a\\": 1}"', '{"a": 1}'),
        ('```json\n{"a": [1, 2]}\n```', '{"a": [1, 2]}'),
        ('```\n{"a": 1}\n```', '{"a": 1}'),
        ('~~~json\n{"a": 1}\n~~~', '{"a": 1}'),
        ('```json {"a": 1}```', '{"a": 1}'),
        ('```json\n{"a": 1}', '{"a": 1}'),
        ('The form is\n```json\n{"a": 0}\n```\nand so\n```json\n{"a": 2}\n```', '{"a": 2}'),
        ('```json\n{"a": 1}\n```\nfrom\n```python\nx = [1]\n```', '{"a": 1}'),
        ('For {"q": 1}:\n```\n{"a": 1}\n```\nnot {"a": 2}.', '{"a": 1}'),
        ('Here you are: {"a": {"b": 2}} Anything else?', '{"a": {"b": 2}}'),
        ('As in [1]: {"a": 1}', '{"a": 1}'),
        ('use {x} as the key: {"a": 1}', '{"a": 1}'),
        ('the set {1, 2}, so {"a": 1}', '{"a": 1}'),
        ("so {'a': {'b': 1}} or rather {\"a\": 1}", '{"a": 1}'),
        ('{"a": 1} that is {"a":1}', '{"a":1}'),
        ('{"a": "```\\n{\\"b\\": 1}\\n```"}', '{"a": "```\\n{\\"b\\": 1}\\n```"}'),
        ('{"a": "} {"}', '{"a": "} {"}'),
        ('{"é": "\\ud83d\\ude00"}', '{"é": "\\ud83d\\ude00"}'),
        ("[1, 2]\n\nDone.", "[1, 2]"),
        ("[]\nNothing was found.", "[]"),
        ("Items:\n```json\n[1]\n```\nDone.", "[1]"),
        ('The list: [{"a": 1}]', '[{"a": 1}]'),
        ('Here it is in JSON format: {"a": 1}', '{"a": 1}'),
        ('It is not {"a": 0}. It is {"a": 1}.', '{"a": 1}'),
        ('For example:\n```json\n{"a": 0}\n```\nAnswer: {"a": 1}', '{"a": 1}'),
        ('{"a": 1}\n\nLet me know if it is not clear.', '{"a": 1}'),
        ('{"a": 1e308}', '{"a": 1e308}'),
        # what is denied is another thing
        ('The text did not give a date, so I left it null: {"a": null}', '{"a": null}'),
        ('Not found in the text, hence null: {"a": null}', '{"a": null}'),
        ('I could not find the name; here is the JSON:\n{"a": 1}', '{"a": 1}'),
        ('I can\'t find the date, so I set it to null:\n```json\n{"a": null}\n```', '{"a": null}'),
        ('I don\'t know the date but the rest is: {"a": 1}', '{"a": 1}'),
        ('It isn\'t spam, so the answer is {"a": 1}', '{"a": 1}'),
        ('{"a": 1}\nWas this helpful?', '{"a": 1}'),
        ('{"a": 1}\n\nIs this what you needed? Let me know.', '{"a": 1}'),
        ('<!-- {"a": 0} -->\n{"a": 1}', '{"a": 1}'),
        ('<!-- a note -->\n{"a": 1}', '{"a": 1}'),
    ],
)
def test_json_that_is_given(text: str, document: str) -> None:
    assert read_json(text) == (document, None)


@pytest.mark.parametrize(
    "text",
    [
        # no JSON
        "",
        "no",
        "3",
        '"a"',
        "null",
        "true",
        '"[not json"',
        "a: 1",
        "{a: 1}",
        "{'a': 1}",
        "{1, 2}",
        "{x}",
        "{",
        "}",
        "]{",
        "[1, 2",
        "f(x) = [x]",
        '("a", 1)',
        "<a>1</a>",
        # nearly JSON
        '{"a": 1,}',
        "[1, 2,]",
        '{"a" 1}',
        '{"a": 01}',
        '{"a": .5}',
        '{"a": +1}',
        '{"a": 0x1}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": undefined}',
        '{"a": True}',
        '{"a": None}',
        '{"a": 1; "b": 2}',
        '{"a": 1 "b": 2}',
        '{"a": "line\nbreak"}',
        '{"a": “b”}',
        '{"a": 1 /* one */}',
        '{"a": 1, // one\n"b": 2}',
        '{"a": {"b": 1},}',
        '{"a": NaN, "b": {"c": 1}}',
        '[{"a": 1}, {"a": 2},]',
        "{'a': {\"b\": 1}}",
        # a key that stands twice
        '{"a": 1, "a": 2}',
        '{"a": 1, "a": 1}',
        '{"b": {"a": 1, "a": 2}}',
        '```json\n{"a": 1, "a": 2}\n```',
        # cut off
        '{"a": 1',
        '{"a": {"b": 1}',
        '{"a": {"b": 1}, "c": "d',
        '[{"a": 1}, {"a": 2}',
        '[{"a": 1}, {"a":',
        '```json\n{"a": {"b": 1}',
        '{"a": 1}\n{"a": ',
        'The first {"a": 1}, the second {"a": {"b": 2}',
        '"{\\"a\\": 1',
        # several that differ
        '{"a": 1} {"a": 2}',
        '{"a": 1}\n{"b": 1}',
        '{"a": 1}\n[{"a": 1}]',
        'Input: {"q": 1}\nOutput: {"a": 1}',
        '```\n{"a": 1}\n{"a": 2}\n```',
        "[1, 2] or [3, 4]",
        '```json\n{"a": 1}\n```\nor rather {"a": 2}',
        'The form:\n```\n{"a": 0}\n```\nMy answer: {"a": 1}\nOr {"a": 2}',
        '```json\n{"a": 0}\n```\n\nMy answer: {"a": 1}',
        # denied, or an example
        'The answer is not {"a": 1}.',
        'It isn’t {"a": 1}',
        '{"a": 1} (not final)',
        'If it were known: {"a": 1}',
        "Sorry, I can't:\n```json\n{}\n```",
        'I can\'t decide. The format would be {"a": 1}.',
        'For example {"a": 1}',
        'For example:\n\n{"a": 1}',
        'An example:\n```json\n{"a": 1}\n```',
        'It is not\n{"a": 1}',
        'I say no instead of {"a": 1}.',
        '{"a": 1}\n\nWait, that is wrong.',
        '{"a": 1} is wrong',
        '```json\n{"a": 1}\n```\nActually, no.',
        '{"a": 1}? No.',
        '{"a": 1}... hmm, no.',
        '{"a": 1}\n\nThe above is only an example.',
        '{"a": 1} was my first guess.',
        'Given the input {"a": 1}, I cannot answer.',
        'Input: {"a": 1}',
        'Input:\n```json\n{"a": 1}\n```',
        'Invalid: {"a": 1}',
        'You sent {"a": 1}',
        'Do not use this, it is only a sketch: {"a": 1}',
        'Do not take this as the answer: {"a": 1}',
        'The date is not given, so this is not the answer: {"a": 1}',
        "I can't help with it, so here is an empty object: {}",
        'I cannot answer, so the result is {"a": null}',
        '{"a": 1}\nWas it right?',
        '{"a": 1}\nWas this really it?',
        'If new: {"a": 1}',
        'If new: {"a": 1}\nOtherwise: {"a": 2}',
        'If new: {"a": 1}\nElse: {"a": 2}',
        'Otherwise: {"a": 1}',
        '<!-- {"a": 1} -->',
        '<!--\nTODO\n{"a": 1}\n-->\nDone.',
        '// {"a": 1}',
        '/* {"a": 1} */',
        '~~{"a": 1}~~',
        # lists among other words
        "I cannot do that [1]",
        "[1] I cannot do that",
        "The list is [].",
        "As shown in [1, 2].",
        'The key ["a"] is missing.',
        "[1]\nSmith and others",
        # infinite
        '{"a": 1e999}',
        '{"a": [-1e999]}',
        "[1e999]",
        '```json\n{"a": 1e999}\n```',
        # too deep, too long
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 300 + "]" * 300,
        '{"a": ' + "[" * 5_000 + "]" * 5_000 + "}",
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": 1} ' * 500,
    ],
)
def test_json_that_is_not_given(text: str) -> None:
    document, reason = read_json(text)
    assert document is None
    assert reason is not None and reason.startswith("not a JSON object or array: ")
    assert len(reason) < 160


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "a": 2}', "(the key 'a' stands twice)"),
        ('So {"a": {"b": 1}', "(it is cut off)"),
        ('{"a": 1} {"a": 2}', "(it holds several that differ)"),
        ("[" * 300 + "]" * 300, "(it is nested over 200 deep)"),
        ("[" * 100_000, "(it is nested too deeply)"),
    ],
)
def test_the_reason_says_what_is_wrong(text: str, why: str) -> None:
    reason = read_json(text)[1]
    assert reason is not None and reason.endswith(why)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_FORMS = (
    "{}",
    "\ufeff{}",
    "```json\n{}\n```",
    "Here you are:\n\n```\n{}\n```\nDone [1].",
    " \n{}\n ",
)


@settings(deadline=None)
@given(
    value=st.dictionaries(st.text(), _VALUES, max_size=4) | st.lists(_VALUES, max_size=4),
    form=st.sampled_from(_FORMS),
    indent=st.none() | st.integers(0, 4),
)
def test_every_document_is_read_as_itself(value: object, form: str, indent: int | None) -> None:
    document = json.dumps(value, indent=indent)
    assert read_json(form.replace("{}", document)) == (document, None)


@settings(deadline=None)
@given(st.text(alphabet='{}[]",:1a \n`\\'))
def test_any_text_gives_json_or_a_reason(text: str) -> None:
    document, reason = read_json(text)
    assert (document is None) != (reason is None)
    assert document is None or isinstance(json.loads(document), dict | list)


@pytest.mark.parametrize(
    "piece",
    ["{", "[", "[1,", "[1 ", '{"a":', '{"a" ', '"', "a", "```\n", '{"a":1}', "[1]", "{ ", "\\"],
)
def test_a_long_text_takes_no_time(piece: str) -> None:
    started = time.process_time()
    read_json(piece * (100_000 // len(piece)))
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "between", ["\n", "\nFor invoice 2:\n", "\nInput was:\n", "\nAlternatively:\n"]
)
def test_fences_that_differ_give_none(between: str) -> None:
    first, second = '```json\n{"a": 1}\n```', '```json\n{"a": 2}\n```'
    assert read_json(f"For invoice 1:\n{first}{between}{second}")[0] is None
    assert read_json(f"Here:\n{first}{between}{first}")[0] == '{"a": 1}'


def _scores(metric: str, **options: object) -> Callable[[str], bool]:
    return lambda text: build_metric(metric, options).score(text, text) == 1


DOORS: dict[str, Callable[[str], bool]] = {
    "read_json": lambda text: read_json(text)[0] is not None,
    "json_match": _scores("json_match"),
    "json_match typed": _scores("json_match", typed=True),
    "field_f1": _scores("field_f1"),
    "valid_json": lambda text: ValidJson().is_kept(Reply(text)),
    "ifeval": lambda text: JsonFormat().is_kept(Reply(text)),
    "schema": JsonSchema(True).is_fitting_text,
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_takes_and_refuses_the_same(door: str) -> None:
    """What no parser agrees about is JSON nowhere: a figure must not depend on the metric's parser."""
    is_taken = DOORS[door]
    for taken in (
        '{"a": 1}',
        '[{"a": 1e300}]',
        '{"a": {"a": 1}}',
        '{"a": ' + "[" * 9 + "]" * 9 + "}",
    ):
        assert is_taken(taken), taken
    for inner in (
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
        "-Infinity",
        '{"b": 1, "b": 2}',
        "9" * 5_000,
    ):
        assert not is_taken(f'{{"a": {inner}}}'), inner[:20]
    for refused in ('{"a": 1, "a": 1}', "[" * 300 + "]" * 300, "[" * 100_000 + "]" * 100_000):
        assert not is_taken(refused), refused[:20]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "", "{", '"a', "[" * 300 + "]" * 300])
def test_a_value_of_any_type_is_the_whole_text_or_none(text: str) -> None:
    assert [json_value(given) for given in ("3", '"a"', " null\n", "[1]")] == [3, "a", None, [1]]
    with pytest.raises(ValueError, match=r"."):
        json_value(text)
