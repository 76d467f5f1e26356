"""The section on facts that change, over results made by hand."""

from __future__ import annotations

from typing import Any

from steelyard.report import render, verdict_text
from steelyard.report.formats import THIN
from steelyard.report.freshness import FreshnessView
from steelyard.report.view import View
from steelyard.result import ArmResult, Result
from steelyard.result.figures import Figure, Quality
from steelyard.result.freshness import ChangedFactResult, FactAnswers, FactCounts, Freshness

FACTS = (
    ChangedFactResult(
        document="a.md", question="<b>How long?</b>", old="14 s", new="20 s", trained=True
    ),
    ChangedFactResult(document="b.md", question="How much?", old="1 EUR", new="2 EUR"),
)
RAG = Freshness(
    n=2,
    before=FactCounts(old=2),
    followed=1,
    stale=1,
    share=Figure(value=0.5, low=0.0126, high=0.9874, n=2),
    how="index",
    seconds=2.14,
    cost=0.0002,
    passages=410,
    reindexed=1,
    reencoded=1,
    answers=(
        FactAnswers(fact=0, before="14 s", before_side="old", after="20 s", after_side="new"),
        FactAnswers(fact=1, before="1 EUR", before_side="old", after=None, after_side="neither"),
    ),
)
LORA = Freshness(
    n=2,
    before=FactCounts(old=2),
    stale=2,
    how="tuning",
    asked_again=False,
    seconds=420.0,
    cost=0.7,
    reason="its fit",
)


def result(*blocks: tuple[str, Freshness | None], **keys: Any) -> Result:
    arms = tuple(
        ArmResult(
            name=name, family="prompt", quality=Quality(value=0.5, n=9), freshness=block, **keys
        )
        for name, block in blocks
    )
    return Result(arms=arms, changed_facts=FACTS)


def test_those_that_follow_most_come_first_and_one_sentence_says_it() -> None:
    made = result(
        ("zero_shot", Freshness(n=2, neither=2, how="prompt", asked_again=False)),
        ("lora", LORA),
        ("rag", RAG),
    )
    view = FreshnessView(View(made))
    assert view.rows[0].arm.name == "rag"
    assert view.sentence.replace(THIN, " ") == (
        "rag follows 1 of 2 (2.1 s to index again); lora follows 0 of 2 (7 min 00 s to tune again); "
        "zero_shot follows none."
    )
    text = " ".join(verdict_text(made).split())
    assert "When a fact changes - rag follows 1 of 2" in text


def test_the_page_shows_counts_time_and_each_answer_as_text() -> None:
    page = render(result(("rag", RAG), ("lora", LORA)))
    section = page.partition('id="freshness"')[2].partition("</section>")[0]
    assert "1 of 2" in section and "50" in section and "1.3 to 98.7" in section
    assert "1 passage of 410 indexed again, 1 encoded" in section
    assert "tuning again" in section and "nothing of it changed" in section and "its fit" in section
    assert "1 question is among the examples" in section
    assert "&lt;b&gt;How long?" in section and "<b>How" not in section
    assert "no usable answer" in section


def test_an_arm_without_figures_says_why_and_no_change_has_no_section() -> None:
    page = render(result(("rag_oracle", None), freshness_reason="a ceiling"))
    assert "Not asked: rag_oracle (a ceiling)." in page
    assert 'href="#freshness"' in page
    plain = render(Result(arms=(ArmResult(name="zero_shot", family="prompt"),)))
    assert "freshness" not in plain.partition("<body>")[2]


def test_what_an_arm_stated_by_chance_before_is_not_counted_as_following() -> None:
    lucky = LORA.updated(
        before=FactCounts(old=1, new=1), followed=1, stale=1, gained=Figure(value=0.0, n=2)
    )
    follows = RAG.updated(gained=Figure(value=0.5, low=-0.31, high=0.9, n=2))
    made = result(("lora", lucky), ("rag", follows))
    view = FreshnessView(View(made))
    assert [row.arm.name for row in view.rows] == ["rag", "lora"]
    assert "lora states 1 of 2 new facts, and stated 1 before the change" in view.sentence
    section = render(made).partition('id="freshness"')[2].partition("</section>")[0]
    assert "+50.0" in section and "−31.0 to 90.0" in section
    assert '<td class="num">1 of 2</td>' in section, "the new facts stated before"
