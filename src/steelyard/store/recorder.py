"""A model that remembers: every completion goes to the store first, and nothing is asked twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from typing import Any

from steelyard.core import Completion, Price, Request
from steelyard.errors import EndpointError
from steelyard.model.answer_cache import AnswerCache
from steelyard.model.base import Model, OnDone
from steelyard.model.meter import Meter, PaidModel
from steelyard.store.budget import Budget, keep_prices
from steelyard.store.database import AskedModel, Store, StoredCompletion, dumps
from steelyard.store.reuse import Reuse

_Deliver = Callable[[Sequence[tuple[str, Completion]]], None]


def completion_key(fingerprint: str, request: Request) -> str:
    """Return the SHA-256 of the model's fingerprint and the canonical request, nonce included."""
    said = asdict(request)
    if request.schema is None:  # keys made before there were schemas stay good
        del said["schema"]
    return hashlib.sha256(f"{fingerprint}\n{dumps(said)}".encode()).hexdigest()


class Recorder:
    """Wraps models over one store and names the phase whose account each new request goes to.

    ``budget`` caps what hosted models may cost, counting what the store holds already. ``cache`` is
    looked into before a hosted model is asked, and gains what it answers.
    """

    def __init__(
        self, store: Store, budget: Budget | None = None, cache: AnswerCache | None = None
    ) -> None:
        self.store = store
        self.budget = budget
        self.cache = cache
        if budget is not None:
            budget.resume(store.paid_by_model())
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

    def add_price(self, account: str, price: Price) -> None:
        """Take in the price of a model that was made in the run, and keep it in the run folder."""
        keep_prices(self.store, {account: price})
        if self.budget is not None:
            self.budget.add_price(account, price)

    def wrap(self, model: Model) -> RecordedModel:
        """Return ``model`` under this recorder."""
        return RecordedModel(lambda: model, self)

    def later(self, build: Callable[[], Model]) -> RecordedModel:
        """Return a model under this recorder that is built when it is first needed."""
        return RecordedModel(build, self)


class RecordedModel(Model):
    """A `Model` whose completions are stored before anyone sees them, and reused from the store."""

    def __init__(self, build: Callable[[], Model], recorder: Recorder) -> None:
        self._build = build
        self._recorder = recorder
        self._meter: Meter | None = None
        self._reuse: Reuse | None = None
        self._notes_key = ""
        self._noted: tuple[str, ...] = ()

    @cached_property
    def inner(self) -> Model:
        """The model itself, built at first use and given what it needs of the run."""
        model = self._build()
        recorder, asked = self._recorder, AskedModel(model.fingerprint, model.name)
        self._notes_key = f"notes:{model.fingerprint}"
        recorder.store.know_model(asked)
        self._reuse = Reuse.of(model, recorder.cache)
        if recorder.budget is not None and not model.local:
            self._meter = recorder.budget.meter(asked, model.count_tokens)
        if isinstance(model, PaidModel):
            model.memory = _Memory(recorder.store, f"memory:{model.fingerprint}:")
            model.meter = self._meter
        return model

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

    @property
    def notes(self) -> tuple[str, ...]:
        """What people must know of the model's answers, those of earlier attempts too."""
        earlier = self._recorder.store.meta(self._notes_key) or ()
        return tuple(dict.fromkeys([*earlier, *self.inner.notes]))

    @property
    def facts(self) -> Mapping[str, Any]:
        """What people must know of how the inner model answers."""
        return self.inner.facts

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
        recorder, here = self._recorder, [key for key, where in wanted.items() if where]
        recorder.store.want(recorder.phase, here)
        known = recorder.store.completions(here)
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
            missing = {i for i, (key, _) in enumerate(unique) if key not in known and wanted[key]}
            missing -= self._take(unique, missing, deliver)
            self._ask(unique, frozenset(range(len(unique))) - missing, deliver)
        return answers

    def _take(
        self, unique: Sequence[tuple[str, Request]], missing: set[int], deliver: _Deliver
    ) -> set[int]:
        """Store and pass on what an earlier run has paid for; return which requests those were."""
        if self._reuse is None:
            return set()
        found = self._reuse.find([(index, unique[index][1]) for index in sorted(missing)])
        rows = [self._row(*unique[i], completion, True) for i, completion in found.items()]
        self._recorder.store.add_completions(rows)
        deliver([(row.key, row.completion) for row in rows])
        return set(found)

    def _ask(
        self, unique: Sequence[tuple[str, Request]], settled: frozenset[int], deliver: _Deliver
    ) -> None:
        """Ask the inner model for what is not settled; store each batch before passing it on."""
        if len(settled) == len(unique):
            return
        recorder = self._recorder
        stored: set[str] = set()

        def store(batch: Sequence[tuple[int, Completion]]) -> None:
            rows = [self._row(*unique[index], completion) for index, completion in batch]
            recorder.store.add_completions(rows)
            stored.update(row.key for row in rows)
            if self._reuse is not None:
                self._reuse.keep((row.request, row.completion) for row in rows)
            self._keep_notes()
            recorder.on_asked(len(rows))
            deliver([(row.key, row.completion) for row in rows])

        asked = [request for _, request in unique]
        try:
            if self._meter is None or isinstance(self.inner, PaidModel):
                self.inner.generate(asked, store, settled)
            else:
                self._ask_in_slices(asked, store, settled)
        except EndpointError as error:
            # These failures say nothing about the requests, and were not paid: they are asked again.
            forgotten = {unique[index][0] for index in error.unserved}
            recorder.store.forget_completions(forgotten & stored)
            raise
        finally:
            if self._reuse is not None:
                self._reuse.flush()

    def _keep_notes(self) -> None:
        """Store what the model has to say of its answers with them, whenever there is more."""
        notes = self.inner.notes
        if notes != self._noted:
            self._recorder.store.set_meta(self._notes_key, self.notes)
            self._noted = notes

    def _ask_in_slices(
        self, asked: Sequence[Request], store: OnDone, settled: frozenset[int]
    ) -> None:
        """Ask a model that knows no meter: as many at once as the money that is left allows."""
        meter, everything = self._meter, frozenset(range(len(asked)))
        assert meter is not None
        missing = sorted(everything - settled)
        while missing:
            chosen: list[int] = []
            for index in missing:
                if meter.reserve(asked[index]) != "go":
                    break
                chosen.append(index)
            if not chosen:
                raise meter.over()

            def pay(batch: Sequence[tuple[int, Completion]]) -> None:
                for index, completion in batch:
                    meter.settle(asked[index], completion)
                store(batch)

            self.inner.generate(asked, pay, everything - frozenset(chosen))
            missing = missing[len(chosen) :]

    def _row(
        self, key: str, request: Request, completion: Completion, from_cache: bool = False
    ) -> StoredCompletion:
        phase = self._recorder.phase
        return StoredCompletion(key, phase, self.fingerprint, request, completion, from_cache)


class _Memory(MutableMapping[str, Any]):
    """What one model must find again after a kill, kept in the run's database."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def __getitem__(self, key: str) -> Any:
        found = self._store.meta(self._prefix + key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: str, value: Any) -> None:
        self._store.set_meta(self._prefix + key, value)

    def __delitem__(self, key: str) -> None:
        self._store.drop_meta(self._prefix + key)

    def __iter__(self) -> Iterator[str]:
        return (key.removeprefix(self._prefix) for key in self._store.metas(self._prefix))

    def __len__(self) -> int:
        return len(self._store.metas(self._prefix))
