"""What a format of exported weights is: it writes a folder, and reads it back as its users would."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from steelyard.exports.merged import Merged
from steelyard.model.base import Model
from steelyard.model.local import EngineSettings, LocalModel


@dataclass(frozen=True)
class Outgoing:
    """What a format writes: the weights, how the arm is asked, and what to call the base.

    ``measured`` is the model that answered the test, with its tokenizer; ``weights`` the folder or hub
    name of its base, ``adapter`` the folder of its LoRA weights where it has some; ``settings`` how it was
    computed.
    """

    merged: Merged
    measured: LocalModel
    base: str
    weights: str
    adapter: Path | None = None

    @property
    def settings(self) -> EngineSettings:
        return self.measured.settings

    @property
    def ends(self) -> list[int]:
        """The tokens that end an answer, the template's own end of turn among them."""
        return sorted(self.measured.end_tokens)


@dataclass(frozen=True)
class ReadBack:
    """An exported folder, loaded again from disk.

    ``network`` is ``None`` where the format has none that torch can hold; ``tokenizer`` is what its users
    read. ``ends`` are the tokens that stop it, ``adds`` those that a server puts before a rendered chat and
    the base's own tokenizer does not.
    ``templates`` are all chat templates of the files; ``tokens`` how many tokens they list for ``rows`` of
    the embedding; ``settings`` what the files say of the architecture. ``faults`` are reasons that the
    format itself saw. ``build`` gives the model that answers from these files.
    """

    network: Any
    tokenizer: Any
    ends: frozenset[int]
    templates: tuple[str, ...]
    tokens: int
    rows: int
    build: Callable[[EngineSettings], Model]
    adds: tuple[int, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


class ExportFormat(ABC):
    """A format. ``precisions`` are what it can be written in; the first is the default.

    ``rounding`` is how far a weight matrix may be from the arm's, relative to its norm, by precision.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    precisions: ClassVar[tuple[str, ...]]
    rounding: ClassVar[Mapping[str, float]]
    library: ClassVar[str]
    """The name by which hubs know what reads it."""

    def default_precision(self, outgoing: Outgoing) -> str:
        """The precision where none is named."""
        return self.precisions[0]

    def require(self) -> None:
        """Raise `MissingExtraError` where a package that it needs is not installed."""
        return

    def refusal(self, outgoing: Outgoing) -> str | None:
        """Say why it cannot hold this model; ``None`` where it can."""
        return None

    def notes(self, outgoing: Outgoing, precision: str) -> tuple[str, ...]:
        """What users of the files must know."""
        return ()

    @abstractmethod
    def write(self, outgoing: Outgoing, folder: Path, precision: str) -> None:
        """Write the files to ``folder``, which is empty."""

    @abstractmethod
    def read(self, folder: Path, outgoing: Outgoing) -> ReadBack:
        """Load what lies in ``folder``; raises `ModelError` where it cannot be loaded."""
