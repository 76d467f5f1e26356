"""Which states of the embedded model a linear head should read, and how they should be scaled.

    python benchmarks/head_states.py TASK...

Each TASK is a folder with task.yaml of labels. Every setting is fitted on train, its ``c`` is chosen on
dev, and dev and test accuracy are printed: the sentence encoder's vectors, and states of the model after
some layers, averaged over tokens or of the last token, standardised or at unit length.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from steelyard import load_task
from steelyard.core import Example
from steelyard.model.embedded import weights_folder
from steelyard.model.encoder import SentenceEncoder
from steelyard.model.huggingface import read_network, read_tokenizer
from steelyard.planning.options import RunOptions
from steelyard.planning.plan import make_plan
from steelyard.strategy.linear import Linear, fit_linear

LAYERS = (10, 15, 20, 30)
MANY = 20
TOKENS = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", type=Path, nargs="+")
    torch.set_num_threads(1)
    encoder, source = SentenceEncoder.load(), str(weights_folder())
    network, tokenizer = read_network(source, torch.float32).base_model, read_tokenizer(source)
    for folder in parser.parse_args().tasks:
        task = load_task(folder).updated(strategies=["majority"])
        split = make_plan(task, RunOptions(seed=0)).split
        states: list[dict[str, Any]] = []
        for part in split:
            texts = [example.input for example in part]
            states.append({"encoder": encoder.encode(texts), **read(network, tokenizer, texts)})
        for name in states[0]:
            for line in compared(split, [part[name] for part in states]):
                print(f"{folder.name}: {name}, {line}", flush=True)


@torch.inference_mode()
def read(network: Any, tokenizer: Any, texts: Sequence[str]) -> Mapping[str, Any]:
    """Return (texts, width) states by layer and pooling."""
    rows: dict[str, list[Any]] = {}
    for text in texts:
        ids = torch.tensor([tokenizer(text)["input_ids"][:TOKENS]])
        hidden = network(input_ids=ids, output_hidden_states=True).hidden_states
        for layer in LAYERS:
            rows.setdefault(f"layer {layer}, mean", []).append(hidden[layer][0].mean(0).numpy())
            rows.setdefault(f"layer {layer}, last token", []).append(hidden[layer][0, -1].numpy())
    return {name: np.array(row, dtype=np.float64) for name, row in rows.items()}


def compared(split: Sequence[Sequence[Example]], parts: Sequence[Any]) -> Iterator[str]:
    """Yield a line for each scaling."""
    outputs = [[example.output for example in part] for part in split]
    loss = "svm" if len(set(outputs[0])) > MANY else "logistic"
    mean, spread = parts[0].mean(0), parts[0].std(0) + 1e-9
    scaled = {
        "standardised": ((0.001, 0.01, 0.1), [(part - mean) / spread for part in parts]),
        "unit length": (
            (1, 10, 100),
            [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts],
        ),
    }
    for name, (grid, (train, dev, test)) in scaled.items():
        heads = [fit_linear(loss, c, train, outputs[0], 0) for c in grid]
        best = max(heads, key=lambda head, dev=dev: right(head, dev, outputs[1]))
        yield (
            f"{name}: dev {right(best, dev, outputs[1]):.3f}, "
            f"test {right(best, test, outputs[2]):.3f}"
        )


def right(head: Linear, states: Any, outputs: Sequence[str]) -> float:
    """The share of outputs that the head gives."""
    answers = [one.output for one in head.predictions(head.scores(states))]
    return float(np.mean([a == o for a, o in zip(answers, outputs, strict=True)]))


if __name__ == "__main__":
    main()
