"""Which columns are the input and the output of a file: by their names, and by what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from steelyard.data.formats.roles import (
    Columns,
    columns_of,
    is_asked,
    is_descriptive,
    is_made,
    is_nameless,
    is_part,
    is_score,
    is_tests,
    resolve,
    speaks_of,
    spoken,
    together_in,
    usual_names,
)
from steelyard.data.looks import FEWEST_WORDS, ColumnLook, column_look
from steelyard.data.numbered import other_name
from steelyard.errors import DataError
from steelyard.words import listed, shortened

_LONG = 8
"""Words in the mean: what is so long is no label, though it may come again, as schemas do."""
_MOST_TOLD = 20
"""Of distinct values in a column that is told as one that could be the output."""
_TWO = 2
_TEMPLATE = re.compile(
    r"<\|(?:im_start|start_header_id|assistant|user)\|>|\[INST\]|<start_of_turn>"
    r"|(?:^|\s)(?:#+ ?)?(?:Assistant|Response|AI|Bot):",
)
"""What stands between a question and its answer in texts for training."""
_SUMMARY = frozenset({"summary", "summaries"})
_NOTHING = column_look((), "")
_KTO = "label"
"""Where it is true or false, it says whether to give a completion."""


def guess_columns(
    file: str, header: tuple[str, ...], body: Sequence[Mapping[str, Any]], columns: Columns
) -> tuple[dict[str, str], list[str]]:
    """Name input and output by the header, else by what the cells of ``body`` hold; and remarks on it.

    What a user names for one of the two changes nothing for the other. Raises `DataError` where several
    columns would do, and where there are too few.
    """
    named = {**columns, **_unchanged(file, header, body, columns)}
    return _guess(file, header, body, named, columns)


def _unchanged(
    file: str, header: tuple[str, ...], body: Sequence[Mapping[str, Any]], columns: Columns
) -> dict[str, str]:
    """What would be guessed for the role that is not named, if its columns are free."""
    given = {role: columns[role] for role in ("input", "output") if columns.get(role)}
    if len(given) != 1:
        return {}
    ((role, name),) = given.items()
    other = "output" if role == "input" else "input"
    if other in columns:
        return {}
    try:
        rest = {key: columns[key] for key in columns if key != role}
        roles, _ = _guess(file, header, body, rest, rest)
    except DataError:
        return {}
    in_use = set(columns_of(name or "", header))
    return {} if in_use & set(columns_of(roles[other], header)) else {other: roles[other]}


def _guess(
    file: str,
    header: tuple[str, ...],
    body: Sequence[Mapping[str, Any]],
    columns: Columns,
    by_user: Columns,
) -> tuple[dict[str, str], list[str]]:
    """As `guess_columns`; of ``columns`` those ``by_user`` need no remark."""
    looks = {name: column_look(body, name) for name in header}
    names = _borne_out(_filled(header, looks), looks, columns)
    roles = dict(resolve(names, columns))
    against = {name for name in {*header} - {*names} if not looks[name].is_text}
    free = _free(looks, roles, against)
    missing = [role for role in ("input", "output") if role not in roles and role not in columns]
    if len(free) < len(missing):
        listing = ", ".join(repr(name) for name in header)
        has = "one column, " if len(header) == 1 else ""
        raise DataError(
            f"{file} has {has}{shortened(listing, 100) or 'no columns'}: an input and an output column "
            f"are needed{_nested(free, body) or _in_one(header, body)}"
        )
    if "output" in missing:
        beside = {} if "input" in columns else _beside(together_in(names), free)
        has_input = bool(beside) or "input" not in missing
        scores = [name for name in beside if beside[name].is_measure and is_score(name)]
        output = (
            scores[0]
            if len(scores) == 1
            else _output(file, beside or free, _nested(header, body), has_input=has_input)
        )
        names = _borne_out(names, looks, {**columns, "output": output})
        roles = dict(resolve(names, {**columns, "output": output}))
        free = _free(looks, roles, against)
    if "input" not in {**roles, **columns}:
        is_label = looks.get(roles.get("output", ""), _NOTHING).is_few
        roles["input"] = _input(file, free, by_length=is_label)
        for name in columns_of(roles["input"], header):
            free.pop(name, None)
    twin, remark = other_name(body, roles.get("output", ""))
    is_open = "output" in missing or not looks.get(roles.get("output", ""), _NOTHING).is_few
    free.pop(twin or "", None)
    is_label = looks.get(roles.get("output", ""), _NOTHING).is_few
    remarks = _remarks(roles, free, by_user, is_open=is_open, is_label=is_label)
    return roles, [*([remark] if remark else []), *remarks]


def _filled(header: tuple[str, ...], looks: Mapping[str, ColumnLook]) -> tuple[str, ...]:
    """The columns without those whose name is an input's and that hold nothing."""
    usual = usual_names()["input"]
    full = tuple(name for name in header if looks[name].filled or spoken(name) not in usual)
    return full if len(full) >= _TWO else header


def _borne_out(
    header: tuple[str, ...], looks: Mapping[str, ColumnLook], columns: Columns
) -> tuple[str, ...]:
    """The columns without those whose usual name speaks for a role, and whose values speak against it."""
    for role in ("output", "input"):
        while role not in columns and len(header) > _TWO:
            roles = resolve(header, columns)
            names = columns_of(roles[role], header) if role in roles else ()
            these = {name: looks[name] for name in header}
            if names and all(looks[name].is_constant for name in names):
                against = [*names]
            elif len(names) > 1:
                against = [name for name in names if looks[name].is_key or looks[name].points]
            else:
                against = (_not_output if role == "output" else _not_input)(these, roles)
            if not against:
                break
            header = tuple(name for name in header if name not in against)
    return header


def _not_input(looks: Mapping[str, ColumnLook], roles: Mapping[str, str]) -> list[str]:
    """The input, where it is a few short values, keys or nothing, and another column has the text.

    That may be the output by its name, where there is a column of labels beside it.
    """
    name, output = roles.get("input", ""), looks.get(roles.get("output", ""), _NOTHING)
    look = looks.get(name, _NOTHING)
    is_weak = look.is_few or look.is_key or not look.filled
    if name not in looks or not is_weak or look.words >= FEWEST_WORDS:
        return []
    others = _others(looks, roles)
    if any(
        look.is_text and not speaks_of(other, "output") and not is_tests(other)
        for other, look in others.items()
    ):
        return [name]
    has_label = any(
        look.is_few and spoken(other) in usual_names()["output"] for other, look in others.items()
    )
    return [name, roles["output"]] if has_label and output.is_text else []


def _not_output(looks: Mapping[str, ColumnLook], roles: Mapping[str, str]) -> list[str]:
    """The output, where it is an index, links, dates or nothing, and another column may be it."""
    name = roles.get("output", "")
    look = looks.get(name, _NOTHING)
    others = _others(looks, roles)
    is_named = any(spoken(other) in usual_names()["output"] for other in others)
    if name in looks and look.is_empty:
        return [name] if is_named and "rules" not in roles else []
    is_answer = not look.is_index and (not look.is_key or look.numbers == look.filled)
    has_label = any(_is_label_like(other, look) for other, look in others.items())
    return [] if is_answer or not (is_named or has_label) else [name]


def _others(looks: Mapping[str, ColumnLook], roles: Mapping[str, str]) -> dict[str, ColumnLook]:
    in_use = {column for name in roles.values() for column in columns_of(name, looks)}
    return {name: look for name, look in looks.items() if name not in in_use}


def _free(
    looks: Mapping[str, ColumnLook], roles: Mapping[str, str], against: Set[str]
) -> dict[str, ColumnLook]:
    """The columns that play no role yet; those of parts and tests, and what has no name, left out.

    So are those whose values speak ``against`` the role that their name suggests.
    """
    in_use = {column for name in roles.values() for column in columns_of(name, looks)} | against
    return {
        name: look
        for name, look in looks.items()
        if name not in in_use
        and not (is_nameless(name) or is_part(name))
        and (look.is_few or not is_tests(name))
    }


def _nested(free: Iterable[str], body: Sequence[Mapping[str, Any]]) -> str:
    """A column that holds an object whose fields may be the columns that lack; or nothing."""
    for name in free:
        inside: Any = next((row[name] for row in body if isinstance(row.get(name), dict)), ())
        if len(inside) > 1:
            fields = listed([repr(str(key)) for key in inside])
            return f"; {name!r} is an object: make columns of its fields {fields}"
    return ""


def _in_one(header: Sequence[str], body: Sequence[Mapping[str, Any]]) -> str:
    """A column whose texts are whole chats, written out by a template; or nothing."""
    for name in header:
        texts = [str(fields.get(name) or "") for fields in body]
        if texts and all(_TEMPLATE.search(text) for text in texts):
            return (
                f"; {name!r} holds whole chats in one text: write them as messages, "
                '{"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}]}'
            )
    return ""


def _beside(together: Sequence[str], free: Mapping[str, ColumnLook]) -> dict[str, ColumnLook]:
    """The columns that may be the output of an input that several columns make up ``together``."""
    others = {name: look for name, look in free.items() if together and name not in together}
    return {
        name: look
        for name, look in others.items()
        if (look.is_new and speaks_of(name, "output"))
        or (look.is_few and not is_descriptive(name))
        or look.is_measure
        or look.is_text
    }


def _is_label_like(name: str, look: ColumnLook) -> bool:
    """Few values that come again and again, under a name that does not speak against it."""
    is_few = look.is_few and look.distinct <= _MOST_TOLD and not look.is_stamp
    return is_few and not is_descriptive(name) and spoken(name) not in usual_names()["input"]


def _output(file: str, free: Mapping[str, ColumnLook], nested: str, *, has_input: bool) -> str:
    free = {name: look for name, look in free.items() if not look.is_constant}
    named = [
        name
        for name, look in free.items()
        if speaks_of(name, "output") and look.is_new and not _is_too_long(name, free)
    ]
    labels = _rather([name for name, look in free.items() if look.is_label])
    numbers = _rather([name for name, look in free.items() if look.is_few and not look.is_stamp])
    texts = [name for name, look in free.items() if look.is_text]
    if labels and all(map(is_descriptive, labels)):  # senders, beside what may be meant
        labels += [name for name, look in free.items() if look.nested_words >= 0 and look.is_new]
    if not has_input and not labels and len(texts) == 2:
        return (
            named[0] if len(named) == 1 and named[0] in texts else texts[1]
        )  # question, then answer
    few = [name for name in named if free[name].is_few]
    sure = [name for name in named if speaks_of(name, "output", in_plural=False)]
    either = list(dict.fromkeys([*named, *labels])) if named else []
    for names in (few, sure, either, labels, numbers, texts, [*free]):
        if len(names) == 1:
            return names[0]
        if len(names) > 1:
            raise DataError(
                f"cannot tell which column of {file} holds the output: "
                f"{' or '.join(map(repr, names[:_MOST_TOLD]))}; name it: --columns output=… "
                f"(in task.yaml columns: {{output: …}}){nested}"
            )
    raise DataError(f"{file} has no column for the output{nested}")


def _is_too_long(name: str, free: Mapping[str, ColumnLook]) -> bool:
    """Whether a column named a summary is the longest of several texts, and so sums up none of them."""
    lengths = {other: look.characters for other, look in free.items() if look.is_text}
    is_longest = len(lengths) > 1 and max(lengths, key=lengths.__getitem__) == name
    return is_longest and not _SUMMARY.isdisjoint(spoken(name).split())


def _rather(names: list[str]) -> list[str]:
    """Those whose names do not speak against labels, if there are such."""
    return [name for name in names if not is_descriptive(name)] or names


def _input(file: str, free: Mapping[str, ColumnLook], *, by_length: bool) -> str:
    texts = [name for name, look in free.items() if look.is_text]
    full = [name for name in texts if 2 * free[name].filled > free[name].rows]
    texts = full or texts
    texts = texts or [name for name, look in free.items() if _may_be_asked(name, look)]
    lists = [name for name, look in free.items() if look.nested_words > 0]
    lists = [name for name in lists if speaks_of(name, "input")] or lists
    if lists and not texts:
        return f"{{{max(lists, key=lambda name: free[name].characters)}}}"
    texts = texts or [*free]
    named = [name for name in texts if speaks_of(name, "input", in_plural=False)]
    pool = named or texts
    if not pool:
        raise DataError(f"{file} has no column for the input")
    return max(pool, key=lambda name: free[name].characters) if by_length else pool[0]


def _leaves_text_out(name: str, look: ColumnLook) -> bool:
    holds_text = look.holds_text or look.words >= _LONG
    return holds_text or (look.nested_words > 0 and speaks_of(name, "input"))


def _tells_of(name: str, output: str) -> bool:
    """Whether a column is made from the output by its name: ``query_toks`` beside ``query``."""
    words, others = spoken(output).split(), spoken(name).split()
    return bool(words) and words == others[: len(words)] and is_made(others[len(words) :])


def _may_be_asked(name: str, look: ColumnLook) -> bool:
    is_key = look.is_key or look.is_stamp or is_descriptive(name)
    return look.words >= 1 and look.distinct > 1 and not is_key


def _remarks(
    roles: Mapping[str, str],
    free: Mapping[str, ColumnLook],
    columns: Columns,
    *,
    is_open: bool,
    is_label: bool,
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
            or (look.is_measure and is_score(name))
        ]
        if others:
            names = listed([repr(name) for name in others])
            remarks.append(
                f"the output is taken from {roles['output']!r}; it could be {names} "
                "(--columns output=NAME)"
            )
    if not columns.get("input") and "{" not in roles["input"]:
        texts = [
            name
            for name, look in free.items()
            if _leaves_text_out(name, look)
            and (is_label or is_asked(name) or not speaks_of(name, "output"))
            and not _tells_of(name, roles.get("output", ""))
        ]
        if texts:
            names = listed([repr(name) for name in texts])
            both = f"{{{roles['input']}}} {{{texts[0]}}}"
            remarks.append(
                f"{names} {'holds' if len(texts) == 1 else 'hold'} text that the input leaves out "
                f"(to add it: --columns 'input={both}')"
            )
    return remarks
