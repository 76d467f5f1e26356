"""Which columns are the input and the output of a file: by their names, and by what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.data.formats.roles import (
    Columns,
    columns_of,
    is_descriptive,
    is_nameless,
    is_part,
    resolve,
    spoken,
    together_in,
    usual_names,
)
from steelyard.data.numbered import other_name
from steelyard.errors import DataError
from steelyard.words import listed, shortened

MOST_LABELS = 200
LABEL_CHARACTERS = 80
_FEWEST_WORDS, _MANY_WORDS, _FEWEST_ROWS = 3, 5, 20
_MOST_TOLD = 20
"""Of distinct values in a column that is told as one that could be the output."""
_LEAST_DISTINCT = 0.5
_KTO = "label"
"""Where it is true or false, it says whether to give a completion."""


@dataclass(frozen=True)
class _Look:
    """What the cells of a column look like: how many are filled, differ, are numbers, and their words.

    ``nested_words`` are those of a text inside lists and objects; both are means.
    """

    filled: int
    distinct: int
    numbers: int
    characters: float
    words: float
    nested_words: float
    fractions: int
    truths: int

    @property
    def is_label(self) -> bool:
        """Few values that come again and again, and no numbers."""
        return self.is_few and self.numbers < self.filled

    @property
    def is_few(self) -> bool:
        few = 2 <= self.distinct <= min(MOST_LABELS, self.filled // 2)
        return few and self.characters <= LABEL_CHARACTERS

    @property
    def is_truth(self) -> bool:
        return self.truths == self.filled

    @property
    def is_text(self) -> bool:
        return self.words >= _FEWEST_WORDS and self.distinct > _LEAST_DISTINCT * self.filled

    @property
    def holds_text(self) -> bool:
        """Whether there is text, be it inside lists or objects."""
        differs = self.distinct > _LEAST_DISTINCT * self.filled
        return self.is_text or (differs and self.nested_words >= _FEWEST_WORDS)

    @property
    def is_measure(self) -> bool:
        """Numbers, and not all of them whole: a score, and no count or key."""
        return self.fractions > 0 and self.numbers == self.filled

    @property
    def is_new(self) -> bool:
        """Values that mostly differ, as answers may and keys do."""
        return self.filled > 0 and self.distinct > 1


def guess_columns(
    file: str, header: tuple[str, ...], body: Sequence[Mapping[str, Any]], columns: Columns
) -> tuple[dict[str, str], list[str]]:
    """Name input and output by the header, else by what the cells of ``body`` hold; and remarks on it.

    Raises `DataError` where several columns would do, and where there are too few.
    """
    names = _varied(header, body, columns)
    roles = dict(resolve(names, columns))
    free = _free(header, body, roles)
    missing = [role for role in ("input", "output") if role not in roles and role not in columns]
    if len(free) < len(missing):
        listing = ", ".join(repr(name) for name in header)
        has = "one column, " if len(header) == 1 else ""
        raise DataError(
            f"{file} has {has}{shortened(listing, 100) or 'no columns'}: an input and an output column "
            f"are needed{_nested(free, body)}"
        )
    if "output" in missing:
        beside = {} if "input" in columns else _beside(together_in(names), free)
        has_input = bool(beside) or "input" not in missing
        output = _output(file, beside or free, has_input=has_input)
        roles = dict(resolve(names, {**columns, "output": output}))
        free = _free(header, body, roles)
    if "input" not in {**roles, **columns}:
        is_label = _look(body, roles.get("output", "")).is_few
        roles["input"] = _input(file, free, by_length=is_label)
        del free[roles["input"]]
    twin, remark = other_name(body, roles.get("output", ""))
    is_open = "output" in missing or not _look(body, roles.get("output", "")).is_few
    free.pop(twin or "", None)
    return roles, [*([remark] if remark else []), *_remarks(roles, free, columns, is_open)]


def _varied(
    header: tuple[str, ...], body: Sequence[Mapping[str, Any]], columns: Columns
) -> tuple[str, ...]:
    """The columns without those whose usual name speaks for a role, and whose value is always the same."""
    for role in ("output", "input"):
        name = resolve(header, columns).get(role)
        if role not in columns and len(header) > 2 and _is_constant(body, name):
            header = tuple(other for other in header if other != name)
    return header


def _free(
    header: tuple[str, ...], body: Sequence[Mapping[str, Any]], roles: Mapping[str, str]
) -> dict[str, _Look]:
    """The columns that play no role yet, those without a name and those of parts left out."""
    in_use = {column for name in roles.values() for column in columns_of(name, header)}
    return {
        name: _look(body, name)
        for name in header
        if name not in in_use and not is_nameless(name) and not is_part(name)
    }


def _nested(free: Iterable[str], body: Sequence[Mapping[str, Any]]) -> str:
    """A column that holds an object whose fields may be the columns that lack; or nothing."""
    for name in free:
        inside: Any = next((row[name] for row in body if isinstance(row.get(name), dict)), ())
        if len(inside) > 1:
            fields = listed([repr(str(key)) for key in inside])
            return f"; {name!r} is an object: make columns of its fields {fields}"
    return ""


def _beside(together: Sequence[str], free: Mapping[str, _Look]) -> dict[str, _Look]:
    """The columns that may be the output of an input that several columns make up ``together``."""
    others = {name: look for name, look in free.items() if together and name not in together}
    return {
        name: look
        for name, look in others.items()
        if (look.is_new and _speaks_of(name, "output"))
        or (look.is_few and not is_descriptive(name))
        or look.is_measure
        or look.is_text
    }


def _is_label_like(name: str, look: _Look) -> bool:
    """Few values that come again and again, under a name that does not speak against it."""
    is_few = look.is_few and look.distinct <= _MOST_TOLD
    return is_few and not is_descriptive(name) and spoken(name) not in usual_names()["input"]


def check_header(file: str, header: tuple[str, ...], body: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a table whose first line reads like a row: no usual name, and a value that comes again.

    A cell of many words is no name either. Raises `DataError`.
    """
    if any(spoken(name) in names for name in header for names in usual_names().values()):
        return
    looks = {name: _look(body, name) for name in header if not is_nameless(name)}
    comes_again = any(
        look.is_few and any(str(fields.get(name)).strip() == name for fields in body)
        for name, look in looks.items()
    )
    if comes_again or any(len(name.split()) >= _MANY_WORDS for name in looks):
        first = shortened(", ".join(header), 60)
        raise DataError(
            f"{file} seems to have no header: its first line reads like a row ({first}); put a line with "
            "the columns' names before it, such as text,label, or name them: --columns input=…,output=…"
        )


def _is_constant(body: Sequence[Mapping[str, Any]], name: str | None) -> bool:
    if name is None or len(body) < _FEWEST_ROWS:
        return False
    return _look(body, name).distinct == 1


def _look(body: Sequence[Mapping[str, Any]], name: str) -> _Look:
    values = [fields.get(name) for fields in body]
    texts = [str(value).strip() for value in values if value is not None and value != ""]
    count = max(len(texts), 1)
    return _Look(
        len(texts),
        len(set(texts)),
        sum(map(_is_number, texts)),
        sum(map(len, texts)) / count,
        sum(len(value.split()) for value in values if isinstance(value, str)) / count,
        sum(_words_inside(value) for value in values if isinstance(value, list | dict)) / count,
        sum("." in text and _is_number(text) for text in texts),
        sum(isinstance(value, bool) for value in values),
    )


def _words_inside(value: Any) -> float:
    """The mean number of words of the texts inside lists and objects."""
    counts, waiting = [0], [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            counts.append(len(item.split()))
        elif isinstance(item, list | dict):
            waiting.extend(item.values() if isinstance(item, dict) else item)
    return sum(counts) / max(len(counts) - 1, 1)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _speaks_of(name: str, role: str) -> bool:
    return any(word in usual_names()[role] for word in spoken(name).split())


def _output(file: str, free: Mapping[str, _Look], *, has_input: bool) -> str:
    named = [name for name, look in free.items() if _speaks_of(name, "output") and look.is_new]
    labels = _rather([name for name, look in free.items() if look.is_label])
    numbers = _rather([name for name, look in free.items() if look.is_few])
    texts = [name for name, look in free.items() if look.is_text]
    if not has_input and not labels and len(texts) == 2:
        return (
            named[0] if len(named) == 1 and named[0] in texts else texts[1]
        )  # question, then answer
    for names in ([n for n in named if free[n].is_few], named, labels, numbers, texts, [*free]):
        if len(names) == 1:
            return names[0]
        if len(names) > 1:
            raise DataError(
                f"cannot tell which column of {file} holds the output: "
                f"{' or '.join(map(repr, names[:5]))}; name it: --columns output=… "
                "(in task.yaml columns: {output: …})"
            )
    raise DataError(f"{file} has no column for the output")


def _rather(names: list[str]) -> list[str]:
    """Those whose names do not speak against labels, if there are such."""
    return [name for name in names if not is_descriptive(name)] or names


def _input(file: str, free: Mapping[str, _Look], *, by_length: bool) -> str:
    texts = [name for name, look in free.items() if look.is_text] or [*free]
    named = [name for name in texts if _speaks_of(name, "input")]
    pool = named or texts
    if not pool:
        raise DataError(f"{file} has no column for the input")
    return max(pool, key=lambda name: free[name].characters) if by_length else pool[0]


def _remarks(
    roles: Mapping[str, str], free: Mapping[str, _Look], columns: Columns, is_open: bool
) -> list[str]:
    """What the columns could have meant as well.

    Where it ``is_open`` whether the output is meant, any column with few values may be.
    """
    remarks = []
    if not columns.get("output"):
        others = [
            name
            for name, look in free.items()
            if (spoken(name) in usual_names()["output"] and look.is_new and not look.is_truth)
            or (is_open and _is_label_like(name, look) and not (look.is_truth and name == _KTO))
        ]
        if others:
            names = listed([repr(name) for name in others])
            remarks.append(
                f"the output is taken from {roles['output']!r}; it could be {names} "
                "(--columns output=NAME)"
            )
    if not columns.get("input") and "{" not in roles["input"]:
        texts = [name for name, look in free.items() if look.holds_text]
        if texts:
            names = listed([repr(name) for name in texts])
            both = f"{{{roles['input']}}} {{{texts[0]}}}"
            remarks.append(
                f"{names} {'holds' if len(texts) == 1 else 'hold'} text that the input leaves out "
                f"(to add it: --columns 'input={both}')"
            )
    return remarks
