"""The marks of turns around an answer are taken off."""

from __future__ import annotations

import pytest

from steelyard.model.thoughts import split_thoughts
from steelyard.model.turns import bare_answer, control_tokens


@pytest.mark.parametrize(
    "text",
    [
        "B<|im_end|>",
        "B <|im_end|>\n",
        "B<|eot_id|>",
        "B<|end|>",
        "B<|endoftext|>",
        "B<|return|>",
        "B<|eom_id|><|eot_id|>",
        "B<｜end▁of▁sentence｜>",
        "B</s>",
        "B <end_of_turn>\n<eos>",
        "B<turn|>",
        "B[/INST]",
        "B [INST]",
        "B<|user|>",
        "B<|im_end|>\n<|im_start|>user\nAnd C?<|im_end|>\n<|im_start|>assistant\nC",
        "B<|im_start|>user\nAnd C?",
        "B\n<start_of_turn>user\nAnd C?",
        "B<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nC?",
        "B</s> [INST] And C? [/INST] C",
        "<|im_start|>assistant\nB<|im_end|>",
        "<|start_header_id|>assistant<|end_header_id|>\n\nB",
        "<start_of_turn>model\nB<end_of_turn>",
        "<|assistant|>\nB",
        "B<|endoftext|>\n\nC",
        "B<|endoftext|>Question: C?<|endoftext|>",
        "B<|eot_id|>assistant\n\nC",
        "B<|im_end|>assistant\nC",
        "B</s><s>[INST] C",
        "<|begin_of_box|>B<|end_of_box|>",
        'B<|im_end|><|im_start|>user\n"quoted"',
        "<|begin_of_box|>B",
        "<|channel|>final <|message|>B<|return|>",
        "<|channel|>final <|constrain|>json<|message|>B",
    ],
)
def test_marks_of_turns_are_no_part_of_the_answer(text: str) -> None:
    assert split_thoughts(text) == ("", "B", False)


@pytest.mark.parametrize(
    "text",
    [
        "<s>old</s>",
        "<s>old</s> new",
        "Write <|im_end|> at the end.",
        "B<|end|>\nC",
        "Use `<|user|>` to begin.",
        "It ends with `<|im_end|>`",
        "The mark <|user|> begins a turn.",
        "```\nB<|im_end|>\n```",
        "```\nB\n<|im_start|>user\nC",
        "As [1] says, see [2]",
        "x <| y |> z",
        "<p>B</p>",
        "<|tool_call_end|>",
        '{"prompt": "hi<|im_start|>user"}',
        '{"prompt": "hi<|im_end|><|im_start|>user"}',
        'x = "hi<|user|>"',
        "B [INSTALL]",
    ],
)
def test_what_only_looks_like_a_mark_stays(text: str) -> None:
    assert bare_answer(text) == text


def test_a_sentence_keeps_the_words_around_a_box() -> None:
    assert bare_answer("It is <|begin_of_box|>B<|end_of_box|>.") == "It is B."


def test_only_marks_leave_nothing() -> None:
    assert bare_answer("<|im_end|>") == ""


def test_control_tokens_that_are_left_can_be_counted() -> None:
    assert control_tokens("a <|x|> b <|y> c <z|> <｜w｜>") == ["<|x|>", "<|y>", "<z|>", "<｜w｜>"]
    assert control_tokens("a < b | c > d, <b>, <|>, x<|y") == []
