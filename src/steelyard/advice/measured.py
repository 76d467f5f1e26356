"""Rules of thumb against a finished run, line by line: what they say, what was measured, who was right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from steelyard.advice.base import range_of
from steelyard.advice.claims import run_claims, why_not_judged
from steelyard.advice.reasons import side_of
from steelyard.advice.rivals import RivalArms
from steelyard.result import Result
from steelyard.rules_of_thumb import Side, ThumbRule, thumb_rules
from steelyard.words import counted

RuleJudgement = Literal["agrees", "disagrees", "cannot tell", "not measured", "does not apply"]
"""A rule against a run. ``does not apply``: it says nothing at this task's figures."""
ABOUT = ("volume", "cost", "format", "consistency", "latency", "data")
TAKEN_AS_MET = ("need", "max_latency_ms", "budget")
"""What a task wants. A run does not hold it, and what a rule claims can be judged without."""
VOLUME_CLAIM = "tuned_pays"
_SUBJECTS = {"requests_per_day": "requests a day", "prompt_tokens": "tokens a prompt"}


class JudgedRule(NamedTuple):
    """One rule: the ``side`` it takes at this task's figures, and what the run says to that."""

    rule: ThumbRule
    side: Side | None
    judgement: RuleJudgement
    figure: str | None
    reason: str

    @property
    def tested(self) -> str:
        """What was put to the test, where something was; it may be less than the rule says."""
        if self.rule.claim is None or self.figure is None:
            return ""
        return run_claims()[self.rule.claim].tests


class RuleLine(NamedTuple):
    """The rules ``about`` one figure of a run. ``measured`` is ``None`` where the run has nothing on it."""

    about: str
    says: str
    measured: str | None
    rules: tuple[JudgedRule, ...]

    @property
    def judgement(self) -> str:
        """That of its rules: as one where those judged are at one, else ``divided``."""
        kinds = {rule.judgement for rule in self.rules}
        if kinds >= {"agrees", "disagrees"}:
            return "divided"
        order: tuple[RuleJudgement, ...] = ("agrees", "disagrees", "cannot tell")
        return next((kind for kind in order if kind in kinds), "not measured")

    @property
    def reason(self) -> str:
        """How many rules agree, or why nothing can be told, or how to measure it."""
        if self.judgement in ("agrees", "disagrees", "divided"):
            counts = [(kind, len(self.of(kind))) for kind in ("agrees", "disagrees", "cannot tell")]
            verbs = {"agrees": "agree", "disagrees": "disagree", "cannot tell": "cannot be told"}
            told = [
                f"{counted(n, 'rule')} {kind if n == 1 and kind != 'cannot tell' else verbs[kind]}"
                for kind, n in counts
                if n
            ]
            return ", ".join(told)
        unsettled = self.of(self.judgement)
        by_claim = [one for one in unsettled if one.rule.claim] or unsettled
        return "; ".join(dict.fromkeys(one.reason for one in by_claim if one.reason))

    @property
    def tested(self) -> str:
        """What was put to the test for its rules, each once."""
        return "; ".join(dict.fromkeys(filter(None, (one.tested for one in self.rules))))

    def of(self, judgement: str) -> list[JudgedRule]:
        return [judged for judged in self.rules if judged.judgement == judgement]


def against_measurement(result: Result) -> tuple[RuleLine, ...]:
    """A line for each of `ABOUT`. Nothing is assumed that the result does not hold."""
    run = RivalArms(result)
    return tuple(_line(run, about) for about in ABOUT)


def _line(run: RivalArms, about: str) -> RuleLine:
    rules = [rule for rule in thumb_rules().values() if rule.about == about]
    judged = tuple(_judged(run, rule) for rule in rules)
    figures = dict.fromkeys(one.figure for one in judged if one.figure is not None)
    if about == "data":
        figures |= dict.fromkeys(_rows(run))
    return RuleLine(about, _says(run, judged), "; ".join(figures) or None, judged)


def _judged(run: RivalArms, rule: ThumbRule) -> JudgedRule:
    if rule.claim is None:
        return JudgedRule(rule, None, "not measured", None, why_not_judged(rule))
    if (beside := _beside(run, rule)) is not None:
        return JudgedRule(rule, None, "does not apply", None, beside)
    side = _side(run, rule)
    if side is None:
        return JudgedRule(
            rule, side, "not measured", None, f"the run does not hold {_subject(rule)}"
        )
    if side == "open":
        return JudgedRule(rule, side, "does not apply", None, _why_silent(run, rule))
    claim = run_claims()[rule.claim]
    check = claim.check(run, rule)
    if not check.applies:
        return JudgedRule(rule, side, "does not apply", None, check.reason)
    if check.figure is None:
        return JudgedRule(rule, side, "not measured", None, f"{check.reason}; {claim.how}")
    if check.holds is None:
        return JudgedRule(rule, side, "cannot tell", check.figure, check.reason)
    expects = (side == "for") == (rule.way == claim.way)
    judgement: RuleJudgement = "agrees" if expects == check.holds else "disagrees"
    return JudgedRule(rule, side, judgement, check.figure, check.reason)


def _side(run: RivalArms, rule: ThumbRule) -> Side | None:
    """The side a rule takes at the run's figures; what a task wants is taken as met."""
    met = {key: few[0] for key, few in rule.needs.items() if key in TAKEN_AS_MET}
    if rule.reads not in TAKEN_AS_MET:
        return side_of(rule, run.figures | met)
    known = all(run.figures.get(key) in few for key, few in rule.needs.items() if key not in met)
    return rule.speaks if known else None


def _beside(run: RivalArms, rule: ThumbRule) -> str | None:
    """Why a rule is about another case than the run's; ``None`` where it is not, or that is not known."""
    for key, few in rule.needs.items():
        value = run.figures.get(key)
        if key not in TAKEN_AS_MET and value is not None and value not in few:
            return f"speaks of {key} {' or '.join(map(str, few))}, not {value}"
    return None


def _subject(rule: ThumbRule) -> str:
    """What a rule reads, in words."""
    return _SUBJECTS.get(rule.reads, rule.reads.replace("_", " "))


def _at(run: RivalArms, rule: ThumbRule) -> str:
    value: Any = run.figures.get(rule.reads)
    return (
        f"{value:,.0f} {_subject(rule)}"
        if isinstance(value, int | float)
        else f"{_subject(rule)} {value}"
    )


def _why_silent(run: RivalArms, rule: ThumbRule) -> str:
    if rule.reads == "private_data":
        return "the audit finds no private data"
    return f"says nothing at {_at(run, rule)}"


def _rows(run: RivalArms) -> Iterator[str]:
    """What the run holds of its data, whether a rule speaks of it or not."""
    result = run.result
    if result.split.train is not None:
        yield f"{counted(result.split.train, 'train row')}"
    if run.private_rows is not None:
        searched = run.private_facts.get("rows_searched")
        of = "" if searched is None else f" of {searched:,}"
        yield f"private data on {run.private_rows:,}{of} rows"
    if result.audit.checks:
        yield f"{counted(len(result.audit.errors), 'error')} in the audit"


def _says(run: RivalArms, judged: Sequence[JudgedRule]) -> str:
    """The rules in words: those on volume by their marks, then what the others that apply claim."""
    marked = [one for one in judged if one.rule.claim == VOLUME_CLAIM]
    spoken = [
        one.rule.text
        for one in judged
        if one not in marked and one.side is not None and one.judgement != "does not apply"
    ]
    texts = [*([_by_mark(run, marked)] if marked else []), *dict.fromkeys(spoken)]
    return "; ".join(texts) or "; ".join(one.rule.text for one in judged)


def _by_mark(run: RivalArms, marked: Sequence[JudgedRule]) -> str:
    """``1,000 requests a day to …; at 10,000 requests a day 1 for tuning, 3 against, 1 says nothing``."""
    spread = range_of(marked[0].rule)
    text = "" if spread is None else spread.text
    way = run_claims()[VOLUME_CLAIM].way
    sides = [None if one.side is None else _turned(one.side, one.rule.way == way) for one in marked]
    words: dict[Side, str] = {"for": "for tuning", "against": "against", "open": "silent"}
    counts = [f"{sides.count(side)} {told}" for side, told in words.items() if sides.count(side)]
    return f"{text}; at {_at(run, marked[0].rule)} {', '.join(counts)}" if counts else text


def _turned(side: Side, same_way: bool) -> Side:
    turned: Mapping[Side, Side] = {"for": "against", "against": "for", "open": "open"}
    return side if same_way else turned[side]
