"""Time one epoch of LoRA against trl's SFTTrainer on the same examples, and compare dev quality.

Usage: python benchmarks/lora.py --data FOLDER_OF_BANKING77 [--examples 200] [--only NAME …]
Needs `pip install -c constraints.txt -r benchmarks/requirements.txt` for trl.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import banking77
import torch

from steelyard.core import Message, Request
from steelyard.model import ModelSpec
from steelyard.model import huggingface as hf
from steelyard.model.embedded import weights_folder
from steelyard.model.engine.tune import matrix_rate
from steelyard.model.local import EngineSettings
from steelyard.model.prompts import PromptWriter
from steelyard.train import packing
from steelyard.train.base import ChatSample
from steelyard.train.config import LoraOptions
from steelyard.train.packing import TokenSample
from steelyard.train.trainer import Trainer

RATE, BATCH, RANK, ALPHA = 1e-3, 8, 16, 32
SYSTEM = "Give the label."
DEV_ITEMS = 200


class Outcome(NamedTuple):
    """Seconds of the epoch alone, and the adapter it left."""

    seconds: float
    adapter: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv, test.csv")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--only", nargs="*", default=[], help="parts of the names to run")
    parser.add_argument("--json", type=Path, help="write the rows there")
    args = parser.parse_args()
    bank = banking77.read(args.data)
    rows = bank.train[: args.examples]
    hf.best_settings(str(weights_folder()))
    results = []
    print(f"{len(rows)} examples, {sum(s.length for s in samples(rows))} tokens, batch {BATCH}")
    for name, train in contestants().items():
        if args.only and not any(part in name for part in args.only):
            continue
        with tempfile.TemporaryDirectory() as folder:
            outcome = train(rows, Path(folder))
            right = dev_quality(bank, outcome.adapter)
        results.append({"name": name, "seconds": round(outcome.seconds, 1), "right": right})
        print(f"{name:52s} {outcome.seconds:7.1f} s   {right} right of {DEV_ITEMS}", flush=True)
    print(floor(samples(rows)))
    if args.json:
        args.json.write_text(json.dumps(results, indent=2), encoding="utf-8")


def floor(data: list[TokenSample]) -> str:
    """The least time of the epoch: the operations of its matrix products, over the measured rate in bf16.

    Forward and back through frozen weights, four for each linear weight and token, with the shared prompt
    once a step, and the head on what is learnt; not counted are adapters, attention and everything else.
    """
    network = hf.read_network(str(weights_folder()), "float32")
    head = network.lm_head.weight.numel()
    layers = [layer for layer in network.model.modules() if isinstance(layer, torch.nn.Linear)]
    shared = packing.shared_prompt(data) * (len(data) - -(-len(data) // BATCH))
    tokens = sum(sample.length for sample in data) - shared
    learnt = sum(len(sample.completion) for sample in data)
    operations = 4 * (sum(layer.weight.numel() for layer in layers) * tokens + head * learnt)
    rate = matrix_rate(network.config.hidden_size, network.config.intermediate_size, torch.bfloat16)
    seconds = f"{operations / rate:.1f} s at {rate / 1e9:.0f} GFLOP/s in bfloat16"
    return f"floor: {tokens:,} tokens, {operations / 1e12:.2f} TFLOP, {seconds}"


def contestants() -> dict[str, Callable[[list[tuple[str, str]], Path], Outcome]]:
    sorted_ = {"train_sampling_strategy": "group_by_length"}
    return {
        "steelyard, bfloat16": lambda rows, folder: steelyard(rows, folder, "bfloat16"),
        "steelyard, float32": lambda rows, folder: steelyard(rows, folder, "float32"),
        "trl, float32": lambda rows, folder: trl(rows, folder, {"bf16": False}),
        "trl, bfloat16, length-sorted": lambda rows, folder: trl(
            rows, folder, {"bf16": True, **sorted_}
        ),
        "trl, bfloat16 weights, length-sorted": lambda rows, folder: trl(
            rows, folder, {"bf16": True, **sorted_}, dtype="bfloat16"
        ),
    }


def chat(text: str) -> tuple[Message, ...]:
    return (Message("system", SYSTEM), Message("user", text))


def samples(rows: list[tuple[str, str]]) -> list[TokenSample]:
    tokenizer = hf.read_tokenizer(str(weights_folder()))
    writer = PromptWriter(tokenizer)
    prompts = writer.tokens([chat(text) for text, _ in rows])
    answers = writer.answer_tokens([label for _, label in rows])
    end = tokenizer.eos_token_id
    return [TokenSample(tuple(p), (*a, end)) for p, a in zip(prompts, answers, strict=True)]


def steelyard(rows: list[tuple[str, str]], folder: Path, precision: Any) -> Outcome:
    options = LoraOptions(rank=RANK, alpha=ALPHA, batch_size=BATCH, max_epochs=1)
    network = hf.read_network(str(weights_folder()), "float32")
    trainer = Trainer(network, options, seed=0, precision=precision)
    data = samples(rows)
    trainer.epoch(data[:16], data[:1], RATE)  # warm-up
    trainer.reset()
    start = time.perf_counter()
    trainer.epoch(data, data[:1], RATE)  # the loss on one example is all that dev costs here
    seconds = time.perf_counter() - start
    trainer.save(folder / "adapter")
    return Outcome(seconds, folder / "adapter")


def trl(
    rows: list[tuple[str, str]], folder: Path, options: dict[str, Any], dtype: str = "float32"
) -> Outcome:
    settings = {
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "learning_rate": RATE,
        "lr_scheduler_type": "linear",
        "warmup_steps": 2,
        "seed": 0,
        **options,
    }
    return sft([ChatSample(chat(text), label) for text, label in rows], folder, settings, dtype)


def sft(
    rows: Sequence[ChatSample],
    folder: Path,
    settings: dict[str, Any],
    dtype: str = "float32",
    callbacks: Sequence[Any] = (),
) -> Outcome:
    """Run trl's SFTTrainer with LoRA on ``rows``, on the CPU."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    source = str(weights_folder())
    data = Dataset.from_list(
        [
            {
                "prompt": [message._asdict() for message in row.messages],
                "completion": [{"role": "assistant", "content": row.output}],
            }
            for row in rows
        ]
    )
    config = SFTConfig(
        output_dir=str(folder / "trl"),
        use_cpu=True,
        gradient_checkpointing=False,
        completion_only_loss=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_strategy="no",
        **settings,
    )
    peft = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = SFTTrainer(
        model=hf.read_network(source, dtype),
        args=config,
        train_dataset=data,
        processing_class=hf.read_tokenizer(source),
        peft_config=peft,
        callbacks=list(callbacks),
    )
    start = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - start
    trainer.model.save_pretrained(str(folder / "adapter"))
    return Outcome(seconds, folder / "adapter")


def dev_quality(bank: banking77.Bank, adapter: Path) -> int:
    """Right answers of the merged model, constrained to the labels, on rows not trained on."""
    source = str(weights_folder())
    spec = ModelSpec("embedded", "smollm2-135m", adapter=str(adapter))
    model = hf.assemble(spec, source, "bench", EngineSettings("float32"), "bench")
    dev = bank.test[:DEV_ITEMS]
    done = model.generate([Request(chat(text), choices=tuple(bank.labels)) for text, _ in dev])
    return sum(c is not None and c.text == label for c, (_, label) in zip(done, dev, strict=True))


if __name__ == "__main__":
    main()
