"""Logs of OpenAI-style requests and responses, one JSON object a line, as gateways write them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple, cast

from steelyard.data.formats.base import RowError, json_in
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.base import Conversation, Shape, Turn
from steelyard.packaged import packaged
from steelyard.words import one_line

NAME = "logs"
_FAILED_FROM = 400
_CHUNK = "chunk"
_STREAMED = "the response was streamed and is logged in pieces"


log_names = partial(packaged, "data/data/logs.yaml")
"""The names under which gateways keep a request, a response, and what went wrong, by kind."""

_unpacked = partial(json_in, begins=("{", "["))
"""A body that is logged as JSON text, as an object; everything else as it is."""


class _Side(NamedTuple):
    """A request or a response.

    ``key`` is its key in the row (empty: the row itself), ``path`` the keys of what ``body`` is
    wrapped in there.
    """

    key: str
    body: Any
    path: tuple[str, ...] = ()


def fits(fields: Mapping[str, Any]) -> bool:
    """Whether the row has a request with messages and something that is a response to it."""
    names = log_names()
    if isinstance(fields.get("input"), list) and isinstance(fields.get("output"), list):
        return False  # messages on both sides: a prompt and its completion
    if _is_half_a_batch(fields):
        return True
    if not any(key in fields for key in names["response"]) and "choices" not in fields:
        return False
    return _request(fields) is not None


def read(fields: Mapping[str, Any]) -> Conversation:
    """Read a request with the first answer to it. Raises `RowError` for failed and streamed ones."""
    request = _request(fields)
    if request is None and _is_half_a_batch(fields):
        raise RowError("a batch's answer without its request: join the batch's input by custom_id")
    if request is None:
        raise RowError("no request with messages or a prompt")
    _refuse_failed(fields)
    response = _response(fields)
    answer, unused_response = _answer(response.body)
    prompt, prompt_keys = _prompt(request.body)
    tools = of.read_tools(request.body)
    unused_request = _without(request.body, *prompt_keys, *tools)
    rest = _without(fields, request.key, response.key)
    if request.key:
        _put_back(rest, request, fields[request.key], unused_request)
    else:
        rest = {name: value for name, value in rest.items() if name in unused_request}
    if response.key:
        _put_back(rest, response, fields[response.key], unused_response)
    else:
        rest.pop("choices", None)
        rest |= {"choices": unused_response["choices"]} if "choices" in unused_response else {}
    return Conversation([*prompt, answer], 1, None, tools, rest)


def _is_half_a_batch(fields: Mapping[str, Any]) -> bool:
    """Whether a row is what OpenAI's batches give back."""
    return "custom_id" in fields and isinstance(fields.get("response"), Mapping)


def _put_back(rest: dict[str, Any], side: _Side, whole: Any, unused: Any) -> None:
    """Keep under its key what was not used of a side, with all that it was wrapped in."""
    wrapped = _wrapped(whole, side.path, unused)
    if wrapped:
        rest[side.key] = wrapped


def _wrapped(whole: Any, path: tuple[str, ...], unused: Any) -> Any:
    if not path:
        return unused
    outer = dict(_unpacked(whole))
    inner = _wrapped(outer.pop(path[0]), path[1:], unused)
    return {**outer, path[0]: inner} if inner else outer


def _without(body: Any, *names: str) -> dict[str, Any]:
    if not isinstance(body, Mapping):
        return {}
    return {name: value for name, value in body.items() if name not in names}


def _inside(key: str, value: Any) -> _Side:
    """The body of a request or response that is wrapped with status, headers and the like."""
    value = _unpacked(value)
    path: list[str] = []
    for name in log_names()["inside"]:
        inner = _unpacked(value.get(name)) if isinstance(value, Mapping) else None
        if isinstance(inner, Mapping):
            value = inner
            path.append(name)
    return _Side(key, value, tuple(path))


def _request(fields: Mapping[str, Any]) -> _Side | None:
    for key in log_names()["request"]:
        if key not in fields:
            continue
        side = _inside(key, fields[key])
        body = side.body
        if isinstance(body, list) and body and all(isinstance(turn, Mapping) for turn in body):
            return _Side(key, {"messages": body})
        if isinstance(body, Mapping) and _asks(body):
            return side
    return _Side("", fields) if isinstance(_unpacked(fields.get("messages")), list) else None


def _asks(body: Mapping[str, Any]) -> bool:
    if isinstance(_unpacked(body.get("messages")), list) or isinstance(body.get("prompt"), str):
        return True
    return isinstance(body.get("input"), str | list) and "model" in body


def _prompt(body: Mapping[str, Any]) -> tuple[list[Turn], set[str]]:
    """The turns that were sent, and the keys that held them."""
    if "messages" in body:
        return of.read_turns(_unpacked(body["messages"])), {"messages"}
    if "prompt" in body:
        return [of.user(body["prompt"])], {"prompt"}
    content, instructions = body["input"], body.get("instructions")
    turns: list[Turn] = []
    if isinstance(instructions, str) and instructions:
        turns.append({"role": "system", "content": instructions})
    turns += (
        [of.user(content)] if isinstance(content, str) else of.read_turns(_items(content), "input")
    )
    return turns, {"input", "instructions"}


def _items(items: list[Any]) -> list[Any]:
    """Items of the Responses API as messages; reasoning and calls have no place among them."""
    messages = []
    for item in items:
        if isinstance(item, Mapping) and item.get("type", "message") != "message":
            raise RowError(f"the request holds an item of type {str(item.get('type'))[:40]!r}")
        message = dict(item) if isinstance(item, Mapping) else item
        if isinstance(message, dict):
            message = {key: message[key] for key in message if key in {"role", "content"}}
        messages.append(message)
    return messages


def _refuse_failed(fields: Mapping[str, Any]) -> None:
    names = log_names()
    holders = [fields, *(fields[key] for key in names["response"] if key in fields)]
    for holder in (_unpacked(body) for body in holders):
        if not isinstance(holder, Mapping):
            continue
        if holder.get("error"):
            raise RowError(f"the request failed: {_short(holder['error'])}")
        for key in names["status"]:
            status = holder.get(key)
            is_code = isinstance(status, int) and status >= _FAILED_FROM
            if is_code or str(status).lower() in names["failed"]:
                raise RowError(f"the request failed with {key} {status}")


def _short(error: Any) -> str:
    text = error.get("message", error) if isinstance(error, Mapping) else error
    return one_line(str(text), 80)


def _response(fields: Mapping[str, Any]) -> _Side:
    if "choices" in fields:
        return _Side("", {"choices": fields["choices"]})
    key = next((name for name in log_names()["response"] if fields.get(name) is not None), None)
    if key is None:
        raise RowError("no response")
    return _inside(key, fields[key])


def _answer(body: Any) -> tuple[Turn, Any]:
    """The answer in a response, and what else is in there."""
    if isinstance(body, str):
        if body.lstrip().startswith("data:"):
            raise RowError(_STREAMED)
        return of.assistant(body), {}
    if any(_is_chunk(piece) for piece in (body if isinstance(body, list) else [body])):
        raise RowError(_STREAMED)
    if isinstance(body, list):
        return _last_message(body)
    if not isinstance(body, Mapping):
        raise RowError("the response is empty")
    if body.get("error"):
        raise RowError(f"the request failed: {_short(body['error'])}")
    return _answer_in(body)


def _is_chunk(value: Any) -> bool:
    return isinstance(value, Mapping) and str(value.get("object", "")).endswith(_CHUNK)


def _answer_in(body: Mapping[str, Any]) -> tuple[Turn, Any]:
    for key, read_answer in (("choices", _choice), ("output", _last_message)):
        if isinstance(body.get(key), list) or (key == "choices" and key in body):
            answer, unused = read_answer(body[key])
            return answer, {**_without(body, key), **({key: unused} if unused else {})}
    if isinstance(body.get("message"), Mapping):
        return _message(body["message"]), _without(body, "message")
    if "content" in body:
        return _message(body), {}
    raise RowError("the response holds no choices, output or message")


def _choice(choices: Any) -> tuple[Turn, list[Any]]:
    """The answer of the first choice, and what is left of the choices."""
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, Mapping):
        raise RowError("the response holds no choice")
    reason = log_names()["cut"].get(str(first.get("finish_reason")))
    if reason is not None:
        raise RowError(reason)
    if "delta" in first:
        raise RowError(_STREAMED)
    if isinstance(first.get("text"), str):
        turn, unused = of.assistant(first["text"]), _without(first, "text")
    elif isinstance(first.get("message"), Mapping):
        turn, unused = _message(first["message"]), _without(first, "message")
    else:
        raise RowError("the first choice holds no message")
    return turn, [unused, *choices[1:]] if unused or choices[1:] else []


def _message(message: Mapping[str, Any]) -> Turn:
    fields = {key: value for key, value in message.items() if value is not None and value != []}
    turn = of.read_turns([{**fields, "role": fields.get("role", "assistant")}], "response")[0]
    if turn["role"] != "assistant":
        raise RowError(f"the response is from the {turn['role']}")
    return _with_text(turn)


def _with_text(turn: Turn) -> Turn:
    content = turn.get("content")
    if not isinstance(content, list):
        return turn
    texts = [part.get("text") if isinstance(part, Mapping) else None for part in content]
    if not all(isinstance(text, str) for text in texts):
        return turn
    return {**turn, "content": "".join(cast("list[str]", texts))}


def _last_message(items: list[Any]) -> tuple[Turn, list[Any]]:
    """The last message among the items of a response, and what is left of them."""
    places = [
        at for at, item in enumerate(items) if isinstance(item, Mapping) and "content" in item
    ]
    if any(isinstance(item, Mapping) and item.get("type") == "function_call" for item in items):
        raise RowError("the response calls tools in the Responses API's form")
    if not places:
        raise RowError("the response holds no message")
    last = items[places[-1]]
    unused = _without(last, "role", "content", "type")
    others = [item for at, item in enumerate(items) if at != places[-1]]
    turn = _message({key: last[key] for key in last if key in {"role", "content"}})
    return turn, [*others, unused] if unused else others


SHAPE = Shape(NAME, "logs of requests and responses", fits, read)
