"""What a model thinks is not its answer, however a server sends it; the answers are all right.

Reports of these forms: vllm-project/vllm #13125, #17144, #34625, lmstudio-bug-tracker #1602,
ollama #15288, lm-evaluation-harness #3244, helm #3804, Portkey-AI/gateway #1458.
"""

from __future__ import annotations

import pytest

from tests.field.endpoint import Asked, Reply, data, event, events, message, streamed, used
from tests.field.runs import TicketOutcome, right, truth, weigh_tickets, wrong


def doubt(asked: Asked) -> str:
    return (
        f"One could take it for {wrong(asked)}.\nRead again: {truth(asked)}? Hmm, {wrong(asked)}."
    )


def think_tags(asked: Asked) -> Reply:
    return streamed(f"<think>{doubt(asked)}\n</think>\n\n{right(asked)}", usage=used(100, 60))


def opened_by_the_template(asked: Asked) -> Reply:
    return streamed(f"{doubt(asked)}\n</think>\n\n{right(asked)}")


def empty_thought(asked: Asked) -> Reply:
    return streamed(f"<think>\n\n</think>\n\n{right(asked)}")


def thinking_tags_whole(asked: Asked) -> Reply:
    return data(message(f"<thinking>{doubt(asked)}</thinking>\n{right(asked)}"))


def bracket_tags(asked: Asked) -> Reply:
    return streamed(f"[THINK]{doubt(asked)}[/THINK]{right(asked)}")


def answer_tags(asked: Asked) -> Reply:
    return streamed(f"<think>{doubt(asked)}</think>\n<answer>{right(asked)}</answer>")


def channels(asked: Asked) -> Reply:
    final = f"<|start|>assistant<|channel|>final<|message|>{right(asked)}"
    return streamed(f"<|channel|>analysis<|message|>{doubt(asked)}<|end|>{final}")


def two_thoughts(asked: Asked) -> Reply:
    text = f"<think>{doubt(asked)}</think><think>{wrong(asked)}, then.</think>\n{right(asked)}"
    return streamed(text)


def tags_across_chunks(asked: Asked) -> Reply:
    text = f"<think>{doubt(asked)}</think>\n{right(asked)}"
    pieces = [event({"content": text[place : place + 3]}) for place in range(0, len(text), 3)]
    return events([*pieces, event({}, "stop"), {"choices": [], "usage": used(100, 60)}])


def reasoning_content(asked: Asked) -> Reply:
    thought = event({"content": None, "reasoning_content": doubt(asked)})
    said = event({"content": right(asked), "reasoning_content": None})
    return events([thought, said, event({}, "stop"), {"choices": [], "usage": used(100, 60)}])


def reasoning_and_details(asked: Asked) -> Reply:
    details = [{"type": "reasoning.text", "text": doubt(asked), "index": 0}]
    thought = {"role": "assistant", "content": "", "reasoning": doubt(asked)}
    chunks = [event({**thought, "reasoning_details": details}), event({"content": right(asked)})]
    return events([*chunks, event({}, "stop", usage=used(100, 60))])


def parts(asked: Asked) -> Reply:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": doubt(asked)}]}
    said = {"type": "text", "text": right(asked)}
    chunks = [event({"content": [thinking]}), event({"content": [said]}), event({}, "stop")]
    return events([*chunks, {"choices": [], "usage": used(100, 60)}])


def parts_whole(asked: Asked) -> Reply:
    thinking = {"type": "thinking", "thinking": doubt(asked), "signature": "x"}
    return data(message([thinking, {"type": "text", "text": right(asked)}], "end_turn"))


def unclosed(asked: Asked) -> Reply:
    return streamed(f"<think>{doubt(asked)} So it is {truth(asked)}.")


def cut_thought(asked: Asked) -> Reply:
    return streamed(f"<think>{doubt(asked)} So", "length")


def only_reasoning(asked: Asked) -> Reply:
    return data(message(None, reasoning_content=f"It is {truth(asked)}."))


def only_reasoning_at_the_limit(asked: Asked) -> Reply:
    return data(message("", "length", used(100, asked.limit or 9), reasoning=doubt(asked)))


def hidden_thoughts(asked: Asked) -> Reply:
    usage = used(100, 65, completion_tokens_details={"reasoning_tokens": 60})
    return streamed(right(asked), usage=usage)


def thoughts_in_the_total_alone(asked: Asked) -> Reply:
    return streamed(right(asked), usage={**used(100, 5), "total_tokens": 165})


RIGHT = (
    think_tags,
    opened_by_the_template,
    empty_thought,
    thinking_tags_whole,
    bracket_tags,
    answer_tags,
    channels,
    two_thoughts,
    tags_across_chunks,
    reasoning_content,
    reasoning_and_details,
    parts,
    parts_whole,
    hidden_thoughts,
    thoughts_in_the_total_alone,
)
FAILED = {
    unclosed: "thought|thinking|reason",
    cut_thought: "thought|thinking|reason|limit",
    only_reasoning: "thought|thinking|reason|empty",
    only_reasoning_at_the_limit: "thought|thinking|reason|limit",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TicketOutcome]:
    behaviours = {behave.__name__: behave for behave in (*RIGHT, *FAILED)}
    return weigh_tickets(tmp_path_factory.mktemp("thoughts"), behaviours)


@pytest.mark.parametrize("name", [behave.__name__ for behave in RIGHT])
def test_a_thought_is_taken_off_and_the_answer_is_read(
    outcomes: dict[str, TicketOutcome], name: str
) -> None:
    assert len(outcomes[name].records) == 2
    outcomes[name].check_right()


@pytest.mark.parametrize(("name", "reason"), [(f.__name__, why) for f, why in FAILED.items()])
def test_a_thought_without_an_answer_is_a_failure_that_says_so(
    outcomes: dict[str, TicketOutcome], name: str, reason: str
) -> None:
    outcomes[name].check_failed(reason)


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("think_tags", 60),
        ("hidden_thoughts", 65),
        ("thoughts_in_the_total_alone", 65),
        ("unclosed", 5),
        ("only_reasoning", 5),
    ],
)
def test_thinking_is_paid_for_once(
    outcomes: dict[str, TicketOutcome], name: str, output: int
) -> None:
    outcomes[name].check_paid(100, output)
