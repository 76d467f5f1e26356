"""The benchmarks' data: twelve intents of banking77, read from a folder the user names."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import NamedTuple

from steelyard.core import Message

INSTRUCTION = (
    "Classify the customer's message to the bank. "
    "Answer with exactly one of these labels and nothing else:\n"
)


class Bank(NamedTuple):
    """Labels and shuffled ``(text, label)`` rows; ``test`` and ``train`` never share a row."""

    labels: list[str]
    train: list[tuple[str, str]]
    test: list[tuple[str, str]]


def read(folder: Path, labels: int = 12, seed: int = 0) -> Bank:
    """Read ``train.csv`` and ``test.csv`` of ``folder`` and keep the first ``labels`` intents."""
    parts = {}
    for part in ("train", "test"):
        with (folder / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            parts[part] = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    kept = sorted({label for _, label in parts["train"]})[:labels]
    for rows in parts.values():
        rows[:] = [row for row in rows if row[1] in kept]
        random.Random(seed).shuffle(rows)
    return Bank(kept, parts["train"], parts["test"])


def one_shot_chats(bank: Bank, items: int) -> list[tuple[Message, ...]]:
    """A chat for each of the first ``items`` test rows, behind one solved example of every label."""
    opening = [Message("system", INSTRUCTION + "\n".join(bank.labels))]
    for label in bank.labels:
        text = next(text for text, found in bank.train if found == label)
        opening += [Message("user", text), Message("assistant", label)]
    return [(*opening, Message("user", text)) for text, _ in bank.test[:items]]
