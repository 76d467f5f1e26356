"""What a fake model says: a vote over the shots in its prompt, or an echo."""

from __future__ import annotations

import json
import math
import re
import zlib
from typing import NamedTuple

from steelyard.core import FinishReason, Request
from steelyard.label_sets import has_label, label_set

_TOKEN = re.compile(r"\w+|[^\w\s]")
_SHOT = re.compile(r"^\w+: (?P<input>.+)\n\w+: (?P<output>.+)$", re.MULTILINE)
_LABEL_LIST = re.compile(r"one of(?: these)?: (.+?)\.?$", re.MULTILINE)
_MARKER = "Answer:"
_REASONED = f'begins with "{_MARKER}"'
"""Where a prompt says so, the fake reasons first."""
_FOLLOW_UPS = ("Now give the ", "That answer cannot be used")
"""How a turn begins that only asks again about the turn before."""
SHARPNESS = 6.0
"""How strongly a lead in the vote becomes a probability."""


LISTED = 0.6
"""From this part of the best vote on, a label is in a list of labels."""


class FakeReply(NamedTuple):
    """A fake answer before it is timed and counted into a completion."""

    text: str
    finish_reason: FinishReason
    output_tokens: int
    probabilities: dict[str, float] | None = None
    failure: str | None = None


def tokenize(text: str) -> list[str]:
    """Split into words and punctuation marks."""
    return _TOKEN.findall(text)


def echo_reply(request: Request) -> FakeReply:
    """Repeat the input; constrained, the first choice that the input names, else the first."""
    query = _query(request)
    if labels := _labels_to_list(request):
        return _free(
            label_set(label for label in labels if label.lower() in query.lower()), request
        )
    if not request.choices:
        return _free(query, request)
    named = [choice for choice in request.choices if choice.lower() in query.lower()]
    return _chosen({choice: float(choice in named[:1]) for choice in request.choices}, request)


def smart_reply(request: Request) -> FakeReply:
    """Vote by word overlap with the prompt's shots; without shots, guess by the labels' names."""
    query = _query(request)
    shots = _shots(request)
    if request.choices:
        votes = {choice: _vote(choice, query, shots) for choice in request.choices}
        return _chosen(votes, request)
    if labels := _labels_to_list(request):
        votes = {label: _vote(label, query, shots) for label in labels}
        least = LISTED * max(votes.values())
        if request.temperature > 0:
            return _free(label_set([_sample(_shares(votes), request)]), request)
        return _free(label_set(name for name, vote in votes.items() if vote >= least), request)
    outputs = list(dict.fromkeys([*(output for _, output in shots), *_listed_labels(request)]))
    if not outputs:
        return _free(query, request)
    votes = {output: _vote(output, query, shots) for output in outputs}
    best = max(outputs, key=lambda output: votes[output])
    if request.temperature > 0:
        best = _sample(_shares(votes), request)
    elif not shots and _hash(query) % 7 == 0:
        best = "I am not sure about this one"
    if any(_REASONED in message.content for message in request.messages):
        best = f"The words of the text point one way.\n{_MARKER} {best}"
    return _free(best, request)


def _vote(output: str, query: str, shots: list[tuple[str, str]]) -> float:
    words = _words(query)
    overlaps = [_overlap(words, _words(text)) for text, shown in shots if has_label(shown, output)]
    prior = 0.2 * _overlap(_trigrams(query), _trigrams(output))
    noise = 0.02 * (_hash(query + output) % 1000) / 1000
    return max(overlaps, default=0.0) + 0.1 * sum(overlaps) + prior + noise


def _chosen(votes: dict[str, float], request: Request) -> FakeReply:
    probabilities = _shares(votes)
    choice = max(probabilities, key=lambda name: probabilities[name])
    if request.temperature > 0:
        choice = _sample(probabilities, request)
    return FakeReply(choice, "choice", max(1, len(tokenize(choice))), probabilities)


def _shares(votes: dict[str, float]) -> dict[str, float]:
    weights = {choice: math.exp(SHARPNESS * vote) for choice, vote in votes.items()}
    total = sum(weights.values())
    return {choice: weight / total for choice, weight in weights.items()}


def _sample(probabilities: dict[str, float], request: Request) -> str:
    """Draw a choice by a number made of the input, the seed and the nonce."""
    point = _hash(f"{_query(request)}|{request.seed}|{request.nonce}") / 2**32
    for choice, probability in probabilities.items():
        point -= probability
        if point < 0:
            return choice
    return list(probabilities)[-1]


def _free(text: str, request: Request) -> FakeReply:
    for stop in request.stop:
        text = text.partition(stop)[0]
    ends = [match.end() for match in _TOKEN.finditer(text)]
    if len(ends) > request.max_output_tokens:
        cut = ends[request.max_output_tokens - 1] if request.max_output_tokens else 0
        return FakeReply(text[:cut], "length", request.max_output_tokens)
    return FakeReply(text, "stop", len(ends))


def _query(request: Request) -> str:
    """The last paragraph of the last turn that asks something new, without its field names."""
    turns = list(request.messages)
    while len(turns) > 2 and turns[-1].content.startswith(_FOLLOW_UPS):
        del turns[-2:]
    paragraph = turns[-1].content.strip().split("\n\n")[-1] if turns else ""
    lines = [line for line in paragraph.splitlines() if not re.fullmatch(r"\w+:", line.strip())]
    return re.sub(r"^\w+: ", "", "\n".join(lines)).strip()


def _shots(request: Request) -> list[tuple[str, str]]:
    """Pairs of user and assistant turns, and ``Field: input / Field: output`` pairs in any turn."""
    turns = request.messages
    pairs = [
        (_query(Request(turns[: index + 1])), _final(turns[index + 1].content))
        for index in range(len(turns) - 1)
        if turns[index].role == "user"
        and turns[index + 1].role == "assistant"
        and not (index + 2 < len(turns) and turns[index + 2].content.startswith(_FOLLOW_UPS))
    ]
    for message in turns:
        matches = _SHOT.finditer(message.content)
        pairs += [(match["input"], match["output"].strip()) for match in matches]
    return pairs


def _final(output: str) -> str:
    """What a shot answers with, its reasoning left out."""
    return output.rpartition(_MARKER)[2].strip()


def _listed_labels(request: Request) -> list[str]:
    text = "\n".join(message.content for message in request.messages)
    match = _LABEL_LIST.search(text)
    return [label.strip() for label in match.group(1).split(",")] if match else []


def _labels_to_list(request: Request) -> list[str]:
    """The labels of which the request's schema wants a list; none where it wants anything else."""
    schema = json.loads(request.schema or "null")
    items = schema.get("items") if isinstance(schema, dict) else None
    labels = items.get("enum") if isinstance(items, dict) else None
    return labels if isinstance(labels, list) and schema.get("type") == "array" else []


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"\w+", text.lower()) if len(word) > 2)


def _trigrams(text: str) -> frozenset[str]:
    lowered = text.lower()
    return frozenset(lowered[index : index + 3] for index in range(len(lowered) - 2))


def _overlap(a: frozenset[str], b: frozenset[str]) -> float:
    """Cosine of two sets of words."""
    return len(a & b) / math.sqrt(len(a) * len(b)) if a and b else 0.0


def _hash(text: str) -> int:
    return zlib.crc32(text.encode())
