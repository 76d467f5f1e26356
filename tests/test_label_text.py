"""Which label a text gives: a table, most of it of texts that must not be read, and what holds for all."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.label_text import read_label

DESK = ("IT", "HR", "SALES", "FINANCE")
MAIL = ("spam", "ham")
QUEUE = ("BILLING", "TECHNICAL", "ACCOUNT", "OTHER")
CARD = ("BILLING", "card", "lost card", "C++", "C")
SIGN = ("-1", "0", "1")
STARS = ("1", "2", "3", "4", "5")
GRADE = ("A", "B", "C", "D")
SAID = ("yes", "no")
REFUND = ("退款", "物流")


@pytest.mark.parametrize(
    ("labels", "text", "label"),
    [
        (QUEUE, "BILLING", "BILLING"),
        (QUEUE, ' "billing." ', "BILLING"),
        (QUEUE, "ｂｉｌｌｉｎｇ！", "BILLING"),
        (QUEUE, "BIL\u200bLING", "BILLING"),
        (QUEUE, "**Label:** Billing", "BILLING"),
        (QUEUE, "# BILLING", "BILLING"),
        (QUEUE, "1. BILLING", "BILLING"),
        (QUEUE, "- *billing*", "BILLING"),
        (QUEUE, "$\\boxed{\\text{BILLING}}$", "BILLING"),
        (QUEUE, "The label is billing.", "BILLING"),
        (QUEUE, "Sure! The label is BILLING.", "BILLING"),
        (QUEUE, "Sure! Here it is:\nBILLING", "BILLING"),
        (QUEUE, "Based on the ticket, the correct label is: **ACCOUNT**", "ACCOUNT"),
        (QUEUE, "Queue: billing", "BILLING"),
        (QUEUE, "This is a BILLING issue.", "BILLING"),
        (QUEUE, "I would classify this ticket as TECHNICAL.", "TECHNICAL"),
        (QUEUE, "The ticket should be routed to ACCOUNT.", "ACCOUNT"),
        (QUEUE, "BILLING - because the customer paid twice", "BILLING"),
        (QUEUE, "TECHNICAL (the app crashes)", "TECHNICAL"),
        (QUEUE, "BILLING, not TECHNICAL.", "BILLING"),
        (QUEUE, "Category: Billing\nReason: The customer is billed twice.", "BILLING"),
        (QUEUE, '{"label": "BILLING"}', "BILLING"),
        (QUEUE, '```json\n{"label": "billing"}\n```', "BILLING"),
        (QUEUE, '{"label": "BILLING", "reason": "paid twice", "Confidence": 0.9}', "BILLING"),
        (QUEUE, '```\n{"category": "Billing"}\n```', "BILLING"),
        (QUEUE, '~~~json\n{"Result": "ACCOUNT"}', "ACCOUNT"),
        (QUEUE, 'For example {"label": "ACCOUNT"}\n\nAnswer: BILLING', "BILLING"),
        (QUEUE, "The predicted queue is ACCOUNT", "ACCOUNT"),
        (QUEUE, "My final answer: ACCOUNT", "ACCOUNT"),
        (QUEUE, "Best label: ACCOUNT", "ACCOUNT"),
        (QUEUE, "Antwort: ACCOUNT", "ACCOUNT"),
        (QUEUE, "Réponse : ACCOUNT", "ACCOUNT"),
        (QUEUE, "## Final answer\n\nBILLING", "BILLING"),
        (QUEUE, "The customer paid twice.\nBILLING", "BILLING"),
        (QUEUE, "```\nBILLING\n```", "BILLING"),
        (QUEUE, "BILLING because the refund did not come", "BILLING"),
        (QUEUE, "BILLING\nReason: The refund did not come.", "BILLING"),
        (QUEUE, "BILLING\nThe customer was charged the wrong amount.", "BILLING"),
        (QUEUE, "BILLING\nLet me know if you need more.", "BILLING"),
        (QUEUE, "Billing\nbecause the customer paid twice", "BILLING"),
        (MAIL, "spam\nreason: it asks for money", "spam"),
        (QUEUE, "BILLING\n\nExplanation: The customer asks for a refund.", "BILLING"),
        (QUEUE, "BILLING. The customer mentions an invoice.", "BILLING"),
        (QUEUE, "- **Label**: BILLING\n- **Reason**: paid twice", "BILLING"),
        (QUEUE, "Label: BILLING\nConfidence: high", "BILLING"),
        (QUEUE, "<answer>BILLING</answer>", "BILLING"),
        (QUEUE, "Sure, here is the label:\n\nBILLING", "BILLING"),
        (SAID, "Yes. The sum is right.", "yes"),
        (SAID, "No, it isn't.", "no"),
        (SAID, "No, the text does not mention it.", "no"),
        (SAID, "Yes, the text mentions it.", "yes"),
        (("lost_or_stolen", "arrived"), "Intent: Lost or stolen", "lost_or_stolen"),
        (SAID, "No. It does not.", "no"),
        (GRADE, "The answer is B. Paris", "B"),
        (GRADE, "B) Paris is the capital.", "B"),
        (GRADE, "A because the capital is Paris", "A"),
        (GRADE, "A.", "A"),
        (GRADE, "A:", "A"),
        (STARS, '{"label": 4}', "4"),
        (("true", "false"), '{"label": true}', "true"),
        (DESK, "it", "IT"),
        (CARD, "The label is lost card.\nNot card, because it is gone.", "lost card"),
        (CARD, "c++", "C++"),
        (MAIL, "Spam", "spam"),
        (MAIL, "This is spam, not ham.", "spam"),
        (("not_spam", "spam"), "Not spam", "not_spam"),
        (SIGN, "−1", "-1"),
        (SIGN, "–1.", "-1"),
        (STARS, "4 stars", "4"),
        (STARS, "(4)", "4"),
        (GRADE, "B) Paris", "B"),
        (GRADE, "A. A dog is meant", "A"),
        (GRADE, "Answer: b", "B"),
        (GRADE, "Option C", "C"),
        (SAID, "Yes, it is.", "yes"),
        (REFUND, "答案：退款。", "退款"),
        (REFUND, "答案是退款", "退款"),
        (REFUND, "退款，因为客户要求", "退款"),
        (("إيجابي", "سلبي"), "التصنيف: إيجابي", "إيجابي"),
        (("सकारात्मक", "नकारात्मक"), "सकारात्मक।", "सकारात्मक"),
        (("บวก", "ลบ"), "คำตอบคือบวก", "บวก"),
        (("Zürich", "Genf"), "Zu\u0308rich", "Zürich"),
        (("ılık", "sıcak"), "ILIK", "ılık"),
        (("👍", "👎"), "👍\ufe0f!", "👍"),
        (("+", "-"), "**+**", "+"),
        (("!", "?"), "?", "?"),
        (("C", "c", "D"), "**c**", "c"),
    ],
)
def test_a_label_that_is_given(labels: tuple[str, ...], text: str, label: str) -> None:
    assert read_label(text, labels) == (label, None)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        # refusals
        (DESK, "I'm sorry, but I can't help with it."),
        (DESK, "I can't help with IT."),
        (DESK, "Sorry, it is not clear to me."),
        (SAID, "No, I can't help with that."),
        (QUEUE, "OTHER. I am sorry, I cannot classify this."),
        (QUEUE, "As an AI, I have no account."),
        # denials
        (MAIL, "Not spam"),
        (MAIL, "not a spam mail"),
        (MAIL, "This isn't spam."),
        (MAIL, "This is not spam."),
        (MAIL, "It is no spam"),
        (MAIL, "Kein Spam"),
        (MAIL, "Not spam\n"),
        (MAIL, "non-spam"),
        (MAIL, "spam-like"),
        (MAIL, "spam: false"),
        (MAIL, "Anything but spam"),
        (MAIL, '{"label": "not spam"}'),
        (QUEUE, "The answer is not BILLING."),
        (QUEUE, "I don't think the label is BILLING."),
        (QUEUE, "Neither BILLING"),
        (QUEUE, "None of these."),
        (QUEUE, "The issue is not about\nBILLING"),
        (QUEUE, "None of the following:\nBILLING"),
        (REFUND, "不是退款"),
        (REFUND, "答案不是退款"),
        # words in running text
        (DESK, "It is unclear."),
        (DESK, "It, too, was sent."),
        (DESK, "The user needs help with IT."),
        (DESK, "sales are down and hr is busy"),
        (QUEUE, "This is other."),
        (QUEUE, "The other account is locked, said the customer."),
        (QUEUE, "I forgot the password of my ACCOUNT"),
        (QUEUE, "The mail claims that this is BILLING."),
        (QUEUE, "If it is BILLING, send it on."),
        (QUEUE, "It might be BILLING."),
        (QUEUE, "Is it BILLING?"),
        (QUEUE, "It was almost BILLING."),
        (GRADE, "A good question"),
        (GRADE, "Option C is wrong"),
        (GRADE, "No option C"),
        (SAID, "No problem."),
        (SAID, "No doubt about it"),
        (CARD, "cardboard"),
        (CARD, "discard-card"),
        # several
        (QUEUE, "BILLING or ACCOUNT"),
        (QUEUE, "BILLING, ACCOUNT"),
        (QUEUE, "BILLING\nTECHNICAL"),
        (QUEUE, "Label: BILLING\n\nTicket: it crashes\nLabel: TECHNICAL"),
        (QUEUE, "BILLING: 20%, TECHNICAL: 80%"),
        (QUEUE, "Options: BILLING"),
        (QUEUE, '{"label": "BILLING"}\n{"label": "TECHNICAL"}'),
        (MAIL, "Spam. No, ham."),
        (SAID, "Yes and no"),
        (SAID, "Yes, but not really"),
        (SAID, "No, yes"),
        (SAID, "No, wait, yes"),
        (SAID, "Yes, actually no."),
        (SAID, "No. Correction: yes"),
        (("none", "other", "toxic"), "toxic, or none"),
        (("none", "other", "toxic"), "none - actually other"),
        # taken back
        (QUEUE, "BILLING\nWait, no."),
        (QUEUE, "Ruled out: BILLING"),
        (QUEUE, "BILLING - this is wrong"),
        (QUEUE, "BILLING: N/A"),
        (QUEUE, "Answer: BILLING\n\nThis is incorrect."),
        (QUEUE, "BILLING\nI meant TECHNICAL"),
        (QUEUE, "BILLING\nOn second thought, it is TECHNICAL."),
        (QUEUE, "BILLING\n(not really)"),
        (QUEUE, "BILLING, or something else"),
        (QUEUE, "BILLING - unless it was paid"),
        (QUEUE, "BILLING\nBut ACCOUNT is better."),
        (QUEUE, "BILLING\nis wrong"),
        (QUEUE, "BILLING\nwas my first thought"),
        (QUEUE, "BILLING\nThe customer paid twice. However, this may be ACCOUNT."),
        (QUEUE, "BILLING\nThe customer paid.\nAccount would be better."),
        (QUEUE, "BILLING\nThis label is wrong."),
        (QUEUE, "BILLING\nThis does not fit."),
        (QUEUE, "BILLING\nThe label isn’t right."),
        (QUEUE, "BILLING\n❌"),
        (QUEUE, "BILLING\nAber das ist falsch."),
        (QUEUE, "BILLING, nicht"),
        (QUEUE, "BILLING - nein"),
        (QUEUE, "BILLING (abgelehnt)"),
        (QUEUE, "BILLING (rejected)"),
        (QUEUE, "BILLING (runner-up)"),
        (QUEUE, "BILLING - ruled out"),
        (QUEUE, "BILLING - it is not"),
        (QUEUE, "BILLING. That is not it."),
        (QUEUE, "BILLING - the account is locked"),
        (QUEUE, "BILLING（ではない）"),
        (QUEUE, "BILLING。ではない"),
        (QUEUE, "Antwort: BILLING (falsch)"),
        (QUEUE, "Label: BILLING\nRejected: ACCOUNT"),
        (QUEUE, "BILLING?"),
        (QUEUE, "Answer: BILLING?"),
        (QUEUE, "BILLING\nOr is it?"),
        (QUEUE, "~~BILLING~~"),
        (QUEUE, "BILLING ❌"),
        (QUEUE, "I can't decide.\nBILLING"),
        (REFUND, "错误答案：退款"),
        (REFUND, "退款，但更像物流"),
        (REFUND, "退款\n不对，是物流"),
        (REFUND, "退款\n更像物流"),
        (REFUND, "退款。物流也可以"),
        (REFUND, "退款，因为物流"),
        (REFUND, "退款（不是）"),
        (QUEUE, "BILLING\nNope."),
        (QUEUE, "BILLING\n---\nStrike that."),
        (QUEUE, "BILLING\nIgnore that."),
        (QUEUE, "BILLING\n50%"),
        (QUEUE, "Output: BILLING. Just kidding."),
        (QUEUE, "The label was BILLING"),
        (QUEUE, "The customer was sent to BILLING"),
        (QUEUE, "<rejected>BILLING</rejected>"),
        (QUEUE, "<not>BILLING</not>"),
        (REFUND, "退款\n（存疑）"),
        # under another heading
        (QUEUE, "Avoid: BILLING"),
        (QUEUE, "Original label: BILLING"),
        (QUEUE, "Previous answer: BILLING"),
        (QUEUE, "Wrong answer: BILLING"),
        (QUEUE, "Keywords: BILLING"),
        (QUEUE, "Rejected:\n- BILLING"),
        (QUEUE, "Ruled out\nBILLING"),
        (QUEUE, "Ruled out:\n\nLabel: BILLING"),
        (QUEUE, "For example:\nBILLING"),
        (QUEUE, "The ticket was first filed under\nBILLING"),
        (QUEUE, "Keywords:\n- charge\n- BILLING"),
        (QUEUE, "The following label is wrong.\nBILLING"),
        (MAIL, "spam: negative"),
        (MAIL, "spam: unlikely"),
        (MAIL, "spam: the score is low"),
        (("positive", "negative"), "Positive: none\nNegative: awful"),
        (("positive", "negative"), "Positive: none"),
        (("positive", "negative"), "Positive: the food"),
        # one letter, one digit
        (GRADE, "A car"),
        (GRADE, "A given customer wants a refund."),
        (GRADE, "A due date"),
        (GRADE, "A: Paris"),
        (GRADE, "A. Smith wrote"),
        (GRADE, "A since the start"),
        (GRADE, "A, I think"),
        (GRADE, "A) Paris\nB) London"),
        (STARS, "1. The review is good"),
        (STARS, "1) The review is good"),
        # yes and no as words of a talk
        (SAID, "No, that's wrong: the answer is yes."),
        (SAID, "No, that's right, yes"),
        (SAID, "No, the answer is yes"),
        (SAID, "Yes. Please send me the text."),
        (SAID, "Yes, please send me the text."),
        (SAID, "Yes. I can help with that."),
        (SAID, "Yes. Go ahead."),
        (SAID, "Yes, the text, please."),
        (SAID, "No, it is."),
        (SAID, "Yes, the answer is no."),
        (SAID, "Yes, it's a no"),
        (SAID, "Yes. The text you want classified is missing."),
        (MAIL, "This is spam, they say."),
        (SAID, "No\nIt does."),
        (SAID, "Yes, it is not."),
        (SAID, "Yes, the text does not mention it."),
        (SAID, "No, this is not right."),
        (SAID, "Yes, I can help with that."),
        (SAID, "Yes!\n\nWhat is the text?"),
        (SAID, "No.\nThe answer is yes."),
        # JSON that is not the whole text, or not under the name of an answer
        (QUEUE, 'I can\'t decide. The format would be {"label": "BILLING"}.'),
        (QUEUE, 'It is not {"label": "BILLING"}'),
        (QUEUE, 'Here you are: {"label": "BILLING"}'),
        (QUEUE, '{"label": "BILLING"}\n\nWait, that is wrong.'),
        (QUEUE, '```json\n{"label": "BILLING"}\n```\nThat is wrong.'),
        (QUEUE, 'Wrong:\n```json\n{"label": "BILLING"}\n```'),
        (QUEUE, '{"rejected": "BILLING"}'),
        (QUEUE, '{"BILLING": true}'),
        (MAIL, '{"wrong_label": "spam"}'),
        (MAIL, '{"label": "spam", "is_spam": false}'),
        (MAIL, '{"label": "spam", "category": "ham"}'),
        (MAIL, '{"label": {"not": "spam"}}'),
        (MAIL, '{"reason": "spam"}'),
        (MAIL, '{"not": {"label": "spam"}}'),
        # what tells labels apart
        (("1", "2"), "−1"),
        (SIGN, "- 1"),
        (("C", "D"), "C#"),
        (("C", "D"), "C++"),
        (("A", "B"), "A+"),
        (("A", "B"), "A-"),
        (("A", "B"), "*A"),
        (STARS, "1.5"),
        (STARS, "10"),
        (STARS, "1. 5"),
        (STARS, "3/4"),
        (STARS, "4 out of 10"),
        (STARS, "2-3"),
        (STARS, "+1"),
        (STARS, "1%"),
        (STARS, "1²"),
        (STARS, "1, 2"),
        (STARS, "4: 0.2"),
        (("!", "?"), "?!"),
        (("ılık", "ilik"), "ILIK"),
        (("Masse", "Maße"), "MASSE"),
        # what is cut or empty
        (QUEUE, '{"label": "BILLING'),
        (QUEUE, '{"label": null}'),
        (QUEUE, '{"label": "BILLING", "label": "OTHER"}'),
        (QUEUE, "BILL"),
        (QUEUE, "..."),
        ((), "BILLING"),
    ],
)
def test_a_text_that_gives_no_label(labels: tuple[str, ...], text: str) -> None:
    label, reason = read_label(text, labels)
    assert label is None
    assert reason is not None and reason.startswith("not a label: ")


@pytest.mark.parametrize("mark", [": ", " - ", ", ", "\n"])
@pytest.mark.parametrize(
    "denial",
    [
        "Nein, das ist ein Absturz.",
        "Nee, das ist ein Absturz.",
        "Não, das ist ein Absturz.",
        "Nei, das ist ein Absturz.",
        "Nej, das ist ein Absturz.",
        "Nie, das ist ein Absturz.",
        "Нет, das ist ein Absturz.",
        "いいえ, das ist ein Absturz.",
        "不, das ist ein Absturz.",
        "아니요, das ist ein Absturz.",
        "Hayır, das ist ein Absturz.",
        "Ne, das ist ein Absturz.",
        "لا, das ist ein Absturz.",
        "Không, das ist ein Absturz.",
        "Tidak, das ist ein Absturz.",
        "לא, das ist ein Absturz.",
        "Non, das ist ein Absturz.",
        "No, das ist ein Absturz.",
        "Nope, das ist ein Absturz.",
        "poor fit",
        "a poor fit",
        "unlikely",
        "very unlikely",
        "highly unlikely",
        "ruled out",
        "does not apply",
        "doesn't fit",
        "n/a",
        "bad match",
        "weak candidate",
        "not applicable",
        "out of scope here",
        "irrelevant here",
        "far-fetched at best",
        "doubtful",
        "the worst choice",
        "can be excluded",
        "schlechte Wahl",
        "passt nicht",
        "trifft nicht zu",
        "scheidet aus",
        "unwahrscheinlich",
        "mauvais choix",
        "peu probable",
        "ne convient pas",
        "no aplica",
        "poca probabilidad",
        "не подходит",
        "маловероятно",
        "不适用",
        "해당 없음",
        "nie dotyczy",
        "uygun değil",
    ],
)
def test_a_label_that_is_denied_at_once_is_not_given(denial: str, mark: str) -> None:
    assert read_label(f"BILLING{mark}{denial}", QUEUE)[0] is None


@pytest.mark.parametrize(
    "misfit",
    [
        "unlikely",
        "a poor fit",
        "very doubtful",
        "n/a",
        "the least likely",
        "irrelevant",
        "too narrow",
    ],
)
def test_a_label_that_is_said_not_to_fit_is_not_given(misfit: str) -> None:
    assert read_label(f"BILLING. It is {misfit}.", QUEUE)[0] is None
    assert read_label(f"BILLING. This seems {misfit} for the ticket.", QUEUE)[0] is None


@pytest.mark.parametrize(
    "reason",
    [
        ": the card was charged twice",
        ": Neue Karte bestellt",
        ": Carte débitée deux fois",
        ": invoice does match the order",
        ": unrelated charge on the card",
        ": questionable charge on the card",
        " - schlechte Karte erhalten",
        ": poco saldo en la tarjeta",
        " - a fit of anger over an invoice",
        ". The customer paid twice.",
    ],
)
def test_a_reason_with_a_word_of_misfits_lets_its_label_stand(reason: str) -> None:
    assert read_label(f"BILLING{reason}", QUEUE)[0] == "BILLING"


def test_the_reason_says_what_was_written_and_which_labels_it_names() -> None:
    assert read_label("BILLING or ACCOUNT", QUEUE)[1] == (
        "not a label: 'BILLING or ACCOUNT' (it names BILLING, ACCOUNT)"
    )
    assert read_label(" \n\t", QUEUE)[1] == "empty answer"
    reason = read_label("blah\n" * 500, QUEUE)[1]
    assert reason is not None and len(reason) < 100 and "\n" not in reason


_WORDS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=12)
_LABELS = st.lists(
    _WORDS.map(str.strip).filter(bool), min_size=2, max_size=6, unique_by=str.casefold
)


@settings(deadline=None)
@given(labels=_LABELS, data=st.data())
def test_every_label_is_read_as_itself(labels: list[str], data: st.DataObject) -> None:
    label = data.draw(st.sampled_from(labels))
    assert read_label(f"\n {label} ", labels) == (label, None)


_NAMES = st.from_regex(r"[A-Za-z][a-z]{2,8}([ _/-][a-z]{2,8})?[+#]{0,2}", fullmatch=True)
_FORMS = (
    "{}", "{}.", "**{}**", '"{}"', "“{}”", "`{}`", "*{}*.", "({})", "> {}", "- {}", "Label: {}",
    "<label>{}</label>", "It's {}.", "**Label:** {}",
    "The answer is {}.", "Category: **{}**", "{} - since it says so", "\\boxed{{{}}}", '{{"label": "{}"}}',
    "Here it is:\n\n{}\n", "The correct label is `{}`",
)  # fmt: skip


@settings(deadline=None)
@given(
    labels=st.lists(_NAMES, min_size=2, max_size=5, unique_by=str.casefold),
    form=st.sampled_from(_FORMS),
    data=st.data(),
)
def test_no_decoration_makes_it_another_label(
    labels: list[str], form: str, data: st.DataObject
) -> None:
    label = data.draw(st.sampled_from(labels))
    assert read_label(form.format(label), labels)[0] == label


@settings(deadline=None)
@given(st.text())
def test_any_text_gives_a_label_or_a_reason(text: str) -> None:
    label, reason = read_label(text, QUEUE)
    assert (label is None) != (reason is None)


@pytest.mark.parametrize(
    "piece", ["a", "1,", "{", "[", "-", " ", "*", "\n", "the ", "BILLING ", "so, ", "é", '{"a":']
)
def test_a_long_text_takes_no_time(piece: str) -> None:
    started = time.perf_counter()
    read_label(piece * (100_000 // len(piece)) + "x", QUEUE)
    assert time.perf_counter() - started < 1


def test_an_exact_value_is_its_label_where_another_folds_to_the_same() -> None:
    labels = ("café", "cafe\u0301", "A B", "a-b")
    for label in labels:
        assert read_label(json.dumps({"label": label}), labels) == (label, None)
    assert read_label('{"label": "a_b"}', labels)[0] is None
