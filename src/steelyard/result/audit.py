"""The data as the audit found it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from steelyard.result.base import Omitted, OpenPart, ResultPart


class CharacterLengths(ResultPart):
    """Percentiles of texts' lengths in characters."""

    p5: int = 0
    p50: int = 0
    p95: int = 0
    max: int = 0


class PartOfData(ResultPart):
    """One part of the split; ``labels`` counts each label, ``None`` where there are none."""

    n: int = 0
    labels: dict[str, int] | None = None
    input_characters: CharacterLengths | None = None
    output_characters: CharacterLengths | None = None


class Duplicates(ResultPart):
    """Rows that repeat others: in exact groups (``clusters``), or nearly alike (``rate``)."""

    rows: int = 0
    clusters: Omitted[int] = None
    rate: Omitted[float] = None
    threshold: Omitted[float] = None
    method: Omitted[str] = None
    sources: tuple[tuple[Any, ...], ...] = ()


class DuplicateKinds(ResultPart):
    """Rows alike to the letter, but for case and spacing, and nearly."""

    exact: Omitted[Duplicates] = None
    normalised: Omitted[Duplicates] = None
    near: Omitted[Duplicates] = None


class ConflictingRow(ResultPart):
    """One of the rows of a conflict."""

    source: str = ""
    output: str = ""


class ConflictingInput(ResultPart):
    """An input with several references."""

    input: str = ""
    rows: tuple[ConflictingRow, ...] = ()


class Conflicts(ResultPart):
    """The same input with different references; ``None`` with a reason for texts."""

    inputs: int | None = None
    rows: int | None = None
    reason: str | None = None
    found: tuple[ConflictingInput, ...] = ()


class LeakRow(OpenPart):
    """A row that also stands in another part."""

    part: str = ""
    source: str = ""
    also_in: str = ""
    also_source: str = ""


class Leaks(ResultPart):
    """Rows alike across parts, by one likeness."""

    count: int = 0
    test_count: int = 0
    rows: tuple[LeakRow, ...] = ()


class SkippedRow(ResultPart):
    """A row that was left out; ``line`` is 1-based."""

    file: str = ""
    line: int = 0
    reason: str = ""


class SkippedRows(ResultPart):
    """The rows that were left out."""

    count: int = 0
    rows: tuple[SkippedRow, ...] = ()


class Ceiling(ResultPart):
    """The best accuracy of any rule that answers the same input always the same way."""

    value: float | None = None
    reason: str | None = None


class DetectableDifference(ResultPart):
    """The smallest difference that the test split can show; ``comparisons`` share the ``level``.

    With fewer ``clusters`` than items, ``difference`` is that of items independent within them, and
    ``if_dependent`` that of clusters that count as one item each.
    """

    difference: float | None = None
    n: Omitted[int] = None
    discordant: Omitted[float] = None
    level: Omitted[float] = None
    power: Omitted[float] = None
    reason: str | None = None
    comparisons: Omitted[int] = None
    clusters: Omitted[int] = None
    if_dependent: Omitted[float] = None


class EvidenceRow(OpenPart):
    """A row of a finding; further fields say why it is suspect."""

    row: int = 0
    source: str = ""
    input: str = ""
    output: str = ""


class FindingResult(ResultPart):
    """One thing that is wrong or worth knowing; ``rows`` are all of its row numbers, from 1."""

    check: str = ""
    severity: str = ""
    count: int = 0
    rows: tuple[int, ...] = ()
    message: str = ""
    evidence: tuple[EvidenceRow, ...] = ()


class MistakeResult(ResultPart):
    """One of the common mistakes: ``ok``, ``risk`` or ``unknown``."""

    name: str = ""
    state: str = ""
    message: str = ""


class CheckOutcome(ResultPart):
    """What one check came to; its time is not in ``result.json``."""

    state: str = ""
    reason: str | None = None
    seconds: Omitted[float] = None
    facts: dict[str, Any] = Field(default_factory=dict)


class DataFile(OpenPart):
    """A file of examples."""

    part: str = ""
    file: str = ""


class AuditFindings(ResultPart):
    """What the checks found in all ``rows``."""

    rows: int | None = None
    findings: tuple[FindingResult, ...] = ()
    mistakes: tuple[MistakeResult, ...] = ()
    checks: dict[str, CheckOutcome] = Field(default_factory=dict)

    @property
    def errors(self) -> tuple[str, ...]:
        """What makes a measurement or a training misleading, a line each."""
        return tuple(
            f"{finding.check}: {finding.message}"
            for finding in self.findings
            if finding.severity == "error"
        )

    @property
    def seconds(self) -> float:
        return sum(outcome.seconds or 0.0 for outcome in self.checks.values())


class UnderstoodFact(ResultPart):
    """One thing that was understood of the rows: what it is ``about``, in words."""

    about: str = ""
    text: str = ""


class DocumentFile(ResultPart):
    """A file under a task's ``documents``: ``read``, ``skipped`` or ``refused``, and why."""

    name: str = ""
    state: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()
    documents: int = 0


class HiddenTextPlace(ResultPart):
    """Where in a document a text stands that no reader sees; ``kind`` says why nobody does."""

    document: str = ""
    kind: str = ""
    place: str = ""


class DocumentsAudit(ResultPart):
    """A task's documents; ``files`` counts the files by state, ``hidden`` texts that nobody sees by kind.

    Counts are of all. ``outcomes`` and ``hidden_texts`` are lists that may be cut: ``files_not_listed`` by
    state and ``hidden_not_listed`` say by how much. ``fingerprint`` is a digest of names, texts and metadata.
    """

    documents: int = 0
    characters: int = 0
    fingerprint: str = ""
    files: dict[str, int] = Field(default_factory=dict)
    outcomes: tuple[DocumentFile, ...] = ()
    files_not_listed: dict[str, int] = Field(default_factory=dict)
    hidden: dict[str, int] = Field(default_factory=dict)
    hidden_texts: tuple[HiddenTextPlace, ...] = ()
    hidden_not_listed: int = 0


class DataAudit(AuditFindings):
    """The audit of one data set as ``data check --json`` prints it."""

    readable: int | None = None
    kind: str = ""
    columns: dict[str, Any] = Field(default_factory=dict)
    files: tuple[DataFile, ...] = ()
    understood: tuple[UnderstoodFact, ...] = ()
    documents: Omitted[DocumentsAudit] = None


class AuditResult(AuditFindings):
    """The audit of a run's data."""

    examples: int | None = None
    parts: dict[str, PartOfData] = Field(default_factory=dict)
    duplicates: DuplicateKinds = DuplicateKinds()
    conflicts: Conflicts = Conflicts()
    accuracy_ceiling: Ceiling | None = None
    leaks: dict[str, Leaks] = Field(default_factory=dict)
    skipped: SkippedRows | None = None
    ignored_keys: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    detectable: DetectableDifference = DetectableDifference()
    documents: Omitted[DocumentsAudit] = None

    @property
    def near_repeats(self) -> int:
        """The rows that nearly repeat another, as the check counts them: not the first of a cluster.

        ``duplicates.near`` counts the first ones too.
        """
        check = self.checks.get("near_duplicates", CheckOutcome())
        return int(check.facts.get("rows", 0))
