"""Failures of an answer and failures of the endpoint, told apart though all come with a 200."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from steelyard.core import Completion, Message, Request
from steelyard.errors import CredentialError, EndpointError
from steelyard.model import ModelSpec
from steelyard.model.hosted.client import HostedModel, HostedOptions
from steelyard.model.hosted.refusals import Retries
from tests.model.endpoint import USAGE, Reply, Script, error, serving, stream


def generate(script: Script, count: int, **fields: Any) -> tuple[list[Completion], int]:
    """The completions, and how many requests were sent."""
    requests = [Request((Message("user", f"item {n}"),), **fields) for n in range(count)]
    with serving(script) as endpoint:
        options = HostedOptions(retries=Retries(3, least_seconds=0.01))
        model = HostedModel(ModelSpec("openai", "m", endpoint.base_url), options)
        done = model.generate(requests)
        return [each for each in done if each is not None], len(endpoint.requests)


def events(*chunks: dict[str, Any]) -> Reply:
    return Reply(body="".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks))


def whole(body: Any) -> Reply:
    return Reply(body=json.dumps(body), content_type="application/json")


def ended(finish: str, text: str = "half", **more: Any) -> Reply:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish, **more}
    return events({"choices": [choice], "usage": USAGE})


@pytest.mark.parametrize(
    ("unusable", "finish"),
    [
        (ended("content_filter"), "content_filter"),
        (ended("tool_calls", ""), "tool_calls"),
        (ended("length", ""), "length"),
        (events({"choices": [{"delta": {"refusal": "No."}, "finish_reason": "stop"}]}), "refusal"),
        (error(400, "filtered by the content management policy", code="content_filter"), None),
        (error(400, "the prompt exceeds the context length of 10 tokens"), "error"),
    ],
)
def test_unusable_first_answers_prove_the_address(unusable: Reply, finish: str | None) -> None:
    done, sent = generate(
        lambda request, before: unusable if before < 8 else stream("A"), 20, choices=("A", "B")
    )
    failed = [each for each in done if each.failure is not None]
    assert (len(done), len(failed), sent) == (20, 8, 20)
    assert {each.finish_reason for each in failed} == {finish or "content_filter"}


INSIDE = [
    pytest.param(events({"error": {"message": "busy", "code": 502}}), False, id="an event"),
    pytest.param(events({"error": "busy"}), False, id="a text"),
    pytest.param(
        events({"error": {"message": "busy", "code": "502"}}), False, id="a status as text"
    ),
    pytest.param(events({"error": {"code": "rate_limit_exceeded"}}), False, id="a word"),
    pytest.param(
        Reply(body='event: error\ndata: {"message": "busy"}\n\n'), False, id="event: error"
    ),
    pytest.param(whole({"object": "error", "message": "busy", "code": 50001}), False, id="object"),
    pytest.param(whole({"detail": "busy"}), False, id="detail"),
    pytest.param(Reply(body='{"error": {"message": "busy"}}'), False, id="under a stream's header"),
    pytest.param(Reply(body=': wait\n\n{"error": "busy"}'), False, id="after a comment"),
    pytest.param(whole({"message": "busy", "code": 1}), False, id="message and code"),
    pytest.param(whole([{"error": {"message": "busy", "status": "INTERNAL"}}]), False, id="a list"),
    pytest.param(whole({"id": "x", "choices": []}), False, id="no choices"),
    pytest.param(whole({"id": "x", "choices": None, "usage": None}), False, id="null choices"),
    pytest.param(events({"choices": []}), False, id="empty choices in a stream"),
    pytest.param(Reply(body=""), False, id="nothing"),
    pytest.param(Reply(body="data: [DONE]\n\n"), False, id="an end alone"),
    pytest.param(
        Reply(body="<html>Bad Gateway</html>", content_type="text/html"), False, id="page"
    ),
    pytest.param(
        Reply(body="<html>Bad Gateway</html>", content_type="application/json"), False, id="page2"
    ),
    pytest.param(ended("error"), True, id="finish_reason error"),
    pytest.param(ended("stop", error={"code": 502, "message": "gone"}), True, id="in a choice"),
    pytest.param(ended("abort"), True, id="a synonym"),
    pytest.param(ended("what is this"), True, id="an unknown end"),
    pytest.param(
        events({"choices": [{"delta": {"content": "half"}}]}, {"error": {"message": "gone"}}),
        True,
        id="after a part",
    ),
]


@pytest.mark.parametrize(("broken", "is_paid"), INSIDE)
def test_an_error_inside_an_answer_is_asked_again(broken: Reply, is_paid: bool) -> None:
    done, sent = generate(lambda _, before: broken if before in (1, 2, 3) else stream("ok"), 2)
    assert [each.text for each in done] == ["ok", "ok"]
    assert sent == 5
    assert (done[1].torn.output_tokens > 3) == is_paid, "what an error has cost is on the account"


@pytest.mark.parametrize(("broken", "is_paid"), INSIDE)
def test_an_endpoint_that_reports_nothing_but_errors_ends_the_asking(
    broken: Reply, is_paid: bool
) -> None:
    with pytest.raises(EndpointError, match="failed 5 requests in a row") as caught:
        generate(lambda _, before: stream("ok") if before == 0 else broken, 12)
    assert len(caught.value.unserved) >= 5
    assert not caught.value.is_final


def test_an_unknown_end_is_named() -> None:
    with pytest.raises(EndpointError, match="finish_reason 'what is this' is not known"):
        generate(lambda _, before: stream("ok") if before == 0 else ended("what is this"), 12)


@pytest.mark.parametrize(
    ("reported", "kind", "words"),
    [
        ({"code": "invalid_api_key", "message": "wrong"}, CredentialError, "asks for a key"),
        ({"message": "The model m does not exist"}, EndpointError, "check model.name"),
        ({"code": "insufficient_quota", "message": "pay"}, EndpointError, "no credit left"),
    ],
)
def test_an_error_that_asking_again_cannot_mend_is_final(
    reported: dict[str, str], kind: type[EndpointError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        generate(lambda _, __: whole({"error": reported}), 3)
    assert caught.value.is_final


def test_a_page_for_people_at_first_is_a_wrong_address() -> None:
    page = Reply(body="<!doctype html><title>Welcome</title>", content_type="text/html")
    with pytest.raises(EndpointError, match=r"a page instead.*check model\.base_url") as caught:
        generate(lambda _, __: page, 3)
    assert caught.value.is_final


def body(finish: str | None, text: str | None = "ok", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], **more}


@pytest.mark.parametrize(
    "reply",
    [
        whole(body(None)),
        whole(body(None, usage=USAGE)),
        Reply(body=json.dumps(body("stop")), content_type="text/plain"),
        Reply(body=json.dumps(body("stop"), indent=1)),
        whole(body("stop") | {"error": {"message": "", "code": None}}),
        whole(body("stop") | {"errors": [{"message": "", "code": "0"}]}),
        Reply(body=": PROCESSING\n\n: PROCESSING\r\n\r\n" + json.dumps(body("stop"), indent=1)),
        stream("ok", finish=None),
    ],
)
def test_an_end_that_was_left_out_is_known_by_other_signs(reply: Reply) -> None:
    done, sent = generate(lambda *_: reply, 1)
    assert (done[0].text, done[0].failure, done[0].finish_reason, sent) == ("ok", None, "stop", 1)


@pytest.mark.parametrize(
    "reply",
    [
        stream("half", finish=None, usage=None),
        events({"choices": [{"delta": {"content": "half"}}]}),
        events({"choices": [{"delta": {"content": "half"}}], "usage": USAGE}),
        whole(body(None, None)),
        whole({"choices": [], "usage": USAGE}),
        Reply(body=json.dumps(body("stop"))[:40], content_type="application/json"),
    ],
)
def test_what_has_no_end_is_torn(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    done, sent = generate(lambda _, before: reply if before in (1, 2) else stream("ok"), 2)
    assert ([each.text for each in done], sent) == (["ok", "ok"], 4)
    assert done[1].torn.output_tokens > 3


def nested(depth: int) -> str:
    return "[" * depth + '"x"' + "]" * depth


HOSTILE = [
    '{"choices": [{"message": {"content": %s}, "finish_reason": "stop"}]}',
    '{"error": %s}',
    '{"error": {"message": %s}}',
    '{"detail": %s}',
    '{"choices": [{"message": {"content": "x", "reasoning": %s}, "finish_reason": "stop"}]}',
    '{"choices": %s}',
    '{"usage": {"prompt_tokens": %s}, "choices": []}',
]


@pytest.mark.parametrize("depth", [300, 480, 900, 100_000])
@pytest.mark.parametrize("body", HOSTILE)
def test_an_answer_that_is_nested_without_end_is_a_failure(body: str, depth: int) -> None:
    hostile = Reply(body=body % nested(depth), content_type="application/json")
    for reply in (hostile, Reply(body=f"data: {hostile.body}\n\ndata: [DONE]\n\n")):
        done, _ = generate(lambda _, before, r=reply: r if before == 1 else stream("ok"), 2)  # type: ignore[misc]
        assert done[0].text == "ok"


def test_half_a_character_in_an_error_fails_no_run() -> None:
    done, _ = generate(lambda _, before: error(400, "no \ud83d") if before else stream("ok"), 2)
    assert "no" in str(done[1].failure)
    str(done[1].failure).encode()


def test_an_answer_without_end_is_cut_off() -> None:
    words = json.dumps({"choices": [{"delta": {"content": "word " * 200_000}}]})
    flood = Reply(body=f"data: {words}\n\n" * 12)
    done, sent = generate(lambda _, before: flood if before == 1 else stream("ok"), 2)
    assert ([each.text for each in done], sent) == (["ok", "ok"], 3)
    with pytest.raises(EndpointError, match="an answer of more than"):
        generate(lambda _, before: flood, 6)


def test_an_answer_that_is_filtered_half_way_keeps_its_end() -> None:
    filtered = {"error": {"code": "content_filter", "message": "stopped by the content filter"}}
    half = {"choices": [{"delta": {"content": "half"}}], "usage": USAGE}
    done, _ = generate(lambda request, before: events(half, filtered), 1)
    assert done[0].finish_reason == "content_filter"
    assert done[0].output_tokens == USAGE["completion_tokens"]
