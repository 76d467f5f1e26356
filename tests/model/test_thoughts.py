"""What a model thought stands apart from what it answered."""

from __future__ import annotations

import time

import pytest

from steelyard.core import Completion, Example
from steelyard.model.thoughts import (
    cut_reason,
    is_thought_mark,
    open_thought,
    split_thoughts,
    why_unanswered,
    with_plain_reference,
    without_thoughts,
)

HARMONY = "<|start|>assistant<|channel|>final<|message|>"


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>Money, so A.\nNo: B.</think>\n\nB", "Money, so A.\nNo: B.", "B"),
        ("<think>\n\n</think>\n\nB", "", "B"),
        ("<THINK>a</THINK>\n<think>b</think> B", "a\n\nb", "B"),
        ("Well.\n<think>a</think>\nB", "a", "Well.\n\nB"),
        ("so it is B.\n</think>\n\nB", "so it is B.", "B"),
        ("so it is B.</think>B", "so it is B.", "B"),
        ("<think>a <think>b</think> c</think> B", "a <think>b</think> c", "B"),
        ("<think>I may write <think> here\n</think>B", "I may write <think> here", "B"),
        ("<thinking>a</thinking><answer>B</answer>", "a", "B"),
        ("<thought>a</thought>B", "a", "B"),
        ("<reasoning>a</reasoning>\n<response>\nB\n</response>", "a", "B"),
        ("<think duration=3>a</think>B", "a", "B"),
        ("<seed:think>a</seed:think>B", "a", "B"),
        ("[THINK]a[/THINK]B", "a", "B"),
        ("◁think▷a◁/think▷B", "a", "B"),
        ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>B<|END_RESPONSE|>", "a", "B"),
        (f"<|channel|>analysis<|message|>a<|end|>{HARMONY}B<|return|>", "a", "B"),
        ("<think>a</think><think>b</think>B", "a\n\nb", "B"),
        ("<think>a</think> [x](y)", "a", "[x](y)"),
        ("<think>a</think>\n<answer>B</answer>\nbye", "a", "<answer>B</answer>\nbye"),
        ("<scratchpad>a</scratchpad>\nB", "a", "B"),
        ("<analysis>a</analysis><answer>B", "a", "B"),
        ("<unused94>thought\na<unused95>B", "a", "B"),
        ("<|im_start|>think\na is 8.\n<|im_start|>answer\nB", "a is 8.", "B"),
        ("<think/>\nB", "", "B"),
        ("analysisThe user asks.assistantfinalB", "The user asks.", "B"),
        ('<think>a</think>\n{"a": "<think>"}', "a", '{"a": "<think>"}'),
        ("text <think>a</think> X", "a", "text X"),
        ("Sure! <think>It is A.\nNo, B.</think> B", "It is A.\nNo, B.", "Sure! B"),
        ("B <think>so it is</think>", "so it is", "B"),
        ("A<think>hm</think>B", "hm", "A B"),
        ("Well. <think>a</think> <think>b</think> X", "a\n\nb", "Well. X"),
        ("ok [THINK]a[/THINK] B", "a", "ok B"),
        ("ok <|channel|>analysis<|message|>a<|end|> B", "a", "ok B"),
        ("ok <think>a <think>b</think> c</think> Y", "a <think>b</think> c", "ok Y"),
        ("ok <think>a</think> B\n<think>c</think>\nD", "a\n\nc", "ok B\n\nD"),
        ("<|channel>thought\nMaybe C? No.<channel|>B", "Maybe C? No.", "B"),
        ("<|channel>thought\n<channel|>B<turn|>", "", "B"),
        ("Maybe C.<channel|>B", "Maybe C.", "B"),
        ('<details type="reasoning" done="true" duration="3">\n> a\n</details>\nB', "> a", "B"),
        ("<details>\n<summary>Thinking</summary>a</details>B", "</summary>a", "B"),
        ("Here is my thought process:\nC?\n\nHere is my response:\nB", "C?", "B"),
        ("Here's my thinking: C? Here's my answer: B", "C?", "B"),
        ("Here are my reasoning steps:\nC?\n[BEGIN FINAL RESPONSE]\nB", "C?", "B"),
        ("[BEGIN FINAL RESPONSE]B[END FINAL RESPONSE]<|end|>", "", "B"),
        ("C?\n[BEGIN FINAL RESPONSE]\nB", "C?", "B"),
        (
            "<|channel|>analysis <|message|>a<|end|><|start|>assistant<|channel|>final <|message|>B",
            "a",
            "B",
        ),
        ("<|channel|>analysis<|message|>a<|start|>assistant<|channel|>final<|message|>B", "a", "B"),
        ("<|channel|>commentary to=f <|constrain|>json<|message|>a<|end|>B", "a", "B"),
        ("<|think|>a<|/think|>B", "a", "B"),
        ("<|think|>a<|end|><|begin|>assistant<|content|>B<|end|>", "a", "B"),
        ("<|think>a<think|>B", "a", "B"),
        ("<｜think｜>a<｜/think｜>B", "a", "B"),
        ("<|begin▁of▁thinking|>a<|end▁of▁thinking|>B", "a", "B"),
        ("<|reasoning_start|>a<|reasoning_end|>B", "a", "B"),
        ("<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>B", "a", "B"),
        ("<longcat_think>a</longcat_think>B", "a", "B"),
        ("<thinking_process>a</thinking_process>\nB", "a", "B"),
        ("<internal_reasoning>a</internal_reasoning>B", "a", "B"),
        ("&lt;think&gt;a&lt;/think&gt;B", "a", "B"),
        ("[REASONING]a[/REASONING]B", "a", "B"),
        ("<think>a</think>B<|im_end|>", "a", "B"),
    ],
)
def test_thoughts_are_taken_off(text: str, reasoning: str, answer: str) -> None:
    assert split_thoughts(text) == (reasoning, answer, False)


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "",
        "I think it is B.",
        "a < b and b > a",
        '{"tag": "<think>x</think>"}',
        '{"tag": "it ends.</think>"}',
        "Close it with the </think> tag, then go on.",
        "Write <think> before and </think> after it.",
        "<thinker>a</thinker>B",
        "[THINKING] B",
        "<answer>B</answer>",
        "B<|end|>\nC",
        "Use `</think>` to close.",
        "The tags are:\n- <think>\n- </think>\nBoth are needed.",
        "analysis of the case: B",
        "1. open: <think>\n2. answer",
        "ok <think>a",
        "ok <think> and </think> done",
        "ok <think>…</think> done",
        "Wrap it in tags, e.g. <think>like this</think>, then answer.",
        "Qwen answers with <think>its thoughts</think> first.",
        "It prints <think>its thoughts</think> first.",
        "Type `a <think>b</think> c` here.",
        "Say '<think>a</think>' first.",
        "It said “<think>a</think>” first.",
        "```\nx <think>a</think> y\n```",
        "<answer><reasoning>a</reasoning><label>B</label></answer>",
        '{"tag": "ok <think>x</think> y"}',
        "Two <think>a</think> tags are one too many.",
        "an <analysis>a</analysis> element",
        "<details><summary>More</summary>a</details>\nB",
        "<sentiment_analysis>B</sentiment_analysis>",
        "Here is my response: B",
        "Here is my thought process:\nIt is money.\nAnswer: B",
        "Here are my reasoning steps:\n1. Money.\nAnswer: B",
        "The channel | analysis | is B",
        "<|tool_call_begin|>B",
    ],
)
def test_what_is_no_thought_stays(text: str) -> None:
    assert split_thoughts(text) == ("", text, False)


@pytest.mark.parametrize(
    "text",
    [
        "<think>it is B",
        "B\n<think>or is it",
        "<think>a</think>\n<think>b",
        "<think>a</think><think>b",
        "<|think|>it is B",
        "<|channel>thought\nit is B",
        "<|channel|>analysis <|message|>it is B",
        '<details type="reasoning" done="false">it is B',
    ],
)
def test_an_open_thought_leaves_no_answer(text: str) -> None:
    done = without_thoughts(Completion(text, "length", output_tokens=9))
    assert (done.text, bool(done.reasoning)) == ("", True)
    assert why_unanswered(done) == (
        "cut after 9 tokens, while it was still reasoning: raise max_output_tokens"
    )
    ended = without_thoughts(Completion(text, "stop", output_tokens=9))
    assert why_unanswered(ended) == "it reasoned and gave no answer"


def test_hidden_reasoning_that_is_cut_says_so() -> None:
    hidden = Completion("", "length", output_tokens=64, reasoning_tokens=64)
    assert why_unanswered(hidden) == cut_reason(hidden)
    assert "still reasoning" in cut_reason(hidden)
    assert "still reasoning" not in cut_reason(Completion("It is", "length", output_tokens=2))


def test_a_cut_below_the_limit_is_not_blamed_on_it() -> None:
    early = Completion("It is", "length", output_tokens=3, tokens_left=397)
    assert cut_reason(early) == (
        "cut after 3 of 400 tokens allowed, before the answer was complete: the server's own limit or "
        "context is full, and raising max_output_tokens cannot help"
    )
    assert not Completion("It is", "stop", output_tokens=3, tokens_left=397).is_cut_early


def test_what_was_told_apart_already_is_kept() -> None:
    done = without_thoughts(Completion("<think>b</think>B", "stop", reasoning="a"))
    assert (done.reasoning, done.text) == ("a\n\nb", "B")
    assert without_thoughts(done) == done


def test_a_failure_stays_as_it_is() -> None:
    failed = Completion("<think>a", "refusal", failure="the model refused")
    assert without_thoughts(failed) == failed
    assert why_unanswered(failed) is None


def test_a_choice_is_the_very_text_that_was_offered() -> None:
    chosen = Completion("<eos>", "choice")
    assert without_thoughts(chosen) == chosen


def test_references_are_compared_without_their_thoughts() -> None:
    assert with_plain_reference(Example("1", "q", "B<|im_end|>")).output == "B"
    assert with_plain_reference(Example("1", "q", "<eos>")).output == "<eos>"
    assert with_plain_reference(Example("1", "q", "<think>a</think>\nB")).output == "B"
    plain = Example("1", "q", "B")
    assert with_plain_reference(plain) is plain


def test_a_template_may_open_a_thought() -> None:
    assert open_thought("<|im_start|>assistant\n<think>\n") == ("<think>\n", "</think>\n\n")
    assert open_thought("<|turn>model\n<|channel>thought\n") == (
        "<|channel>thought\n",
        "<channel|>\n\n",
    )
    assert open_thought("<|begin_of_thought|>") == (
        "<|begin_of_thought|>\n",
        "<|end_of_thought|>\n\n",
    )
    assert open_thought("assistant\n<think>\n\n</think>\n\n") is None
    assert open_thought("What is <think>? assistant\n") is None


def test_marks_that_are_special_tokens_are_known() -> None:
    assert all(map(is_thought_mark, ["<think>", "</think>", "[THINK]", "<|channel|>", "<|end|>"]))
    assert all(map(is_thought_mark, ["<|channel>", "<channel|>", "<|think|>", "<unused95>"]))
    assert not any(map(is_thought_mark, ["<|im_end|>", "</s>", "<s>", "<pad>", "<|endoftext|>"]))


@pytest.mark.parametrize(
    "part",
    [
        "<think>",
        "</think>",
        "<think></think>",
        "\n<think>x",
        "x <think>y",
        "x <think>y</think> ",
        "x<think>y</think>",
        "x <think> y</think>",
        "`x <think>y</think>",
        "``` <think>y</think> ",
        "as <think>y</think> ",
        "x </think> y ",
        '{"a": "x <think>y</think>"} ',
        "x    <think>",
        " ",
        "<",
        *("<|think|>", "<|end|>"),
        *(
            "<|channel|>analysis",
            "[THINKING]",
            "Here is my thought process:",
            "<details x ",
            "</s>",
        ),
        *("\n<|user|>", "\n```<|user|>", "<|user|>\n", "a <|im_start|>"),
    ],
)
def test_long_texts_are_split_in_linear_time(part: str) -> None:
    def seconds(size: int) -> float:
        started = time.process_time()
        split_thoughts(part * (size // len(part)))
        return time.process_time() - started

    assert seconds(200_000) < 2.0  # quadratic time would take many


def test_the_marks_of_an_answer_go_where_nothing_was_thought() -> None:
    for text in (f"{HARMONY}42", "<|channel|>final<|message|>42<|return|>", "<|START_RESPONSE|>42"):
        assert split_thoughts(text) == ("", "42", False)
    assert split_thoughts("<answer>42</answer>").answer == "<answer>42</answer>"


def test_an_answer_keeps_the_indentation_of_its_first_line() -> None:
    code = "    x = 1\n    return x"
    assert split_thoughts(f"<think>a</think>\n\n{code}\n").answer == code
    assert with_plain_reference(Example("a", "x", f"{code}\n")).output == code
