"""Whether the number that an answer comes to is the reference's."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from pydantic import Field, model_validator

from steelyard.config.options import Options
from steelyard.core import Example
from steelyard.errors import ConfigError
from steelyard.score.base import ReferenceMetric
from steelyard.score.values import Value, final_value
from steelyard.words import counted, one_line, shortened

log = logging.getLogger("steelyard")


class Tolerance(Options):
    """How far an answer may lie from the reference: in its unit, or as a share of it.

    A number is ``absolute``; a text such as ``1 %`` is ``relative``. What is not given is 0.
    """

    absolute: float = Field(default=0.0, ge=0, lt=1e9)
    relative: float = Field(default=0.0, ge=0, lt=1e9)

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        if isinstance(value, str) and value.strip().endswith("%"):
            return {"relative": _share(value)}
        if isinstance(value, Mapping | Tolerance):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(
                f"expected a number from 0, a share such as 1 %, or {{absolute, relative}}; got {value!r}"
            )
        return {"absolute": value}


def _share(text: str) -> float:
    try:
        share = Decimal(text.strip().rstrip("%").strip()) * Numeric.unit
    except InvalidOperation:
        share = Decimal(-1)
    if not 0 <= share <= 1:
        raise ValueError(f"expected 0 % to 100 %, got {text!r}")
    return float(share)


_EXACT, _ROUNDED = Tolerance(), Tolerance(relative=1e-6)


class NumericOptions(Options):
    """Without a ``tolerance`` whole numbers are compared exactly, others to one part in a million.

    So ``0.3333333`` answers ``1/3``, and 97406785 is not 97406784. One that is given holds for all.
    """

    tolerance: Tolerance | None = None


class Numeric(ReferenceMetric):
    r"""Whether the number that the answer comes to equals the reference's.

    That number is what stands in the last ``\boxed{}``, or on the first line ``#### n``, or what is
    announced, or else what the last sentence comes to; `values` says how numbers are read. Where none
    can be read for certain, the answer failed. Within either tolerance is right. A percentage
    answers a number that it is (``50 %`` and ``50``) or stands for (``50 %`` and ``0.5``). Other units
    are not read: ``500 g`` answers ``500 kg``, and ``$5`` answers ``€5``.
    """

    name = "numeric"
    title = "Numeric match"
    binary = True
    options_type = NumericOptions
    config: NumericOptions
    compares_final_answers: ClassVar[bool] = True
    reads_reasoned_references: ClassVar[bool] = True
    compares_numbers: ClassVar[bool] = True
    unit: ClassVar[Decimal] = Decimal("0.01")

    def check(self, examples: Sequence[Example]) -> None:
        """Refuse outputs of which none is a number; name how many are not, where some are."""
        answered = [example for example in examples if example.output]
        unread = [example for example in answered if final_value(example.output) is None]
        if not unread:
            return
        first = f"{unread[0].source or unread[0].id}: {shortened(unread[0].output, 60)!r}"
        if len(unread) == len(answered):
            raise ConfigError(
                f"metric {self.name}: none of the {len(answered):,} outputs contains a number (the "
                f"first, {first}): every answer would score 0; use a metric that compares texts"
            )
        log.warning(
            "metric %s: %s of %s holds no number that can be read for certain (the first, %s): every "
            "answer there scores 0; write it as a plain number",
            self.name,
            f"{len(unread):,}",
            counted(len(answered), "output"),
            first,
        )

    def unreadable(self, output: str) -> str | None:
        if final_value(output) is not None:
            return None
        return f"no number can be read for certain in {one_line(output, 60)!r}"

    def score_answer(self, output: str, reference: str) -> float:
        answer, expected = final_value(output), final_value(reference)
        if answer is None or expected is None:
            return 0.0
        return float(
            any(self._agree(number, expected.number) for number in _readings(answer, expected))
        )

    def _agree(self, answer: Decimal, expected: Decimal) -> bool:
        tolerance = self.config.tolerance
        if tolerance is None:
            tolerance = _EXACT if _is_whole(answer) and _is_whole(expected) else _ROUNDED
        difference = abs(answer - expected)
        if difference <= Decimal(str(tolerance.absolute)):
            return True
        relative = Decimal(str(tolerance.relative))
        return difference <= relative * max(abs(answer), abs(expected))


def _is_whole(number: Decimal) -> bool:
    """Whether all digits of a whole number are written: those of ``6.02e23`` are not."""
    return _exponent(number) <= 0 and number == number.to_integral_value()


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _readings(answer: Value, expected: Value) -> tuple[Decimal, ...]:
    """The numbers that the answer may stand for, given how the reference is written."""
    if answer.is_percent == expected.is_percent:
        return (answer.number,)
    if answer.is_percent:
        return answer.number, answer.number * Numeric.unit
    return answer.number, answer.number / Numeric.unit
