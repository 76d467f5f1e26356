"""``steelyard.export``: write a measured arm's weights, read them back, and publish what holds."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from steelyard.core import Message, questions_of
from steelyard.errors import ConfigError, ModelError, StorageError, closest
from steelyard.exports.base import ExportFormat, Outgoing
from steelyard.exports.card import CardFacts, card_text, leaks_text
from steelyard.exports.checks import Checked, faults_of
from steelyard.exports.merged import merge
from steelyard.exports.pretrained import added_before
from steelyard.exports.records import Export
from steelyard.exports.rescore import TOLERANCE, rescore
from steelyard.exports.source import ExportSource, open_source
from steelyard.families import EXPORT_FORMATS
from steelyard.files import expanded, hash_file, whole_folder
from steelyard.model import huggingface
from steelyard.model.embedded import find_gguf
from steelyard.model.files import hash_folder
from steelyard.model.local import LocalModel

_PROBE = "Steelyard"
_ROLES = re.compile(r"\b(?:system|user|human)\b", re.IGNORECASE)
FACTS = "steelyard.json"
"""The file of an export that says what `Export` says, for programs."""


@dataclass(frozen=True)
class ExportOptions:
    """How an arm is exported.

    ``precision``: one of the format's, else its default. ``items`` of the test examples are answered again
    (all by default); ``tolerance`` is how far the lower limit of the paired difference may be below 0.
    """

    precision: str | None = None
    items: int | None = None
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        if self.items is not None and self.items < 1:
            raise ConfigError(f"--items {self.items}: at least one example must be answered again")
        if not 0 <= self.tolerance <= 1:
            raise ConfigError(
                f"--tolerance {self.tolerance:g}: give a share from 0 to 1, such as 0.01"
            )


class _RefusedError(Exception):
    """Leaves the folder that is being written, which then is removed."""


def export(
    arm: str,
    to: str,
    *,
    run: Path | str | None = None,
    out: Path | str | None = None,
    task: Path | str | None = None,
    options: ExportOptions | None = None,
) -> Export:
    """Write the tuned weights of ``arm`` in the format ``to`` and prove that they answer as measured.

    ``arm`` is its folder, or its name in the run folder ``run``. The files go to ``out``, which must not
    exist (default: ``exports/ARM-FORMAT-PRECISION`` in the run folder). They are loaded again from disk,
    checked, and asked the run's test examples; what fails is not published, and the record says why.

    Raises `ArmError` for an arm without weights of its own or with another base than was measured,
    `ConfigError` for a format that cannot hold its architecture, `MissingExtraError` for one whose
    package is missing, `StorageError` and `DataError` as `open_source` does.
    """
    form: ExportFormat = EXPORT_FORMATS.get(to)()
    options = options or ExportOptions()
    form.require()
    if out is not None:
        _check_free(expanded(out))
    source = open_source(arm, run, task)
    outgoing = outgoing_of(source)
    if (reason := form.refusal(outgoing)) is not None:
        raise ConfigError(f"{source.arm.name} cannot be exported to {form.name}: {reason}")
    precision = options.precision or form.default_precision(outgoing)
    if precision not in form.precisions:
        raise ConfigError(
            f"--precision {precision}: {form.name} is written in {' or '.join(form.precisions)}"
            f"{closest(precision, form.precisions)}"
        )
    name = f"{source.arm.name}-{form.name}-{precision}"
    folder = source.run.folder / "exports" / name if out is None else expanded(out)
    return publish(source, outgoing, form, folder, replace(options, precision=precision))


def outgoing_of(source: ExportSource) -> Outgoing:
    """Merge the arm's weights and bring together what a format writes."""
    measured = source.arm.model
    assert isinstance(measured, LocalModel)
    adapter = source.arm.spec.adapter
    return Outgoing(
        merge(source),
        measured,
        base_name(source),
        source.weights,
        None if adapter is None or huggingface.is_whole(Path(adapter)) else Path(adapter),
    )


def base_name(source: ExportSource) -> str:
    """What the base is called outside: a hub name, or the name alone of a folder of this machine."""
    name = source.arm.spec.base.name
    return Path(name).name if expanded(name).is_dir() else name


def publish(
    source: ExportSource,
    outgoing: Outgoing,
    form: ExportFormat,
    folder: Path,
    options: ExportOptions,
) -> Export:
    """Write to a scratch folder beside ``folder``, check and re-score, and only then move it there."""
    assert options.precision is not None
    _check_free(folder)
    stated = Export(arm=source.arm.name, format=form.name, precision=options.precision)
    stated = stated.updated(notes=_notes(source, outgoing, form, options.precision))
    with suppress(_RefusedError), whole_folder(folder) as scratch:
        form.write(outgoing, scratch, options.precision)
        stated = _proved(source, outgoing, form, scratch, options, stated)
        if stated.reasons:
            raise _RefusedError
        size = sum(path.stat().st_size for path in scratch.rglob("*") if path.is_file())
        stated = stated.updated(published=True, folder=str(folder), size_bytes=size)
        facts = CardFacts(source, outgoing, form, stated, base_hash(source))
        (scratch / "README.md").write_text(card_text(facts), encoding="utf-8")
        text = json.dumps(_facts(stated, facts), ensure_ascii=False, indent=2)
        (scratch / FACTS).write_text(text + "\n", encoding="utf-8")
    return stated


def _check_free(folder: Path) -> None:
    if folder.exists():
        raise StorageError(f"{folder} is there already: remove it, or choose another --out")


def _proved(
    source: ExportSource,
    outgoing: Outgoing,
    form: ExportFormat,
    scratch: Path,
    options: ExportOptions,
    stated: Export,
) -> Export:
    """Read the files back, check them, and let them answer. Where the checks see a fault, none is asked."""
    assert options.precision is not None
    try:
        back = form.read(scratch, outgoing)
    except ModelError as error:
        return stated.updated(reasons=(f"the files cannot be loaded again: {error}",))
    rounding = form.rounding[options.precision]
    answers = [*source.arm.brief.labels, *(record.reference for record in source.records)]
    checked = Checked(outgoing, back, _prompts(source), [a for a in answers if a], rounding)
    if faults := faults_of(checked):
        return stated.updated(reasons=tuple(faults))
    model = back.build(outgoing.settings)
    rescored = rescore(source, model, options.items, options.tolerance)
    reasons = () if rescored.passed else (rescored.reason or "too few answers are equal",)
    return stated.updated(rescored=rescored, reasons=reasons)


def _prompts(source: ExportSource) -> list[tuple[Message, ...]]:
    requests = source.arm.prompt.requests(questions_of(source.examples))
    return [request.messages for request in requests]


def _notes(
    source: ExportSource, outgoing: Outgoing, form: ExportFormat, precision: str
) -> tuple[str, ...]:
    """What users must know of any format, then of this one."""
    leaks = source.run.result.audit.leaks
    notes = []
    if any(leak.test_count for leak in leaks.values()):
        notes.append(f"the figures may be too high, {leaks_text(leaks)}")
    weights = outgoing.measured.facts.get("weights")
    if weights:
        notes.append(
            f"the base of this arm, {outgoing.base}, is {weights}, and not the file its publisher trained"
        )
    tokenizer = outgoing.merged.tokenizer
    ends = set(outgoing.ends)
    if tokenizer.pad_token_id in ends and tokenizer.pad_token_id is not None:
        notes.append(
            f"the pad token, {tokenizer.pad_token}, ends answers too: a collator that masks padding would "
            "never teach a further tuning to stop"
        )
    if adds := added_before(tokenizer):
        notes.append(
            f"the base's tokenizer puts {tokenizer.decode(list(adds))} before every text: cut a rendered "
            "chat into tokens with add_special_tokens=False, as chat servers do"
        )
    if hidden := _hidden_text(outgoing):
        notes.append(
            f"without a system message the chat template writes its own: {hidden!r}; it stands in the prompt"
        )
    return (*notes, *form.notes(outgoing, precision))


def _hidden_text(outgoing: Outgoing) -> str:
    """What the chat template writes before a lone user turn, beyond its marks and the names of roles."""
    writer = outgoing.measured.writer
    text = writer.text((Message("user", _PROBE),)).partition(_PROBE)[0]
    for token in outgoing.measured.tokenizer.all_special_tokens:
        text = text.replace(token, " ")
    words = " ".join(_ROLES.sub(" ", text).split())
    return words if any(letter.isalpha() for letter in words) else ""


def base_hash(source: ExportSource) -> str:
    """SHA-256 of the base: of its file where it is one, of its folder's weights, or a hub revision."""
    if source.arm.spec.provider == "embedded":
        return hash_file(find_gguf())
    folder = Path(source.weights)
    if folder.is_dir():
        return hash_folder(folder, "*.safetensors")
    return huggingface.identity(source.weights)


def _facts(stated: Export, facts: CardFacts) -> dict[str, object]:
    base = {"name": facts.outgoing.base, "sha256": facts.base_hash}
    return {**stated.updated(folder=None).to_dict(), "base": base}
