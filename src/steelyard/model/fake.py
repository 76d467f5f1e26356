"""A model without weights, for tests and dry runs: same request, same answer, on every machine.

The name carries the behaviour and its options, as in ``smart?sleep=0.02&log=calls.jsonl``.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl

from pydantic import ConfigDict, NonNegativeFloat, NonNegativeInt, PositiveInt

from steelyard.config.options import Options, read_options
from steelyard.core import Completion, Request
from steelyard.errors import ConfigError, closest
from steelyard.files import check_target
from steelyard.model.base import Model, ModelProvider, ModelSpec, OnDone
from steelyard.model.fake_mind import FakeReply, echo_reply, smart_reply, tokenize

BEHAVIOURS = {"smart": smart_reply, "echo": echo_reply, "flaky": smart_reply}
SECONDS_PER_INPUT_TOKEN = 0.0005
SECONDS_PER_OUTPUT_TOKEN = 0.01
_LOG_START = b'{"request": "'
BUSY_FACTOR = 10


class FakeOptions(Options):
    """How a fake behaves apart from its answers.

    ``sleep`` is real seconds per request (for tests that kill a run); ``log`` is a file that gains
    one JSON line per request asked; ``fail_every`` makes about one request in that many fail,
    chosen by the request's text (0: never, but 5 for ``flaky``); ``batch`` is the batch size;
    ``local`` says whether it counts as a model on this machine; requests of more than ``context``
    tokens fail (0: none is too long). From the request ``busy_from`` to ``busy_until`` the simulated
    time is ten times as long, as on a machine that is busy with other work (0: never).
    """

    model_config = ConfigDict(strict=False)  # they are words of a name: numbers come as text

    sleep: NonNegativeFloat = 0.0
    log: str = ""
    fail_every: NonNegativeInt = 0
    batch: PositiveInt = 8
    local: bool = True
    context: NonNegativeInt = 0
    busy_from: NonNegativeInt = 0
    busy_until: NonNegativeInt = 0


class FakeModel(Model):
    """A deterministic model: answers depend on the request alone, never on its batch.

    ``smart`` votes with the word overlap between the last turn and the shots it finds in the
    prompt, so shots help it; ``echo`` repeats the last turn; ``flaky`` is ``smart`` with failures.
    Timings are simulated from token counts. ``calls`` counts the requests asked so far.
    """

    def __init__(self, behaviour: str = "smart", options: FakeOptions | None = None) -> None:
        self._behaviour = behaviour
        self._options = options or FakeOptions()
        default_failures = 5 if behaviour == "flaky" else 0
        self._fail_every = self._options.fail_every or default_failures
        self.calls = 0

    @property
    def name(self) -> str:
        return f"fake:{self._behaviour}"

    @property
    def fingerprint(self) -> str:
        context = f":context={self._options.context}" if self._options.context else ""
        return f"fake:{self._behaviour}:fail_every={self._fail_every}{context}:v1"

    @property
    def local(self) -> bool:
        return self._options.local

    def count_tokens(self, text: str) -> int | None:
        return len(tokenize(text))

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        prompts = [_prompt_tokens(request) for request in requests]
        shared = _shared_prefix(prompts)
        order = sorted(range(len(requests)), key=lambda index: (len(prompts[index]), index))
        results: list[Completion | None] = [None] * len(requests)
        for start in range(0, len(order), self._options.batch):
            batch = order[start : start + self._options.batch]
            pending = [index for index in batch if index not in skip]
            if not pending:
                continue
            cached = {index: 0 if index == order[0] else shared for index in batch}
            counts = {index: (len(prompts[index]), cached[index]) for index in batch}
            answers = self._answer_batch({index: requests[index] for index in batch}, counts)
            self._account([requests[index] for index in pending])
            for index in pending:
                results[index] = answers[index]
            if on_done is not None:
                on_done([(index, answers[index]) for index in pending])
        return results

    def _answer_batch(
        self, batch: dict[int, Request], counts: dict[int, tuple[int, int]]
    ) -> dict[int, Completion]:
        replies = {index: self._reply(request) for index, request in batch.items()}
        prefill = sum(full - cached for full, cached in counts.values()) * SECONDS_PER_INPUT_TOKEN
        steps = max(max(reply.output_tokens, 1) for reply in replies.values())
        is_busy = self._options.busy_from <= self.calls < self._options.busy_until
        pace = BUSY_FACTOR if is_busy else 1
        total = pace * (prefill + steps * SECONDS_PER_OUTPUT_TOKEN)
        first = pace * (prefill + SECONDS_PER_OUTPUT_TOKEN)
        return {
            index: Completion(
                text=reply.text,
                finish_reason=reply.finish_reason,
                input_tokens=counts[index][0],
                cached_tokens=counts[index][1],
                output_tokens=reply.output_tokens,
                first_token_seconds=first,
                total_seconds=total,
                batch_size=len(batch),
                probabilities=reply.probabilities,
                failure=reply.failure,
            )
            for index, reply in replies.items()
        }

    def _reply(self, request: Request) -> FakeReply:
        size, most = len(_prompt_tokens(request)), self._options.context
        if most and size > most:
            return FakeReply(
                "", "error", 0, None, f"needs {size} tokens, the model's context is {most}"
            )
        if self._fail_every and zlib.crc32(_key(request)) % self._fail_every == 0:
            return FakeReply("", "error", 0, None, "the fake model failed on purpose")
        return BEHAVIOURS[self._behaviour](request)

    def _account(self, requests: Sequence[Request]) -> None:
        """Count, sleep and log what was asked, in this order and before ``on_done`` is told."""
        self.calls += len(requests)
        if self._options.sleep:
            time.sleep(self._options.sleep * len(requests))
        if self._options.log:
            lines = [
                json.dumps({"request": f"{zlib.crc32(_key(request)):08x}", "nonce": request.nonce})
                for request in requests
            ]
            path = Path(self._options.log)
            check_target(path)
            if path.exists() and path.stat().st_size and not _is_log(path):
                raise ConfigError(f"{path} is not a log of a fake model: name another file in log=")
            with path.open("a", encoding="utf-8") as log:
                log.write("".join(line + "\n" for line in lines))


def _is_log(path: Path) -> bool:
    with path.open("rb") as log:
        return log.read(len(_LOG_START)) == _LOG_START


def load(spec: ModelSpec) -> FakeModel:
    """Build the fake that ``spec.name`` describes; see `parse_fake`."""
    return FakeModel(*parse_fake(spec.name))


def parse_fake(name: str) -> tuple[str, FakeOptions]:
    """Read a behaviour and its options, as in ``smart?sleep=0.02``. Raises `ConfigError`."""
    behaviour, _, query = name.partition("?")
    if behaviour not in BEHAVIOURS:
        hint, listing = closest(behaviour, BEHAVIOURS), ", ".join(BEHAVIOURS)
        raise ConfigError(f"unknown fake model {behaviour!r}{hint}; known: {listing}")
    words = dict(parse_qsl(query, keep_blank_values=True))
    return behaviour, read_options(f"model fake:{behaviour}", FakeOptions, words)


def _key(request: Request) -> bytes:
    turns = [tuple(message) for message in request.messages]
    return json.dumps([turns, list(request.choices)], ensure_ascii=False).encode()


def _prompt_tokens(request: Request) -> list[str]:
    tokens: list[str] = []
    for role, content in request.messages:
        tokens += [f"<{role}>", *tokenize(content)]
    return [*tokens, "<assistant>"]


def _shared_prefix(prompts: Sequence[list[str]]) -> int:
    """Tokens that open every prompt; none when there is nothing to share with."""
    if len(prompts) < 2:
        return 0
    low, high = min(prompts), max(prompts)
    shared = 0
    while shared < min(len(low), len(high)) - 1 and low[shared] == high[shared]:
        shared += 1
    return shared


PROVIDER = ModelProvider(
    load,
    form="fake:smart",
    about="answers without a model, for dry runs",
    names=tuple(BEHAVIOURS),
    has_simulated_time=True,
    check_name=parse_fake,
    count=lambda texts: [len(tokenize(text)) for text in texts],
)
