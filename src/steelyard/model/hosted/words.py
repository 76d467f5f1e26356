"""How endpoints word what OpenAI's interface leaves open; see ``data/replies.yaml``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from steelyard.core import FinishReason
from steelyard.packaged import packaged

_UNTOLD = 500
"""The status of an error that does not say what it is: it may pass by itself."""


def finish_named(word: str) -> FinishReason | None:
    """Return what a ``finish_reason`` means; ``None`` for one that is not known."""
    return _finish_reasons().get(_plain(word))


class ErrorWords(NamedTuple):
    """What an error says: its message, and its code and parameter where it has them."""

    message: str
    code: str | None = None
    param: str | None = None


def error_words(body: Any) -> ErrorWords:
    """Read the body of an error, however the endpoint words it."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    error = body
    if isinstance(body, Mapping):
        error = next((body[name] for name in ("error", "errors") if body.get(name)), body)
    if isinstance(error, list) and error:
        error = error[0]
    message = _said(error) or (_said(body) if error is not body else "")
    if not isinstance(error, Mapping):
        return ErrorWords(message or json.dumps(body))
    codes, param = (error.get("code"), error.get("type")), error.get("param")
    return ErrorWords(
        message or json.dumps(body, ensure_ascii=False),
        next((code for code in codes if isinstance(code, str) and code), None),
        param if isinstance(param, str) else None,
    )


def _said(error: Any) -> str:
    """The message in an error: a text, or what the fields and the items say that it is made of."""
    if isinstance(error, str):
        return error.strip()
    if isinstance(error, list):
        return "; ".join(text for item in error[:3] if (text := _said(item)))
    if not isinstance(error, Mapping):
        return ""
    place = error.get("loc")  # pydantic: where in the request, and what about it
    where = ".".join(map(str, place)) + ": " if isinstance(place, list) else ""
    for name in _words()["error_fields"]:
        if text := _said(error.get(name)):
            return where + text
    return ""


def find_error(body: Mapping[str, Any]) -> Any:
    """Return what a body or an event of an answer says that went wrong; ``None`` where nothing did."""
    for error in (body.get("error"), body.get("errors")):
        if not _is_empty(error):
            return error
    if body.get("choices") or body.get("usage"):
        return None
    if "error" in (body.get("object"), body.get("type"), body.get("status")):
        return dict(body)
    return dict(body) if _said(body) else None


def _is_empty(error: Any) -> bool:
    """Whether an error says nothing: whatever it holds is empty, null or zero."""
    if isinstance(error, Mapping | list):
        values = error.values() if isinstance(error, Mapping) else error
        return all(_is_empty(value) for value in values)
    return not error or str(error).strip().lower() in ("", "0", "null", "none", "false")


def status_of(error: Any, untold: int = _UNTOLD) -> int:
    """Return the HTTP status that an error should have had by its words; ``untold`` if it says none."""
    words = list(_codes(error))
    for word in words:
        if word.isdecimal() and 400 < int(word) <= 599:
            return int(word)
    named = _statuses()
    reasons = [named[plain] for word in words if (plain := _plain(word)) in named]
    if reasons and reasons[0] != 400:
        return reasons[0]
    untold = 400 if "400" in words else untold
    message = error_words(error).message  # many are called an invalid request
    by_message = (
        int(status)
        for status, sign in _words()["messages"]
        if re.search(sign, message, re.IGNORECASE)
    )
    return next(by_message, reasons[0] if reasons else untold)


def is_filtered(code: str | None, message: str) -> bool:
    """Whether a refusal says that the endpoint's filter stopped this prompt, or its answer."""
    return re.search(_words()["filtered"], f"{code} {message}", re.IGNORECASE) is not None


def is_about_parameters(message: str) -> bool:
    """Whether a refusal says that no endpoint of this model takes the parameters that were sent."""
    return re.search(_words()["parameters"], message, re.IGNORECASE) is not None


def is_too_long(code: str | None, message: str) -> bool:
    """Whether a refusal says that this prompt is longer than the model takes."""
    return re.search(_words()["too_long"], f"{code} {message}", re.IGNORECASE) is not None


def _codes(error: Any) -> Iterator[str]:
    """The codes, statuses and types in an error, those further in last."""
    if isinstance(error, str):
        if len(error.split()) == 1:
            yield error
    elif isinstance(error, list):
        for item in error[:1]:
            yield from _codes(item)
    elif isinstance(error, Mapping):
        for name in _words()["code_fields"]:
            if isinstance(value := error.get(name), str | int):
                yield str(value)
        for name in _words()["error_fields"]:
            if isinstance(value := error.get(name), Mapping | list):
                yield from _codes(value)


def _plain(word: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word.strip())
    return re.sub(r"[\W_]+", "_", parted).strip("_").lower()


def _words() -> Mapping[str, Any]:
    words: Mapping[str, Any] = packaged("model/hosted/data/replies.yaml")
    return words


@cache
def _finish_reasons() -> Mapping[str, FinishReason]:
    return {word: finish for finish, words in _words()["finish_reasons"].items() for word in words}


@cache
def _statuses() -> Mapping[str, int]:
    return {word: int(status) for status, words in _words()["statuses"].items() for word in words}
