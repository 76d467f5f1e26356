"""The files that hold a run's summaries for CI."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from steelyard.errors import ConfigError
from steelyard.files import cannot_write, write_whole
from steelyard.gates.junit import junit
from steelyard.gates.markdown import markdown
from steelyard.gates.summary import RunSummary


@dataclass(frozen=True)
class SummaryFiles:
    """Where the summaries go; ``None`` where none is wanted.

    Raises `ConfigError` for a name that may be another kind of file.
    """

    junit: Path | None = None
    markdown: Path | None = None

    def __post_init__(self) -> None:
        for option, path, ending in (
            ("--junit", self.junit, ".xml"),
            ("--markdown", self.markdown, ".md"),
        ):
            if path is not None and path.suffix.lower() != ending:
                raise ConfigError(f"{option} {path}: name a file that ends in {ending}")

    def write(self, summary: RunSummary) -> None:
        """Write the files, making their folders. Raises `StorageError`."""
        for path, render in ((self.junit, junit), (self.markdown, markdown)):
            if path is not None:
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_whole(path, render(summary))
                except OSError as error:
                    raise cannot_write(path, error) from None
