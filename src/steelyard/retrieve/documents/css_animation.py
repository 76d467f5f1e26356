"""What an animation leaves of the values of an element: those that hold once it has run.

After CSS Animations Level 1. Of one that never ends, what differs between its frames is not known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import NamedTuple

from steelyard.retrieve.documents.css_sheet import rules_in
from steelyard.retrieve.documents.css_values import arguments, number
from steelyard.retrieve.documents.style import declared

Frames = tuple[tuple[float, Mapping[str, str]], ...]
"""Of one ``@keyframes``: how far along, from 0 to 1, and the values there, in order."""
LONGEST_SECONDS = 60.0
"""An animation that takes longer is one that nobody waits for."""
_NEARLY_OVER = 0.95
_MOST_FRAMES, _MOST_ANIMATIONS, _MOST_VALUE = 5_000, 50, 2_000
_TIME = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(ms|s)")
_KEYWORDS = frozenset(
    "none normal reverse alternate alternate-reverse forwards backwards both infinite running paused linear "
    "ease ease-in ease-out ease-in-out step-start step-end auto initial inherit unset revert "
    "revert-layer".split()
)
_OF_MOTION = frozenset(
    "opacity visibility transform translate scale filter clip-path left right top bottom".split()
)
"""Properties that animations in files that are not read are likely to change."""


class _Animation(NamedTuple):
    """One animation of an element; ``name`` is in lower case."""

    name: str
    words: frozenset[str]
    duration: float
    delay: float
    iterations: float

    @property
    def is_reversed(self) -> bool:
        return bool(self.words & {"reverse", "alternate-reverse"})


def keyframes_in(sheets: Iterable[str | None]) -> dict[str, Frames]:
    """The keyframes of style sheets by name in lower case, the last one of each name."""
    names: dict[str, dict[float, dict[str, str]]] = {}
    last: tuple[str, int] | None = None
    animating = [sheet for sheet in sheets if sheet and "keyframes" in sheet.lower()]
    rules = (rule for sheet in animating for rule in rules_in(sheet) if rule.keyframes is not None)
    for rule in islice(rules, _MOST_FRAMES):
        if rule.keyframes is None or not rule.is_certain:
            continue
        if rule.keyframes != last:
            names[rule.keyframes[0]] = {}
        last = rule.keyframes
        values = {name: value for name, (value, _) in declared(rule.declarations).items()}
        for selector in rule.selectors:
            place = {"from": 0.0, "to": 1.0}.get(selector.lower(), number(selector))
            if place is not None and 0 <= place <= 1:
                names[rule.keyframes[0]].setdefault(place, {}).update(values)
    return {
        name: tuple(sorted(frames.items(), key=lambda f: f[0])) for name, frames in names.items()
    }


def animated(
    values: Mapping[str, str], keyframes: Mapping[str, Frames], *, is_open: bool = False
) -> tuple[dict[str, str], frozenset[str]]:
    """The values that animations set, and the properties whose values they leave unknown.

    ``is_open`` says that keyframes may stand in files that are not read.
    """
    changes: dict[str, str] = {}
    unknown: set[str] = set()
    for animation in _animations(values):
        frames = keyframes.get(animation.name)
        if frames is None:
            unknown |= _OF_MOTION if is_open else set()
        elif animation.iterations == math.inf and "paused" not in animation.words:
            steady, moving = _endless(frames, values)
            changes.update(steady)
            unknown |= moving
        else:
            changes.update(_finite(animation, frames))
    return changes, frozenset(unknown - changes.keys())


def _animations(values: Mapping[str, str]) -> Iterable[_Animation]:
    """The animations of an element, of very many the last ones: the later one wins."""
    lists = {
        name: arguments(value[-_MOST_VALUE:], ",")
        for name, value in values.items()
        if name.startswith("animation-")
    }
    names = list(enumerate(lists.get("animation-name", ())))
    for index, part in names[-_MOST_ANIMATIONS:]:
        name = next((word for word in arguments(part) if _is_name(word)), None)
        if name is not None:  # a shorter list begins anew
            yield _animation(name, {k: arguments(v[index % len(v)]) for k, v in lists.items()})


def _animation(name: str, words: Mapping[str, list[str]]) -> _Animation:
    """An animation by the words of its longhands, or of the shorthand, from which each takes its own."""
    counts = words.get("animation-iteration-count", [])
    numbers = [number(word) for word in counts if "%" not in word]
    durations = [w for w in words.get("animation-duration", ()) if _TIME.fullmatch(w)]
    delays = [w for w in words.get("animation-delay", ()) if _TIME.fullmatch(w)]
    is_shorthand = len(words.get("animation-delay", ())) > 1
    return _Animation(
        name.strip("\"'"),
        frozenset(word for part in words.values() for word in part),
        _seconds(durations[0]) if durations else 0.0,
        _seconds(delays[-1]) if len(delays) > is_shorthand else 0.0,
        math.inf if "infinite" in counts else next((n for n in numbers if n is not None), 1.0),
    )


def _is_name(word: str) -> bool:
    return not (
        word in _KEYWORDS or "(" in word or _TIME.fullmatch(word) or number(word) is not None
    )


def _seconds(word: str) -> float:
    match = _TIME.fullmatch(word)
    return float(match[1]) / (1000 if match[2] == "ms" else 1) if match else 0.0


def _endless(frames: Frames, values: Mapping[str, str]) -> tuple[Mapping[str, str], frozenset[str]]:
    """What all frames of an animation without end agree on, and what they do not."""
    ends = [dict(at) for place, at in frames if place in {0.0, 1.0}]
    whole = [at for _, at in frames] + [dict(values)] * (2 - len(ends))
    names = {name for _, at in frames for name in at}
    settings = {name: {at[name] for at in whole if name in at} for name in names}
    steady = {
        name: next(iter(setting))
        for name, setting in settings.items()
        if len(setting) == 1 and len(ends) == 2 and all(name in end for end in ends)
    }
    shares = [number(at.get("opacity", "1")) for at in whole]
    if "opacity" in names and None not in shares:
        steady["opacity"] = str(max(share or 0.0 for share in shares))
    return steady, frozenset(names - steady.keys())


def _finite(animation: _Animation, frames: Frames) -> Mapping[str, str]:
    """What holds after an animation, or as long as anyone waits for it."""
    first, last = (dict(_frame(frames, place)) for place in (0.0, 1.0))
    if animation.is_reversed:
        first, last = last, first
    fills = animation.words
    is_before = animation.delay > LONGEST_SECONDS
    if is_before:
        return first if fills & {"backwards", "both"} else {}
    if "paused" in fills and animation.delay < 0:  # it stands where it would be by now
        share = -animation.delay / animation.duration if animation.duration else math.inf
        if share >= animation.iterations:
            return last if fills & {"forwards", "both"} else {}
        return last if share >= _NEARLY_OVER and animation.iterations == 1 else first
    if "paused" in fills or animation.duration * animation.iterations > LONGEST_SECONDS:
        return first
    if not fills & {"forwards", "both"}:
        return {}
    turns = any(word.startswith("alternate") for word in fills)
    is_back = animation.iterations == 0 or (turns and animation.iterations % 2 == 0)
    return first if is_back else last


def _frame(frames: Frames, place: float) -> Mapping[str, str]:
    return next((values for at, values in frames if at == place), {})
