"""Peak memory and time of a few training steps of one kind, on the embedded model or another.

    python benchmarks/tuning_memory.py full_fine_tuning --steps 5 [--model FOLDER]

A process measures one kind, because its peak is that of the whole process.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import torch

from steelyard.families import STRATEGIES
from steelyard.model import huggingface as hf
from steelyard.model.embedded import weights_folder
from steelyard.train.packing import TokenSample
from steelyard.train.trainer import Trainer

TOKENS, LEARNT, BATCH = 80, 10, 8


def peak_bytes() -> int:
    """The most that this process has held in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["lora", "rslora", "dora", "lora_plus", "full_fine_tuning"])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument(
        "--precision", choices=["float32", "bfloat16"], help="default: what is faster here"
    )
    parser.add_argument(
        "--model", type=Path, help="a folder of weights; default: the embedded model"
    )
    words = parser.parse_args()
    source = str(words.model or weights_folder())
    precision = words.precision or hf.best_settings(source).precision
    before = peak_bytes()
    options = STRATEGIES.get(words.kind)(batch_size=BATCH).config
    network = hf.read_network(source, "float32")
    weights = network.num_parameters()
    trainer = Trainer(network, options, 0, precision, lambda: None)
    rows = torch.randint(100, 40_000, (BATCH, TOKENS), generator=torch.Generator().manual_seed(0))
    samples = [TokenSample(tuple(r[:-LEARNT]), tuple(r[-LEARNT:])) for r in rows.tolist()]
    seconds = []
    for _ in range(words.steps):
        start = time.perf_counter()
        trainer.step(samples, 0, 1e-5)
        seconds.append(time.perf_counter() - start)
    peak = peak_bytes()
    learns = sum(value.numel() for value in trainer.values().values())
    print(
        f"{words.kind}: {learns:,} of {weights:,} weights learn, computed in {precision}; "
        f"peak {peak / 1e9:.2f} GB, {(peak - before) / 1e9:.2f} GB of it for training, "
        f"{(peak - before) / weights:.1f} bytes a weight; {min(seconds):.2f} s a step of "
        f"{BATCH} x {TOKENS} tokens"
    )


if __name__ == "__main__":
    main()
