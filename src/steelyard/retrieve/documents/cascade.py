"""Which declarations of a page's style sheets and attributes hold for an element."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from steelyard.retrieve.documents.css_animation import Frames, animated, keyframes_in
from steelyard.retrieve.documents.css_letters import SIZE_ADJUST
from steelyard.retrieve.documents.css_sheet import Declarations, declarations_of, rules_in
from steelyard.retrieve.documents.css_values import arguments
from steelyard.retrieve.documents.selectors import Selector
from steelyard.retrieve.documents.style import GLOBAL, declared, substituted, with_attributes
from steelyard.retrieve.documents.text_look import look_of
from steelyard.retrieve.documents.text_paint import Element, TextLook

MOST_RULES = 5_000
"""Of one page; the style sheets of whole frameworks have fewer that matter."""
Layer = tuple[int, ...]
"""The place of a layer (`@layer`) in the order of layers: the greater one wins where nothing is important."""
Priority = tuple[Layer, tuple[int, int, int], int]
"""Layer, specificity and order of a rule."""
_NO_LAYER = 1_000_000_000


class PageRules(NamedTuple):
    """What the style sheets of a page say beside rules.

    ``is_open`` says that more is in files that are not read, ``is_quirky`` that browsers read the page in
    quirks mode. ``initial`` are values of variables (`@property`), ``fonts`` factors on the size of letters
    (`size-adjust`) by the family's name.
    """

    keyframes: Mapping[str, Frames] = {}
    is_open: bool = False
    is_quirky: bool = False
    initial: Mapping[str, str] = {}
    fonts: Mapping[str, str] = {}


def page_rules(
    sheets: Sequence[str | None], *, is_open: bool = False, is_quirky: bool = False
) -> PageRules:
    """What style sheets say beside rules."""
    initial: dict[str, str] = {}
    fonts: dict[str, str] = {}
    described = [
        s for s in sheets if s and ("@property" in s.lower() or "size-adjust" in s.lower())
    ]
    for rule in (rule for sheet in described for rule in rules_in(sheet)):
        head, _, name = rule.selectors[0].partition(" ") if rule.selectors else ("", "", "")
        values = {key.lower(): value for key, value in rule.declarations}
        if head.lower() == "@property" and "initial-value" in values:
            initial[name.strip()] = values["initial-value"]
        elif head.lower() == "@font-face" and "size-adjust" in values:
            fonts[_family(values.get("font-family", ""))] = values["size-adjust"]
    return PageRules(keyframes_in(sheets), is_open, is_quirky, initial, fonts)


def _family(value: str) -> str:
    """The first name of a list of fonts."""
    return arguments(value, ",")[0].strip("\"' ").lower()


def selectors_in(
    sheets: Iterable[str | None], *, is_quirky: bool = False
) -> Iterator[tuple[Selector, Declarations, Layer]]:
    """The selectors of style sheets, each with what it declares that matters here, and its layer.

    Of rules that may apply or not only those count that hide on their own.
    """
    places: dict[tuple[str, ...], int] = {}  # of layers, in the order of their first mention
    for sheet in sheets:
        for rule in rules_in(sheet or ""):
            prefixes = [rule.layer[: end + 1] for end in range(len(rule.layer))]
            layer = (*(places.setdefault(prefix, len(places)) for prefix in prefixes), _NO_LAYER)
            if rule.keyframes is not None or (rule.selectors[:1] and rule.selectors[0][:1] == "@"):
                continue
            declarations = declared(rule.declarations, is_quirky=is_quirky)
            if not declarations:
                continue
            selectors = [Selector(text) for text in rule.selectors]
            is_certain = rule.is_certain and all(s.is_certain for s in selectors)
            if is_certain or _takes_away(
                {name: value for name, (value, _) in declarations.items()}
            ):
                for selector in selectors:
                    yield selector, declarations, layer


def _takes_away(values: Mapping[str, str]) -> bool:
    """Whether a rule hides on its own; colours do not, for what sets their ground may not apply either."""
    rest = {name: value for name, value in values.items() if "color" not in name}
    return look_of(Element("p", {}, rest), TextLook()).kind is not None


def cascaded(
    levels: Sequence[tuple[Layer, Declarations]],
    attributes: Mapping[str, str | None],
    outer: Mapping[str, str],
    page: PageRules,
) -> tuple[dict[str, str], Mapping[str, str]]:
    """The values of ``levels``, weakest first, and of a ``style`` attribute, with variables filled in."""
    style = attributes.get("style")
    inline = declared(declarations_of(style), is_quirky=page.is_quirky) if style else {}
    # what is important in an earlier layer is stronger
    important = sorted(levels, key=lambda level: level[0], reverse=True)
    raw: dict[str, str] = {}
    below, last = raw, None
    for layer, declarations in (*levels, (None, inline)):
        if layer != last or layer is None:
            below, last = dict(raw), layer
        raw.update({name: value for name, (value, strong) in declarations.items() if not strong})
        for name in [name for name, value in raw.items() if value == "revert-layer"]:
            raw.pop(name)
            raw.update({name: below[name]} if name in below else {})
    strong_names: set[str] = set()
    for declarations in (*(level[1] for level in important), inline):
        strong = {name: value for name, (value, strong) in declarations.items() if strong}
        raw.update(strong)
        strong_names |= strong.keys()
    local = {name: value for name, value in raw.items() if name.startswith("--")}
    variables = outer
    if local:
        every = {**outer, **local}
        variables = {**outer, **{name: substituted(value, every) for name, value in local.items()}}
        for name in [name for name, value in local.items() if value.lower() in GLOBAL]:
            variables.pop(name)
            source = page.initial if local[name].lower() == "initial" else outer
            variables.update({name: source[name]} if name in source else {})
    values = {
        name: substituted(with_attributes(value, attributes), variables).lower()
        for name, value in raw.items()
        if not name.startswith("--")
    }
    if "animation-name" in values:
        _move(values, strong_names, variables, page)
    if page.fonts and "font-family" in values:
        values[SIZE_ADJUST] = page.fonts.get(_family(values["font-family"]), "1")
    return values, variables


def _move(
    values: dict[str, str], strong: set[str], variables: Mapping[str, str], page: PageRules
) -> None:
    """Let animations set what no ``!important`` sets."""
    changes, unknown = animated(values, page.keyframes, is_open=page.is_open)
    for name, value in changes.items():
        if name not in strong:
            values[name] = substituted(value, variables).lower()
    for name in unknown - strong:
        values.pop(name, None)
