"""Seconds of a LoRA step against trl's SFTTrainer, by the length of the examples and the batch.

    python benchmarks/lora_grid.py --data FOLDER_OF_BANKING77 [--lengths 32 128 512 1024] [--batches 1 8 32]

Both train rank 16 on all linear layers of the embedded model in bf16, with the loss on the answer alone; trl
with its default head on completion tokens, and its weights in fp32 or in bf16, whichever is faster in the
cell. Examples are banking77 messages put together to the length, all under one short instruction; answers are
labels. Of every cell the first step warms up and the median of the others counts: three, or one where a step
has more than 8,192 tokens. Needs `pip install -c constraints.txt -r benchmarks/requirements.txt` for trl.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import banking77
import numpy as np
from lora import ALPHA, RANK, RATE, chat, samples, sft

from steelyard.model import huggingface as hf
from steelyard.model.embedded import weights_folder
from steelyard.train import packing
from steelyard.train.base import ChatSample
from steelyard.train.config import LoraOptions
from steelyard.train.trainer import Trainer

LONG_STEP = 8192
DTYPES = ("float32", "bfloat16")
Rows = list[tuple[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv, test.csv")
    parser.add_argument("--lengths", type=int, nargs="+", default=[32, 128, 512, 1024])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    args = parser.parse_args()
    bank = banking77.read(args.data)
    hf.best_settings(str(weights_folder()))
    print("| tokens an example | batch | ours, s | trl, s | its weights | times |")
    print("|---" * 6 + "|")
    for length in args.lengths:
        for batch in args.batches:
            steps = 4 if length * batch <= LONG_STEP else 2
            rows = list(of_length(bank.train, length, batch * steps))
            ours = ours_seconds(rows, batch)
            theirs, dtype = min((trl_seconds(rows, batch, dtype), dtype) for dtype in DTYPES)
            line = f"{ours:.2f} | {theirs:.2f} | {dtype} | {theirs / ours:.1f}"
            print(f"| {length} | {batch} | {line} |", flush=True)


def of_length(texts: Rows, length: int, count: int) -> Iterator[tuple[str, str]]:
    """Messages put together until an example has about ``length`` tokens."""
    around = samples([("", "label")])[0].length
    tokenizer = hf.read_tokenizer(str(weights_folder()))
    for number in range(count):
        words: list[int] = []
        place, label = number, texts[number % len(texts)][1]
        while len(words) < length - around:
            words += tokenizer(" " + texts[place % len(texts)][0])["input_ids"]
            place += count
        yield tokenizer.decode(words[: max(1, length - around)]).strip(), label


def ours_seconds(rows: Rows, batch: int) -> float:
    options = LoraOptions(rank=RANK, alpha=ALPHA, batch_size=batch, max_epochs=1)
    trainer = Trainer(hf.read_network(str(weights_folder()), "float32"), options, 0, "bfloat16")
    data = samples(rows)
    prefix = packing.shared_prompt(data) if len(data) > 1 else 0
    seconds = []
    for step in range(len(rows) // batch):
        start = time.perf_counter()
        trainer.step(data[step * batch : (step + 1) * batch], prefix, RATE)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[1:]))


def trl_seconds(rows: Rows, batch: int, dtype: str) -> float:
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.ends: list[float] = []

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.ends.append(time.perf_counter())

    clock = Clock()
    settings = {"per_device_train_batch_size": batch, "max_steps": len(rows) // batch, "bf16": True}
    chats = [ChatSample(chat(text), label) for text, label in rows]
    with tempfile.TemporaryDirectory() as folder:
        sft(chats, Path(folder), settings, dtype, callbacks=[clock])
    return float(np.median(np.diff(clock.ends)))  # the first step has no end before it


if __name__ == "__main__":
    main()
