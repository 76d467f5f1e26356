"""Numbers as people type them: what is plain is read, what can be read in two ways is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from steelyard.config.numbers import count_text, number_text
from steelyard.config.section import MoneyAmount, Section


class Figures(Section):
    count: int = 0
    share: float = 0.0
    price: MoneyAmount = Decimal(0)
    text: str = ""
    either: int | str = 0


@given(st.integers(0, 10**12), st.sampled_from(",_"))
def test_thousands_may_be_set_apart(number: int, separator: str) -> None:
    typed = f"{number:,}".replace(",", separator)
    assert int(str(count_text(typed))) == number
    assert int(str(number_text(f" {typed} "))) == number
    read = Figures.model_validate({"count": typed, "price": typed, "share": typed})
    assert (read.count, read.price, read.share) == (number, number, number)


@pytest.mark.parametrize(
    ("typed", "share"), [("95%", "0.95"), (" 5 %", "0.05"), ("-2.5%", "-0.025")]
)
def test_a_percentage_is_refused_with_its_share(typed: str, share: str) -> None:
    with pytest.raises(ValidationError, match=f"write it as a share, {share}"):
        Figures.model_validate({"share": typed})


@pytest.mark.parametrize(
    "typed", ["10,00", "1,0000", "0,5", "1,5", "1,000,00", "1.000,50", "1_000,0"]
)
def test_a_comma_that_may_stand_before_decimals_is_refused(typed: str) -> None:
    for read in (number_text, count_text):
        with pytest.raises(
            ValueError, match="can be read in two ways: write decimals with a point"
        ):
            read(typed)
    for key in ("count", "share", "price"):
        with pytest.raises(ValidationError, match="can be read in two ways"):
            Figures.model_validate({key: typed})


def test_a_point_before_three_digits_is_refused_in_a_count_alone() -> None:
    with pytest.raises(ValueError, match=r"'10\.000' can be read in two ways: write 10000 or 10$"):
        count_text("10.000")
    with pytest.raises(ValueError, match=r"'1\.234' can be read in two ways"):
        count_text("1.234")
    assert number_text("1.000") == "1.000"
    assert Figures.model_validate({"price": "1.000", "share": "0.125"}).price == 1


def test_other_values_stay_as_they_are() -> None:
    for value in (3, 0.5, None, True, "ten", "10k", "a,b", ""):
        assert number_text(value) is value
    read = Figures.model_validate({"text": "1,000", "either": "1,000"})
    assert (read.text, read.either) == ("1,000", "1,000")
