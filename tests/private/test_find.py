from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.private.find import find_private, find_within, mask
from steelyard.private.phones import regions_of
from steelyard.private.rules import rule_book
from tests.conftest import HidePackages

# Every value is reserved for examples (example.com, 555-01xx, Ofcom's 0xxx xxx xxx for drama), a
# documented test number, or made up here. Keys are put together so that no scanner takes them for one.
RANDOM = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
HEADER = "eyJhbGciOiJIUzI1NiJ9"

FOUND = {
    "email": [
        ("write to jo.doe@example.com today", "jo.doe@example.com"),
        ("<mailto:JO@Mail.Example.ORG>", "JO@Mail.Example.ORG"),
        ("jo+news@example.co.uk, please", "jo+news@example.co.uk"),
        ("who is o'hara_7@sub-domain.example.net?", "o'hara_7@sub-domain.example.net"),
        ("josé@exämple.example schreibt", "josé@exämple.example"),
        ("(a@example.com).", "a@example.com"),
    ],
    "phone": [
        ("call +1 202-555-0143", "+1 202-555-0143"),
        ("my number: (415) 555-0132", "(415) 555-0132"),
        ("415.555.0132 after six", "415.555.0132"),
        ("reach me at 4155550132 tonight", "4155550132"),
        ("+44 20 7946 0018", "+44 20 7946 0018"),
        ("020 7946 0018 is my office", "020 7946 0018"),
        ("ring 07700900123", "07700900123"),
        ("statement for 02079460018 shows 800 points", "02079460018"),
        ("Telefon 030 23125 000", "030 23125 000"),
        ("01 99 00 12 34", "01 99 00 12 34"),
        ("tel:+61491570156", "+61491570156"),
        ("0033 1 99 00 12 34", "0033 1 99 00 12 34"),
    ],
    "card": [
        ("it is 4242 4242 4242 4242", "4242 4242 4242 4242"),
        ("visa 4242424242424242 exp 12/34", "4242424242424242"),
        ("5555-5555-5555-4444", "5555-5555-5555-4444"),
        ("amex 3782 822463 10005", "3782 822463 10005"),
        ("378282246310005", "378282246310005"),
        ("6011111111111117 (discover)", "6011111111111117"),
        ("diners 30569309025904", "30569309025904"),
        ("JCB: 3530111333300000", "3530111333300000"),
    ],
    "iban": [
        ("to GB29 NWBK 6016 1331 9268 19 please", "GB29 NWBK 6016 1331 9268 19"),
        ("DE89370400440532013000", "DE89370400440532013000"),
        ("iban de89 3704 0044 0532 0130 00.", "de89 3704 0044 0532 0130 00"),
        ("FR14 2004 1010 0505 0001 3M02 606", "FR14 2004 1010 0505 0001 3M02 606"),
        ("NO93-8601-1117-947", "NO93-8601-1117-947"),
        ("NL91ABNA0417164300 (mine)", "NL91ABNA0417164300"),
    ],
    "national_id": [
        ("my social is 078-05-1120", "078-05-1120"),
        ("ssn 219099999", "219099999"),
        ("NI number AB 12 34 56 C", "AB 12 34 56 C"),
        ("NHS no. 943 476 5919", "943 476 5919"),
        ("NIR 2 55 08 14 168 025 38", "2 55 08 14 168 025 38"),
        ("DNI: 12345678Z", "12345678Z"),
        ("nie X-1234567-L", "X-1234567-L"),
        ("CF RSSMRA85T10A562S", "RSSMRA85T10A562S"),
        ("meine Steuer-ID ist 86 095 742 719", "86 095 742 719"),
        ("bsn 111222333", "111222333"),
        ("PESEL 44051401359", "44051401359"),
        ("111.444.777-35", "111.444.777-35"),
        ("aadhaar 2341 2341 2346", "2341 2341 2346"),
        ("PAN card ABCPE1234F", "ABCPE1234F"),
        ("SIN 130 692 544", "130 692 544"),
        ("TFN 123 456 782", "123 456 782"),
        ("811218-9876", "811218-9876"),
        ("131052-308T", "131052-308T"),
        ("85.07.30-033.28", "85.07.30-033.28"),
        ("AHV 756.9217.0769.85", "756.9217.0769.85"),
        ("NIF 123456789", "123456789"),
        ("11010519491231002X", "11010519491231002X"),
        ("passport number X1234567", "X1234567"),
    ],
    "address": [
        ("I am at 12 Main Street, Springfield", "12 Main Street"),
        ("221B Baker St, Flat 3", "221B Baker St, Flat 3"),
        (
            "1600 N. Example Avenue, Springfield, IL 62701",
            "1600 N. Example Avenue, Springfield, IL 62701",
        ),
        ("we live at 7 river road now", "7 river road"),
        ("P.O. Box 1234", "P.O. Box 1234"),
        ("Hauptstraße 12a, 12345 Berlin", "Hauptstraße 12a, 12345 Berlin"),
        ("Berliner Straße 7", "Berliner Straße 7"),
        ("Kerkstraat 12", "Kerkstraat 12"),
        ("au 12 rue de la Paix", "12 rue de la Paix"),
        ("Calle Mayor 12", "Calle Mayor 12"),
        ("Via Roma, 10", "Via Roma, 10"),
        ("ul. Długa 5/7", "ul. Długa 5/7"),
        ("my postcode is SW1A 1AA", "SW1A 1AA"),
        ("zip code 90210", "90210"),
    ],
    "secret": [
        ("key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("ghp_" + RANDOM, "ghp_" + RANDOM),
        ("glpat-" + RANDOM[:20], "glpat-" + RANDOM[:20]),
        ("xoxb-" + RANDOM[:24], "xoxb-" + RANDOM[:24]),
        ("sk-proj-" + RANDOM, "sk-proj-" + RANDOM),
        ("sk-ant-api03-" + RANDOM, "sk-ant-api03-" + RANDOM),
        ("AIza" + RANDOM[:35], "AIza" + RANDOM[:35]),
        ("sk_" + "live_" + RANDOM[:24], "sk_" + "live_" + RANDOM[:24]),
        ("hf_" + RANDOM[:34], "hf_" + RANDOM[:34]),
        (f"{HEADER}.eyJzdWIiOiIxIn0.{RANDOM}", f"{HEADER}.eyJzdWIiOiIxIn0.{RANDOM}"),
        ("Authorization: Bearer " + RANDOM, RANDOM),
        ("password: hunter2x", "hunter2x"),
        ("my password is Blue-42!sky", "Blue-42!sky"),
        ("DB_PASSWORD=s3cr3t-value", "s3cr3t-value"),
        ("api_key = '" + RANDOM[:20] + "'", RANDOM[:20]),
        ("postgres://app:s3same@db.example.com/x", "s3same"),
        (
            "-----BEGIN PRIVATE KEY-----\nMIIB0000\nAAAA\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nMIIB0000\nAAAA\n-----END PRIVATE KEY-----",
        ),
    ],
    "birth_date": [
        ("born on 12 March 1985", "12 March 1985"),
        ("DOB: 03/12/1985", "03/12/1985"),
        ("date of birth 1985-03-12", "1985-03-12"),
        ("geboren am 12.3.1985", "12.3.1985"),
        ("née le 12/03/1985", "12/03/1985"),
        ("my birthday is March 12, 1985", "March 12, 1985"),
    ],
    "ip_address": [
        ("from 203.0.113.45", "203.0.113.45"),
        ("(198.51.100.7)", "198.51.100.7"),
        ("host 192.0.2.1:8080", "192.0.2.1"),
        ("2001:db8:85a3::8a2e:370:7334", "2001:db8:85a3::8a2e:370:7334"),
        ("ip=2001:db8:0:1:1:1:1:1;", "2001:db8:0:1:1:1:1:1"),
        ("login at 203.0.113.9, twice", "203.0.113.9"),
    ],
}

CLEAN = [
    # no e-mail address
    "logo@2x.png", "git@github.com:org/repo.git", "@jo said so", "a @ b", "jo@localhost",
    "npm i @types/node@18", "price@5.99 each",
    # no phone number
    "order 4155550132", "ticket number 415-555-0132", "it cost 1 234 567 890 euros", "on 2024-05-12 14:30",
    "12.05.2024 - 13.05.2024", "6000-2000 = 4000", "$35,000-$20,000", "version 10.0.19045.3803",
    "2010-2015 and 2016-2020", "isbn 978-3-16-148410-0", "call me at 5", "the code is 123456",
    "45.123456789, 12.987654321", "0900-0130 hours", "3.14159265358979", "text 87121 to win",
    "1 2 3 4 5 6 7 8 9 10", "tracking: 0712345678901", "phone 1111111111",
    "invoice 02079460018", "0001234567", "account no. 02079460018",
    # no card
    "4242 4242 4242 4241", "order 4242424242424242", "1234567812345678", "ref 4242424242424242",
    "0000 0000 0000 0000", "1731500000000 ms", "9999 8888 7777 6666", "e4242424242424242f",
    "transaction id: 5555555555554444",
    # no IBAN
    "GB29 NWBK 6016 1331 9268 18", "DE8937040044053201300", "XX89370400440532013000",
    "If your dog is 10 years old then in his first year", "GB29 is a bus", "de89 3704 0044",
    # no national id
    "000-12-3456", "part 219-09-9999", "12345678A", "111.444.777-36", "RSSMRA85T10A562T", "111222333",
    "44051401359", "2341 2341 2346", "943 4765919 items", "811218-9875", "the passport is blue",
    "X1234567L7", "bg123456a",
    # no address
    "I waited 24 hours on the street", "5 stars", "2 USB drives", "it is 10 km from the road",
    "in 1886, Robert Lane came", "page 12 of the way", "der Weg ist 5 km lang", "the 3rd place",
    "I paid via PayPal 20 dollars", "code SW1A is not one", "90210 people",
    # no secret
    "password is wrong", "my password: forgotten", "token: expired", "password=${PASSWORD}",
    "api_key = os.environ['API_KEY']", "sk-learn-contrib-and-more-packages", "password: ********",
    "secret: please-do-not-tell-anybody", "the bearer of this letter", "https://example.com:8080/a@b",
    "token = get_token()", "AKIA", "eyJust a word.and another.one",
    # no date of birth
    "born in Leeds", "on 12 March 1985", "the birthday party is at 5",
    # no IP address
    "version 203.0.113.45", "1.2.3.4", "127.0.0.1", "192.168.0.1", "999.1.1.1", "12:34:56", "std::vector",
    "00:1a:2b:3c:4d:5e", "v10.20.30.40",
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "value"), [(kind, *case) for kind, cases in FOUND.items() for case in cases]
)
def test_found_once_and_exactly(kind: str, text: str, value: str) -> None:
    matches = find_private(text)
    assert [(each.kind, text[each.start : each.end]) for each in matches] == [(kind, value)]


@pytest.mark.parametrize("text", CLEAN)
def test_what_only_looks_like_it(text: str) -> None:
    assert find_private(text) == []


def test_the_strongest_wins_and_nothing_overlaps() -> None:
    text = "IBAN GB29NWBK60161331926819, card 4242 4242 4242 4242, postgres://u:s3same@example.com"
    assert [each.kind for each in find_private(text)] == ["iban", "card", "secret"]


def test_one_value_has_one_key_however_it_is_spelled() -> None:
    spellings = ["+44 20 7946 0018", "020 7946 0018", "call 02079460018", "+44 (0)20 7946 0018"]
    keys = {match.key for text in spellings for match in find_private(text, ["GB"])}
    assert keys == {"+442079460018"}
    cards = "4242 4242 4242 4242 4242-4242-4242-4242".replace(" 4242-", " and 4242-")
    assert len({match.key for match in find_private(cards)}) == 1


def test_the_name_of_a_field_counts_as_words_near_it() -> None:
    assert find_private("4155550132") == []
    found = find_private("4155550132", hint="phone")
    assert [(each.kind, each.start, each.end) for each in found] == [("phone", 0, 10)]
    assert find_private("hunter2x", hint="password")[0].kind == "secret"


def test_json_is_searched_by_value() -> None:
    text = '{"phone": 4155550132, "n": 4155550132, "more": ["\\njo@example.com", {"password": "hunter2x"}]}'
    assert [each.kind for each in find_within(text)] == ["phone", "email", "secret"]


def test_national_numbers_depend_on_the_regions() -> None:
    text = "612 34 56 78"
    assert find_private(text) == []
    assert find_private(text, ["ES"])[0].key == "+34612345678"


def test_the_language_adds_its_regions() -> None:
    spanish = [
        "¿Dónde está mi pedido? Lo hice hace una semana y todavía no ha llegado a mi casa"
    ] * 40
    assert "ES" in regions_of(spanish)
    assert set(rule_book().phone.regions) <= set(regions_of([]))


def test_without_the_library_only_numbers_with_a_plus(without_packages: HidePackages) -> None:
    without_packages("phonenumbers")
    text = "+44 20 7946 0018 or 020 7946 0018"
    assert [text[each.start : each.end] for each in find_private(text)] == ["+44 20 7946 0018"]
    assert find_private("+123 45") == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [("4242424242424242", "4242********"), ("hunter2x", "hu******"), ("abc", "***"), ("", "")],
)
def test_a_mask_shows_a_quarter_at_most(value: str, shown: str) -> None:
    assert mask(value) == shown


def test_a_match_never_shows_the_value() -> None:
    assert "hunter2x" not in repr(find_private("password: hunter2x"))


@given(st.text(st.characters(codec=None), max_size=200))
def test_any_text_can_be_searched(text: str) -> None:
    ends = [0]
    for match in find_private(text):
        assert ends[-1] <= match.start < match.end <= len(text)
        ends.append(match.end)


@pytest.mark.parametrize(
    "unit", ["1 ", "1-", "a@", "+1 (", "A1", "password=", "1:", "-----BEGIN ", "12 Xx "]
)
def test_long_texts_of_one_thing_are_no_trap(unit: str) -> None:
    find_private(unit * 20_000)


def test_every_rule_names_its_source_and_a_known_kind() -> None:
    book = rule_book()
    assert {rule.kind for rule in book.rules} | {"phone"} == set(book.kinds)
    assert "Names" in book.missed
