from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core import Message, Question
from steelyard.errors import ConfigError
from steelyard.strategy.formats import Shot, fill, get_format, load_formats

SHOTS = (Shot("first {input}", "ONE"), Shot("second", "TWO"))
FORMATS = list(load_formats())


def chat(name: str, text: str, shots: tuple[Shot, ...] = SHOTS) -> str:
    messages = get_format(name).render("Do it.", "label", shots, Question(text))
    return "\x00".join(f"{role}\x01{content}" for role, content in messages)


def test_there_are_at_least_four_formats() -> None:
    assert len(FORMATS) >= 4


@pytest.mark.parametrize("name", FORMATS)
def test_what_does_not_depend_on_the_input_comes_first(name: str) -> None:
    left, right = chat(name, "\x02 apple"), chat(name, "\x03 pear")
    shared = left[: left.index("\x02")]
    assert right.startswith(shared)
    assert "Do it." in shared
    assert all(shot.input in shared and shot.output in shared for shot in SHOTS)
    tail = left[left.index("\x02") :].removeprefix("\x02 apple")
    assert tail == right[right.index("\x03") :].removeprefix("\x03 pear")
    assert ("Do it." in tail) == (name == "restated_list")
    assert len(tail) <= 20


@pytest.mark.parametrize("name", FORMATS)
def test_without_shots_only_instruction_and_input_remain(name: str) -> None:
    text = chat(name, "apple", ())
    assert "apple" in text and "Do it." in text and "Example" not in text


@pytest.mark.parametrize("name", FORMATS)
def test_turns_alternate_and_end_with_the_user(name: str) -> None:
    messages = get_format(name).render("Do it.", "text", SHOTS, Question("apple"))
    roles = [message.role for message in messages if message.role != "system"]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_rows_own_turns_are_kept(name: str) -> None:
    context = (
        Message("system", "Be kind."),
        Message("system", "Do it."),
        Message("user", "hello"),
        Message("assistant", "yes?"),
    )
    messages = get_format(name).render("Do it.", "label", (), Question("apple", context))
    text = "\n".join(content for _, content in messages)
    assert text.count("Do it.") == (2 if name == "restated_list" else 1)
    assert [message.role for message in messages].count("system") == 1
    assert messages[0].content.endswith("Be kind.")
    assert messages[-2] == Message("assistant", "yes?")


@given(st.text())
def test_braces_in_values_stay(text: str) -> None:
    assert fill("<{input}>", {"input": text}) == f"<{text}>"


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'system_user'"):
        get_format("system_usr")


def test_what_is_indented_has_a_line_of_its_own() -> None:
    code = "    x = 1\n    return x"
    assert fill("Text: {input}\nAnswer: {output}\n", {"input": "a", "output": code}) == (
        f"Text: a\nAnswer:\n{code}\n"
    )
    assert fill("{output}", {"output": code}) == code
    assert fill("A: {output}", {"output": "  a  "}) == "A:   a  "
