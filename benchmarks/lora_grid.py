"""Seconds of a LoRA step against trl's SFTTrainer, by the length of the examples and the batch.

    python benchmarks/lora_grid.py --data FOLDER_OF_BANKING77 [--lengths 32 128 512 1024] [--batches 1 8 32]

Both train rank 16 on all linear layers of the embedded model in bf16, with the loss on the answer alone; trl
with its default head on completion tokens, and its weights in fp32 or in bf16, whichever is faster in the
cell. Examples are banking77 messages put together to the length, all under one short instruction; answers are
labels. Of every cell the first step warms up and the median of the others counts: three, or one where a step
has more than 8,192 tokens. Each side of a cell runs in a process of its own, whose peak memory stands in the
table; one that the system ends for want of memory is "out of memory". Needs `pip install -c constraints.txt
-r benchmarks/requirements.txt` for trl.
"""

from __future__ import annotations

import argparse
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

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


class Cost(NamedTuple):
    """Seconds of a step (infinite: out of memory), and the process's peak in GB."""

    seconds: float
    peak: float
    who: str

    def __str__(self) -> str:
        return f"{self.seconds:.2f} ({self.peak:.1f} GB)" if self.peak else "out of memory"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv, test.csv")
    parser.add_argument("--lengths", type=int, nargs="+", default=[32, 128, 512, 1024])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--who", choices=["steelyard", *DTYPES], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.who:
        one(args.data, args.lengths[0], args.batches[0], args.who)
        return
    print("| tokens an example | batch | ours, s | trl, s | its weights | times |")
    print("|---" * 6 + "|")
    for length in args.lengths:
        for batch in args.batches:
            ours, *theirs = (cost(args.data, length, batch, who) for who in ("steelyard", *DTYPES))
            best = min(theirs)
            times = f"{best.seconds / ours.seconds:.1f}" if best.peak else "–"
            print(f"| {length} | {batch} | {ours} | {best} | {best.who} | {times} |", flush=True)


def cost(data: Path, length: int, batch: int, who: str) -> Cost:
    cell = ["--data", str(data), "--lengths", str(length), "--batches", str(batch), "--who", who]
    done = subprocess.run([sys.executable, __file__, *cell], stdout=subprocess.PIPE, text=True)
    if done.returncode == -signal.SIGKILL:
        return Cost(float("inf"), 0, who)
    done.check_returncode()
    seconds, peak = done.stdout.split()[-2:]
    return Cost(float(seconds), float(peak), who)


def one(data: Path, length: int, batch: int, who: str) -> None:
    """Print the seconds and the peak of one side of a cell."""
    hf.best_settings(str(weights_folder()))
    steps = 4 if length * batch <= LONG_STEP else 2
    rows = list(of_length(banking77.read(data).train, length, batch * steps))
    seconds = ours_seconds(rows, batch) if who == "steelyard" else trl_seconds(rows, batch, who)
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)


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
