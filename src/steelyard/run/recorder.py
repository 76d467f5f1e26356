"""A model that remembers: every completion goes to the store first, and nothing is asked twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property

from steelyard.core import Completion, Request
from steelyard.errors import SteelyardError
from steelyard.model.base import Model, OnDone
from steelyard.run.budget import Budget
from steelyard.run.store import Store, StoredCompletion, dumps

_CAPPED_BATCH = 16  # under --max-cost hosted requests go out in slices this small


def completion_key(fingerprint: str, request: Request) -> str:
    """Return the SHA-256 of the model's fingerprint and the canonical request, nonce included."""
    said = asdict(request)
    if request.schema is None:  # keys made before there were schemas stay good
        del said["schema"]
    return hashlib.sha256(f"{fingerprint}\n{dumps(said)}".encode()).hexdigest()


class Recorder:
    """Wraps models over one store and names the phase whose account each new request goes to."""

    def __init__(self, store: Store, budget: Budget | None = None) -> None:
        self.store = store
        self.budget = budget
        self.phase = "other"
        self.on_asked: Callable[[int], None] = lambda count: None

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """Put what is asked inside on the account of ``phase``."""
        before, self.phase = self.phase, phase
        try:
            yield
        finally:
            self.phase = before

    def wrap(self, model: Model) -> RecordedModel:
        """Return ``model`` under this recorder."""
        return RecordedModel(lambda: model, self)

    def later(self, build: Callable[[], Model]) -> RecordedModel:
        """Return a model under this recorder that is built when it is first needed."""
        return RecordedModel(build, self)


class RecordedModel:
    """A `Model` whose completions are stored before anyone sees them, and reused from the store."""

    def __init__(self, build: Callable[[], Model], recorder: Recorder) -> None:
        self._build = build
        self._recorder = recorder

    @cached_property
    def inner(self) -> Model:
        """The model itself, built at first use."""
        return self._build()

    @property
    def built(self) -> bool:
        """Whether the model itself was needed so far."""
        return "inner" in self.__dict__

    @property
    def name(self) -> str:
        """The inner model's name."""
        return self.inner.name

    @property
    def fingerprint(self) -> str:
        """The inner model's fingerprint."""
        return self.inner.fingerprint

    @property
    def local(self) -> bool:
        """Whether the inner model runs on this machine."""
        return self.inner.local

    def count_tokens(self, text: str) -> int | None:
        """Tokens by the inner model's tokenizer, or ``None``."""
        return self.inner.count_tokens(text)

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        """Answer ``requests``: those in the store from there, the others once each by the model.

        The whole list shapes the inner model's plan, whatever the store holds, so that a resumed
        run computes what an undisturbed one does.
        """
        places: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            places.setdefault(completion_key(self.fingerprint, request), []).append(index)
        wanted = {key: [i for i in where if i not in skip] for key, where in places.items()}
        known = self._recorder.store.completions(key for key, where in wanted.items() if where)
        answers: list[Completion | None] = [None] * len(requests)

        def deliver(done: Sequence[tuple[str, Completion]]) -> None:
            pairs = [(index, completion) for key, completion in done for index in wanted[key]]
            for index, completion in pairs:
                answers[index] = completion
            if on_done is not None and pairs:
                on_done(pairs)

        deliver(list(known.items()))
        if any(where and key not in known for key, where in wanted.items()):
            unique = [(key, requests[where[0]]) for key, where in places.items()]
            settled = frozenset(
                i for i, (key, _) in enumerate(unique) if key in known or not wanted[key]
            )
            self._ask(unique, settled, deliver)
        return answers

    def _ask(
        self,
        unique: Sequence[tuple[str, Request]],
        settled: frozenset[int],
        deliver: Callable[[Sequence[tuple[str, Completion]]], None],
    ) -> None:
        """Ask the inner model for what is not settled; store each batch before passing it on."""
        recorder = self._recorder
        failed: list[str] = []

        def store(batch: Sequence[tuple[int, Completion]]) -> None:
            rows = [self._row(*unique[index], completion) for index, completion in batch]
            recorder.store.add_completions(rows)
            failed.extend(row.key for row in rows if row.completion.failure is not None)
            recorder.on_asked(len(rows))
            deliver([(row.key, row.completion) for row in rows])

        try:
            for left_out in self._slices(unique, settled):
                self.inner.generate([request for _, request in unique], store, left_out)
        except SteelyardError:
            # The endpoint went away: its last failures say nothing about the requests themselves.
            recorder.store.forget_completions(failed)
            raise

    def _slices(
        self, unique: Sequence[tuple[str, Request]], settled: frozenset[int]
    ) -> Iterator[frozenset[int]]:
        """Yield what to skip, call by call: one call, or small ones checked against the cap."""
        budget = self._recorder.budget
        if budget is None or self.local:
            yield settled
            return
        everything = frozenset(range(len(unique)))
        missing = sorted(everything - settled)
        for start in range(0, len(missing), _CAPPED_BATCH):
            chosen = missing[start : start + _CAPPED_BATCH]
            spent = self._recorder.store.usage()
            budget.check(spent, [unique[i][1] for i in chosen], self.count_tokens)
            yield everything - frozenset(chosen)

    def _row(self, key: str, request: Request, completion: Completion) -> StoredCompletion:
        return StoredCompletion(key, self._recorder.phase, self.fingerprint, request, completion)
