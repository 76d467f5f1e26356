"""A model that remembers: every completion goes to the store first, and nothing is asked twice."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from threading import RLock
from typing import Any

from steelyard.core import Completion, Price, Request
from steelyard.errors import BudgetError, EndpointError
from steelyard.model.answer_cache import AnswerCache, Reuse
from steelyard.model.base import Meter, Model, OnDone, PaidModel, TextStates, WrappedModel
from steelyard.model.phase import Phase, current_phase
from steelyard.store.budget import Budget, keep_prices
from steelyard.store.database import Store
from steelyard.store.tables import AskedModel, StoredCompletion, dumps

_Deliver = Callable[[Sequence[tuple[str, Completion]]], None]


def completion_key(fingerprint: str, request: Request) -> str:
    """Return the SHA-256 of the model's fingerprint and the canonical request, nonce included."""
    fields = asdict(request)
    if request.schema is None:  # keys made before there were schemas stay good
        del fields["schema"]
    return hashlib.sha256(f"{fingerprint}\n{dumps(fields)}".encode()).hexdigest()


class Recorder:
    """Wraps models over one store; each request goes to the account of the phase that it is asked in.

    ``budget`` caps what hosted models may cost, counting what the store holds already. ``cache`` is
    looked into before a hosted model is asked, and gains what it answers. Models may be asked from
    several threads: one model answers one call at a time, so that no two calls ask the same request,
    and no other arm's requests disturb the latency that is measured of one.
    """

    def __init__(
        self, store: Store, budget: Budget | None = None, cache: AnswerCache | None = None
    ) -> None:
        self.store = store
        self.budget = budget
        self.cache = cache
        self._turns: dict[str, AbstractContextManager[object]] = {}
        if budget is not None:
            budget.resume(store.paid_by_model())

    def turn(self, fingerprint: str) -> AbstractContextManager[object]:
        """Return the lock that is held while the model with this fingerprint answers one call."""
        return self._turns.setdefault(fingerprint, RLock())

    def add_price(self, account: str, price: Price) -> None:
        """Take in the price of a model that was made in the run, and keep it in the run folder."""
        keep_prices(self.store, {account: price})
        if self.budget is not None:
            self.budget.add_price(account, price)

    def wrap(self, model: Model) -> RecordedModel:
        return RecordedModel(lambda: model, self)

    def later(self, build: Callable[[], Model]) -> RecordedModel:
        """Return a model under this recorder that is built when it is first needed."""
        return RecordedModel(build, self)


class RecordedModel(WrappedModel):
    """A `Model` whose completions are stored before anyone sees them, and reused from the store."""

    def __init__(self, build: Callable[[], Model], recorder: Recorder) -> None:
        self._build = build
        self._recorder = recorder
        self._model: Model | None = None
        self._building = RLock()
        self._meter: Meter | None = None
        self._reuse: Reuse | None = None
        self._stored_notes: tuple[str, ...] = ()

    @property
    def inner(self) -> Model:
        """The model itself, built at first use and given what it needs of the run."""
        with self._building:
            if self._model is None:
                model = self._build()
                self._equip(model)
                self._model = model
            return self._model

    def _equip(self, model: Model) -> None:
        recorder, model_key = self._recorder, AskedModel(model.fingerprint, model.name)
        recorder.store.know_model(model_key)
        if recorder.budget is not None and not model.local:
            self._meter = recorder.budget.meter(model_key, model.count_tokens)
        if isinstance(model, PaidModel):
            model.memory = memory_of(recorder.store, model.fingerprint)
            model.meter = self._meter
            if recorder.cache is not None and not model.local:
                self._reuse = Reuse(model, recorder.cache)

    def release(self) -> None:
        """Let go of a model on this machine."""
        with self._building:
            if self._model is not None and self._model.local:
                self._model = None
                gc.collect()  # a network's modules hold each other, and are large

    @property
    def built(self) -> bool:
        return self._model is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What people must know of the model's answers, those of earlier attempts too."""
        earlier = self._recorder.store.notes(self.fingerprint)
        return tuple(dict.fromkeys([*earlier, *self.inner.notes]))

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
        with self._recorder.turn(self.fingerprint):
            return self._generate(requests, on_done, skip, current_phase())

    def states(self, texts: Sequence[str], max_tokens: int) -> TextStates:
        """Read texts, while the model answers nobody else; nothing is stored."""
        with self._recorder.turn(self.fingerprint):
            return self.inner.states(texts, max_tokens)

    def _generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None,
        skip: frozenset[int],
        phase: Phase,
    ) -> list[Completion | None]:
        places: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            places.setdefault(completion_key(self.fingerprint, request), []).append(index)
        places_to_fill = {key: [i for i in where if i not in skip] for key, where in places.items()}
        store, here = self._recorder.store, [key for key, where in places_to_fill.items() if where]
        store.want(phase.name, here)
        stored = store.completions(here)
        answers: list[Completion | None] = [None] * len(requests)

        def deliver(batch: Sequence[tuple[str, Completion]]) -> None:
            pairs = [
                (index, completion) for key, completion in batch for index in places_to_fill[key]
            ]
            for index, completion in pairs:
                answers[index] = completion
            if on_done is not None and pairs:
                on_done(pairs)

        deliver(list(stored.items()))
        if any(where and key not in stored for key, where in places_to_fill.items()):
            unique = [(key, requests[where[0]]) for key, where in places.items()]
            missing = {
                i for i, (key, _) in enumerate(unique) if key not in stored and places_to_fill[key]
            }
            missing -= self._take(unique, missing, deliver, phase)
            self._ask(unique, frozenset(range(len(unique))) - missing, deliver, phase)
        return answers

    def _take(
        self,
        unique: Sequence[tuple[str, Request]],
        missing: set[int],
        deliver: _Deliver,
        phase: Phase,
    ) -> set[int]:
        """Store and pass on what an earlier run has paid for; return which requests those were."""
        if self._reuse is None:
            return set()
        paid = self._reuse.find([(index, unique[index][1]) for index in sorted(missing)])
        rows = [
            StoredCompletion(key, phase.name, self.fingerprint, request, paid[index], True)
            for index, (key, request) in enumerate(unique)
            if index in paid
        ]
        self._recorder.store.add_completions(rows)
        deliver([(row.key, row.completion) for row in rows])
        return set(paid)

    def _ask(
        self,
        unique: Sequence[tuple[str, Request]],
        settled: frozenset[int],
        deliver: _Deliver,
        phase: Phase,
    ) -> None:
        """Ask the inner model what is not stored yet; store each batch before passing it on."""
        if len(settled) == len(unique):
            return
        recorder = self._recorder
        stored: set[str] = set()

        def store(batch: Sequence[tuple[int, Completion]]) -> None:
            rows = [
                StoredCompletion(key, phase.name, self.fingerprint, request, completion)
                for (key, request), completion in ((unique[i], answer) for i, answer in batch)
            ]
            recorder.store.add_completions(rows)
            stored.update(row.key for row in rows)
            if self._reuse is not None:
                self._reuse.keep((row.request, row.completion) for row in rows)
            self._keep_notes()
            phase.on_stored()
            deliver([(row.key, row.completion) for row in rows])

        requests = [request for _, request in unique]
        try:
            if self._meter is None or isinstance(self.inner, PaidModel):
                self.inner.generate(requests, store, settled)
            else:
                self._ask_in_slices(requests, store, settled)
        except (EndpointError, BudgetError) as error:
            # These failures say nothing about the model: they are asked again.
            unserved = {unique[index][0] for index in error.unserved}
            recorder.store.set_aside_completions(unserved & stored)
            raise
        finally:
            self._keep_notes()
            if self._reuse is not None:
                self._reuse.flush()

    def _keep_notes(self) -> None:
        """Store what people must know of the model's answers, whenever there is more."""
        notes = self.inner.notes
        if notes != self._stored_notes:
            model = AskedModel(self.fingerprint, self.name)
            self._recorder.store.set_notes(model, self.notes)
            self._stored_notes = notes

    def _ask_in_slices(
        self, requests: Sequence[Request], store: OnDone, settled: frozenset[int]
    ) -> None:
        """Ask a model that knows no meter: as many at once as the money that is left allows."""
        meter, everything = self._meter, frozenset(range(len(requests)))
        assert meter is not None
        missing = sorted(everything - settled)
        while missing:
            affordable: list[int] = []
            for index in missing:
                if meter.reserve(requests[index]) != "go":
                    break
                affordable.append(index)
            if not affordable:
                raise meter.over()

            def pay(batch: Sequence[tuple[int, Completion]]) -> None:
                for index, completion in batch:
                    meter.settle(requests[index], completion)
                store(batch)

            self.inner.generate(requests, pay, everything - frozenset(affordable))
            missing = missing[len(affordable) :]


def memory_of(store: Store, fingerprint: str) -> MutableMapping[str, Any]:
    """What the run's database keeps for the model with this fingerprint; see `PaidModel`."""
    return _Memory(store, f"memory:{fingerprint}:")


class _Memory(MutableMapping[str, Any]):
    """What one model must find again after a kill, kept in the run's database."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def __getitem__(self, key: str) -> Any:
        value = self._store.meta(self._prefix + key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self._store.set_meta(self._prefix + key, value)

    def __delitem__(self, key: str) -> None:
        self._store.drop_meta(self._prefix + key)

    def __iter__(self) -> Iterator[str]:
        return (key.removeprefix(self._prefix) for key in self._store.metas(self._prefix))

    def __len__(self) -> int:
        return len(self._store.metas(self._prefix))
