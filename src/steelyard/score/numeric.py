"""Whether the number that an answer comes to is the reference's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, NamedTuple, Self

from steelyard.core import Example
from steelyard.errors import ConfigError
from steelyard.score.base import Materials, refuse_options
from steelyard.score.text import ReferenceMetric, number_option
from steelyard.score.values import Value, final_value, last_number
from steelyard.words import shortened

__all__ = ["Numeric", "Tolerance", "last_number"]


class Tolerance(NamedTuple):
    """How far an answer may lie from the reference: in its unit, or as a share of it."""

    absolute: Decimal = Decimal(0)
    relative: Decimal = Decimal("1e-6")


_EXACT = Tolerance(relative=Decimal(0))


class Numeric(ReferenceMetric):
    r"""Whether the number that the answer comes to equals the reference's.

    That number is what stands in the last ``\boxed{}``, or on the first line ``#### n``, or else the
    last one in the text; `values` says how numbers are read. Option ``tolerance``: a number in the
    reference's unit, a text such as ``1 %``, or ``{absolute, relative}``; within either is right.
    Without it, one part in a million: ``0.3333333`` answers ``1/3``. A percentage answers a number
    that it is (``50 %`` and ``50``) or stands for (``50 %`` and ``0.5``).
    """

    name = "numeric"
    binary = True
    unit: ClassVar[Decimal] = Decimal("0.01")

    def __init__(self, tolerance: Tolerance = Tolerance()) -> None:  # noqa: B008 - immutable
        self.tolerance = tolerance

    @classmethod
    def build(cls, options: Mapping[str, Any], materials: Materials) -> Self:
        """Read ``tolerance``. Raises `ConfigError`."""
        refuse_options(cls.name, options, ("tolerance",))
        return cls(_tolerance(cls.name, options.get("tolerance")))

    def check(self, examples: Sequence[Example]) -> None:
        """Refuse references none of which holds a number."""
        given = [example for example in examples if example.output]
        if given and all(final_value(example.output) is None for example in given):
            raise ConfigError(
                f"metric {self.name}: none of the {len(given):,} outputs holds a number (the first, "
                f"{given[0].source or given[0].id}: {shortened(given[0].output, 60)!r}): every answer "
                "would score 0; choose a metric that compares texts"
            )

    def score_answer(self, output: str, reference: str) -> float:
        """1 when the numbers agree; 0 when either has none."""
        said, wanted = final_value(output), final_value(reference)
        if said is None or wanted is None:
            return 0.0
        return float(any(self._agree(number, wanted.number) for number in _readings(said, wanted)))

    def _agree(self, said: Decimal, wanted: Decimal) -> bool:
        absolute, relative = self.tolerance
        apart = abs(said - wanted)
        return apart <= absolute or apart <= relative * max(abs(said), abs(wanted))


def _readings(said: Value, wanted: Value) -> tuple[Decimal, ...]:
    """What the answer may stand for beside the reference."""
    if said.is_percent == wanted.is_percent:
        return (said.number,)
    if said.is_percent:
        return said.number, said.number * Numeric.unit
    return said.number, said.number / Numeric.unit


def _tolerance(metric: str, given: Any) -> Tolerance:
    if given is None:
        return Tolerance()
    if isinstance(given, str) and given.strip().endswith("%"):
        try:
            share = Decimal(given.strip().rstrip("%").strip()) * Numeric.unit
        except InvalidOperation:
            share = Decimal(-1)
        if not 0 <= share <= 1:
            raise ConfigError(
                f"metric {metric}: tolerance must be from 0 % to 100 %, not {given!r}"
            )
        return _EXACT._replace(relative=share)
    if isinstance(given, Mapping):
        refuse_options(f"{metric}: tolerance", given, Tolerance._fields)
        numbers = {name: number_option(metric, given, name, 0.0) for name in given}
        return _EXACT._replace(**{name: Decimal(str(number)) for name, number in numbers.items()})
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ConfigError(
            f"metric {metric}: tolerance is a number from 0, a share such as 1 %, or "
            f"{{absolute, relative}}, not {given!r}"
        )
    absolute = number_option(metric, {"tolerance": given}, "tolerance", 0.0)
    return _EXACT._replace(absolute=Decimal(str(absolute)))
