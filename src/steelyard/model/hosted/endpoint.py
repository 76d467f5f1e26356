"""What a model behind an OpenAI-compatible endpoint is, however it is asked."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.core import Request
from steelyard.model.base import ModelSpec
from steelyard.model.hosted.address import Address
from steelyard.model.hosted.dialect import Dialect
from steelyard.model.hosted.wire import Wire


class Endpoint:
    """One model at one address: its name, what it understands, and the connections to it."""

    def __init__(self, spec: ModelSpec, timeout_seconds: float) -> None:
        self._address = Address(spec)
        self._dialect = Dialect(official=self._address.is_official)
        self._wire = Wire(self._address.base_url, self._address.header, timeout_seconds)

    @property
    def name(self) -> str:
        """The endpoint's model name."""
        return self._address.model

    @property
    def local(self) -> bool:
        """False: it is paid by tokens, wherever it runs."""
        return False

    @property
    def learned(self) -> tuple[str, ...]:
        """What the endpoint turned out not to understand; set it to what an earlier run learned."""
        return self._dialect.learned

    @learned.setter
    def learned(self, learned: Sequence[str]) -> None:
        self._dialect.recall(learned)

    def sent_text(self, request: Request) -> str:
        """Return what would be sent for ``request`` now, as canonical JSON."""
        return self._dialect.text(self.name, request)

    def count_tokens(self, text: str) -> int | None:
        """Return ``None``: only the endpoint knows its tokenizer."""
        return None
