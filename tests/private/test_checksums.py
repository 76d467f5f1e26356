from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.private import checksums

# Documented samples, made-up numbers whose check digits fit, and none of a person.
GOOD = {
    "luhn": ["4242 4242 4242 4242", "378282246310005", "5555555555554444", "79927398713"],
    "iban": ["GB29 NWBK 6016 1331 9268 19", "DE89370400440532013000", "NO9386011117947"],
    "verhoeff": ["2363", "758722", "234123412346"],
    "us_ssn": ["078-05-1120", "219-09-9999"],
    "uk_nhs": ["943 476 5919"],
    "fr_nir": ["255081416802538", "1 51 02 4A 000 111 22".replace("4A", "46").replace("22", "85")],
    "es_dni": ["12345678Z", "X1234567L", "Y-1234567-X"],
    "it_codice_fiscale": ["RSSMRA85T10A562S", "MRTMTT91D08F205J"],
    "de_steuer_id": ["86095742719", "47036892816", "65929970489"],
    "nl_bsn": ["111222333", "1234.56.782"],
    "pl_pesel": ["44051401359", "02070803628"],
    "br_cpf": ["111.444.777-35", "12345678909"],
    "in_aadhaar": ["2341 2341 2346"],
    "ca_sin": ["130 692 544"],
    "au_tfn": ["123 456 782"],
    "se_personnummer": ["811218-9876", "19640823-3234"],
    "fi_hetu": ["131052-308T"],
    "be_national_number": ["85.07.30-033.28"],
    "ch_ahv": ["756.9217.0769.85"],
    "pt_nif": ["123456789"],
    "cn_resident_id": ["11010519491231002X"],
}
CASES = [(name, value) for name, values in GOOD.items() for value in values]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_documented_sample_passes(name: str, value: str) -> None:
    if name == "fr_nir" and value.startswith("1 51"):
        value = value[:-2] + f"{97 - int(value.replace(' ', '')[:13]) % 97:02}"
    assert getattr(checksums, name)(value)


WEAK = {"us_ssn"}  # no check digit


@pytest.mark.parametrize(("name", "value"), [case for case in CASES if case[0] not in WEAK])
def test_another_last_place_fails(name: str, value: str) -> None:
    last = value[-1]
    others = "0123456789" if last.isdecimal() else "ABCDEFGHJKLMNPQRSTVWXYZ"
    passing = [each for each in others if getattr(checksums, name)(value[:-1] + each)]
    assert passing in ([last], [])


@pytest.mark.parametrize("number", ["000-12-3456", "666-12-3456", "912-12-3456", "123-00-4567"])
def test_numbers_that_are_never_assigned(number: str) -> None:
    assert not checksums.us_ssn(number)


numbers = st.text("0123456789", min_size=4, max_size=24)
places = st.integers(0, 23)
steps = st.integers(1, 9)


def with_digit(number: str, place: int, step: int) -> str:
    """Another digit at one place."""
    place %= len(number)
    return number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]


def completed(test: Callable[[str], bool], number: str) -> str:
    """The number with the check digit that makes ``test`` true."""
    return next(number + digit for digit in "0123456789" if test(number + digit))


@given(numbers, places, steps)
def test_a_changed_digit_fails_luhn(number: str, place: int, step: int) -> None:
    good = completed(checksums.luhn, number)
    assert not checksums.luhn(with_digit(good, place, step))


@given(numbers, places, steps)
def test_a_changed_digit_fails_verhoeff(number: str, place: int, step: int) -> None:
    good = completed(checksums.verhoeff, number)
    assert checksums.verhoeff(good)
    assert not checksums.verhoeff(with_digit(good, place, step))


@given(numbers, places)
def test_swapped_neighbours_fail_verhoeff(number: str, place: int) -> None:
    good = completed(checksums.verhoeff, number)
    place %= len(good) - 1
    swapped = good[:place] + good[place + 1] + good[place] + good[place + 2 :]
    assert checksums.verhoeff(swapped) == (swapped == good)


@given(st.text("0123456789", min_size=14, max_size=14), places, steps)
def test_a_changed_digit_fails_modulus_97(account: str, place: int, step: int) -> None:
    rest = "NWBK" + account
    number = int("".join(str(int(each, 36)) for each in rest + "GB00"))
    check = f"{98 - number % 97:02}"
    assert checksums.iban("GB" + check + rest)
    assert not checksums.iban("GB" + check + "NWBK" + with_digit(account, place, step))


@pytest.mark.parametrize(
    ("year", "month", "day", "real"), [(2000, 2, 29, True), (2001, 2, 29, False)]
)
def test_dates(year: int, month: int, day: int, real: bool) -> None:
    assert checksums.is_date(year, month, day) is real
