"""Answers across runs: what the cache knows of a model's answers, and what it gains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from steelyard.core import Completion, Request
from steelyard.model.answer_cache import AnswerCache, answer_key, is_fixed
from steelyard.model.base import Model
from steelyard.model.meter import PaidModel

_FLUSH = 500
"""So many answers are kept together: the cache is a convenience, and a commit takes time."""


class Reuse:
    """One model's part in the cache. Only models whose answers are paid for have one."""

    def __init__(self, model: PaidModel, cache: AnswerCache) -> None:
        self._fingerprint = model.fingerprint
        self._model = model
        self._cache = cache
        self._learned = cache.learned(self._fingerprint)
        self._model.learned = self._learned
        self._waiting: dict[str, Completion] = {}

    @staticmethod
    def of(model: Model, cache: AnswerCache | None) -> Reuse | None:
        """Return the model's part in ``cache``, or ``None`` where its answers are not reused.

        A local model's answers cost no money, and their machine time is what is measured.
        """
        if cache is None or model.local or not isinstance(model, PaidModel):
            return None
        return Reuse(model, cache)

    def find(self, requests: Sequence[tuple[int, Request]]) -> dict[int, Completion]:
        """Return the known answers by the numbers of their requests."""
        keys = {index: self._key(request) for index, request in requests if is_fixed(request)}
        answers = self._cache.get(keys.values()) if keys else {}
        return {index: answers[key] for index, key in keys.items() if key in answers}

    def keep(self, answered: Iterable[tuple[Request, Completion]]) -> None:
        """Note new answers; failures are none."""
        for request, completion in answered:
            if completion.failure is None and is_fixed(request):
                self._waiting[self._key(request)] = completion
        if len(self._waiting) >= _FLUSH:
            self.flush()

    def flush(self) -> None:
        """Write what was noted, and what the model has learned of its endpoint."""
        if self._waiting:
            self._cache.put(self._fingerprint, self._waiting)
            self._waiting = {}
        if self._model.learned != self._learned:
            self._learned = self._model.learned
            self._cache.learn(self._fingerprint, self._learned)

    def _key(self, request: Request) -> str:
        return answer_key(self._fingerprint, self._model.sent_text(request), request)
