"""Check digits of cards, accounts and national ids: pure functions from a text to yes or no.

Each takes the value as written in a text, separators included, and knows its length. The source of
each is named next to its rule in ``data/private.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from string import ascii_uppercase

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU_MARKS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_CF_ODD = tuple(
    map(int, "1 0 5 7 9 13 15 17 19 21 2 4 18 20 11 3 6 8 12 14 16 10 22 25 24 23".split())
)


def digits_of(text: str) -> list[int]:
    """The decimal digits of ``text``, in order."""
    return [int(character) for character in text if character.isdecimal()]


def compact(text: str) -> str:
    """Letters and digits of ``text``, in upper case."""
    return "".join(character for character in text if character.isalnum()).upper()


def luhn(text: str) -> bool:
    """Luhn's test (ISO/IEC 7812-1, annex B): doubling every second digit from the right."""
    digits = digits_of(text)[::-1]
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[1::2])
    return len(digits) > 1 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def iban(text: str) -> bool:
    """ISO 13616: the country and check digits moved to the end leave 1 modulo 97."""
    value = compact(text)
    if not (value.isascii() and len(value) > 4 and "02" <= value[2:4] <= "98"):
        return False
    return int("".join(str(int(character, 36)) for character in value[4:] + value[:4])) % 97 == 1


def verhoeff(text: str) -> bool:
    """Verhoeff's test over the dihedral group of order 10: every wrong digit and swap is caught."""
    check = 0
    for place, digit in enumerate(reversed(digits_of(text))):
        check = _turn(check, _permuted(digit, place))
    return check == 0


def _turn(a: int, b: int) -> int:
    """Multiply in the dihedral group: 0 to 4 are rotations, 5 to 9 reflections."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
    return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5


def _permuted(digit: int, place: int) -> int:
    for _ in range(place % 8):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit


def weighted(digits: Sequence[int], weights: Iterable[int]) -> int:
    """The sum of digits times weights, as far as the shorter of both goes."""
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def us_ssn(text: str) -> bool:
    """Area, group and serial that have been or can be assigned; there is no check digit."""
    value = compact(text)
    area, group, serial = value[:3], value[3:5], value[5:]
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def uk_nhs(text: str) -> bool:
    """Ten digits, weights 10 to 2, modulus 11."""
    digits = digits_of(text)
    return len(set(digits)) > 1 and (11 - weighted(digits, range(10, 1, -1)) % 11) % 11 == digits[9]


def fr_nir(text: str) -> bool:
    """Thirteen places and the key 97 - n mod 97; 2A and 2B (Corsica) count as 19 and 18."""
    value = compact(text).replace("2A", "19", 1).replace("2B", "18", 1)
    month = int(value[3:5]) if value.isdecimal() else 0
    real = 1 <= month <= 12 or 20 <= month <= 42 or month >= 50
    return len(value) == 15 and real and 97 - int(value[:13]) % 97 == int(value[13:])


def es_dni(text: str) -> bool:
    """Eight digits (NIE: X, Y or Z for the first) and the letter of their remainder by 23."""
    value = compact(text)
    number = value[:-1].translate(str.maketrans("XYZ", "012"))
    return number.isdecimal() and _DNI_LETTERS[int(number) % 23] == value[-1]


def it_codice_fiscale(text: str) -> bool:
    """Sixteen characters; odd places by their own table, even ones by value, modulus 26."""
    value = compact(text)
    if not (value.isascii() and len(value) == 16):
        return False
    codes = [int(code) if code.isdecimal() else ascii_uppercase.index(code) for code in value[:15]]
    total = sum(_CF_ODD[code] for code in codes[::2]) + sum(codes[1::2])
    return ascii_uppercase[total % 26] == value[15]


def de_steuer_id(text: str) -> bool:
    """ISO/IEC 7064 MOD 11,10; in the first ten one digit stands two or three times, the rest once."""
    digits = digits_of(text)
    counts = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    if len(digits) != 11 or digits[0] == 0 or counts[-2:] not in ([1, 2], [1, 3]):
        return False
    product = 10
    for digit in digits[:10]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == digits[10]


def nl_bsn(text: str) -> bool:
    """Nine digits, weights 9 to 2 and -1, divisible by 11."""
    digits = digits_of(text)
    return any(digits) and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def pl_pesel(text: str) -> bool:
    """Eleven digits that begin with a date, the century in the month; weights 1 3 7 9."""
    digits, value = digits_of(text), compact(text)
    month = int(value[2:4])
    year = {0: 1900, 1: 2000, 2: 2100, 3: 2200, 4: 1800}[month // 20] + int(value[:2])
    sums = weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
    return sums and is_date(year, month % 20, int(value[4:6]))


def br_cpf(text: str) -> bool:
    """Eleven digits, the last two checks by weights from 10 and 11 down; never all the same."""
    digits = digits_of(text)
    if len(set(digits)) < 2:
        return False
    return all(
        weighted(digits[:size], range(size + 1, 1, -1)) * 10 % 11 % 10 == digits[size]
        for size in (9, 10)
    )


def in_aadhaar(text: str) -> bool:
    """Twelve digits by Verhoeff's test, and no palindrome, which is never assigned."""
    digits = digits_of(text)
    return digits != digits[::-1] and verhoeff(text)


def ca_sin(text: str) -> bool:
    """Nine digits by Luhn's test that begin with neither 0 nor 8."""
    return compact(text)[0] not in "08" and luhn(text)


def au_tfn(text: str) -> bool:
    """Nine digits, weights 1 4 3 7 5 8 6 9 10, divisible by 11."""
    digits = digits_of(text)
    return any(digits) and weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def se_personnummer(text: str) -> bool:
    """A date (from day 61 on for coordination numbers) and Luhn's test over ten digits."""
    value = compact(text)[-10:]
    day = int(value[4:6])
    return is_date(2000 + int(value[:2]), int(value[2:4]), day - 60 * (day > 60)) and luhn(value)


def fi_hetu(text: str) -> bool:
    """A date, a serial, and a mark for the number they form modulo 31."""
    day, month, year = int(text[:2]), int(text[2:4]), int(text[4:6])
    return is_date(2000 + year, month, day) and (
        _HETU_MARKS[int(text[:6] + text[7:10]) % 31] == text[10]
    )


def be_national_number(text: str) -> bool:
    """Eleven digits: 97 less the first nine modulo 97, which get a 2 in front from 2000 on."""
    value = compact(text)
    return int(value[9:]) in {97 - int(front + value[:9]) % 97 for front in ("", "2")}


def ch_ahv(text: str) -> bool:
    """Thirteen digits by EAN-13."""
    digits = digits_of(text)
    return weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0


def pt_nif(text: str) -> bool:
    """Nine digits, weights 9 to 2, modulus 11."""
    digits = digits_of(text)
    remainder = weighted(digits, range(9, 1, -1)) % 11
    return digits[8] == (11 - remainder if remainder > 1 else 0)


def cn_resident_id(text: str) -> bool:
    """Eighteen places, the date of birth in the middle, ISO/IEC 7064 MOD 11-2."""
    value = compact(text)
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(value[:17]))
    real = is_date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    return real and "10X98765432"[total % 11] == value[17]


def is_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day; two-digit years are read in a leap century."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
