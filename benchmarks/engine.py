"""Time the local engine against its peers on prompts that share a long prefix, in one process.

Usage: python benchmarks/engine.py --data FOLDER_OF_BANKING77 [--items 100] [--only NAME …]
Needs `pip install -c constraints.txt -r benchmarks/requirements.txt` for the peers.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import banking77
import torch

from steelyard.core import Request
from steelyard.model import ModelSpec
from steelyard.model import huggingface as hf
from steelyard.model.embedded import find_gguf, weights_folder
from steelyard.model.engine.tune import matrix_rate, tuned
from steelyard.model.local import EngineSettings, LocalModel
from steelyard.model.plain import PlainModel

NEW_TOKENS = 12
Run = Callable[[], list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv, test.csv")
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument(
        "--repeats", type=int, default=3, help="of the fast ones; the median counts"
    )
    parser.add_argument("--only", nargs="*", default=[], help="parts of the names to run")
    parser.add_argument("--json", type=Path, help="write the rows there")
    args = parser.parse_args()
    bank = banking77.read(args.data)
    chats = banking77.one_shot_chats(bank, args.items)
    gold = [label for _, label in bank.test[: args.items]]
    rows = []
    for name, make, repeats in contestants(bank, chats, args.repeats):
        if args.only and not any(part in name for part in args.only):
            continue
        run = make()
        if repeats > 1:
            run()  # warm-up
        seconds, answers = timed(run, repeats)
        right = sum(a.strip() == g for a, g in zip(answers, gold, strict=True))
        rows.append({"name": name, "seconds": round(seconds, 2), "right": right})
        print(f"{name:44s} {seconds:8.2f} s   {right:3d} right of {len(gold)}", flush=True)
    floor = floor_report(chats, args.items)
    print(json.dumps(floor, indent=2))
    if args.json:
        args.json.write_text(json.dumps({"rows": rows, "floor": floor}, indent=2), encoding="utf-8")


def timed(run: Run, repeats: int) -> tuple[float, list[str]]:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        answers = run()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2], answers


def contestants(
    bank: banking77.Bank, chats: list[Any], repeats: int
) -> list[tuple[str, Callable[[], Run], int]]:
    """Name, how to make it ready, and how often it is timed."""
    labels = tuple(bank.labels)
    ours: list[tuple[str, Callable[[], Run], int]] = []
    for precision in ("float32", "bfloat16"):
        for kind, choices in (("free", ()), ("constrained", labels)):
            ours.append(
                (
                    f"steelyard, {precision}, {kind}",
                    lambda p=precision, c=choices: steelyard(chats, p, c),
                    repeats,
                )
            )
    return [
        *ours,
        ("llama.cpp Q4_1, prefix reused", lambda: llama_cpp(chats), repeats),
        ("plain generate, float32, batches of 16", lambda: plain(chats), 1),
        ("lm-evaluation-harness, float32, batches of 16", lambda: harness(chats), 1),
    ]


def steelyard(chats: list[Any], precision: Any, choices: tuple[str, ...]) -> Run:
    source = str(weights_folder())
    spec = ModelSpec("embedded", "smollm2-135m")
    model = hf.assemble(spec, source, "bench", EngineSettings(precision), "bench")
    requests = [Request(chat, max_output_tokens=NEW_TOKENS, choices=choices) for chat in chats]

    def run() -> list[str]:
        assert isinstance(model, LocalModel)
        model.forget()  # the prefix is computed in every timed run
        return [done.text for done in model.generate(requests) if done is not None]

    return run


def plain(chats: list[Any]) -> Run:
    source = str(weights_folder())
    network, tokenizer = hf.read_network(source, torch.float32), hf.read_tokenizer(source)
    model = PlainModel("plain", "plain", network, tokenizer, EngineSettings(rows=16))
    requests = [Request(chat, max_output_tokens=NEW_TOKENS) for chat in chats]
    return lambda: [done.text for done in model.generate(requests) if done is not None]


def texts(chats: list[Any]) -> list[str]:
    from steelyard.model.prompts import PromptWriter

    writer = PromptWriter(hf.read_tokenizer(str(weights_folder())))
    return [writer.text(chat) for chat in chats]


def llama_cpp(chats: list[Any]) -> Run:
    from llama_cpp import Llama

    model = Llama(
        str(find_gguf()), n_ctx=2048, n_threads=torch.get_num_threads(), n_batch=512, verbose=False
    )
    prompts = texts(chats)

    def run() -> list[str]:
        model.reset()
        return [
            model(prompt, max_tokens=NEW_TOKENS, temperature=0.0, stop=["<|im_end|>"])["choices"][
                0
            ]["text"]
            for prompt in prompts
        ]

    return run


def harness(chats: list[Any]) -> Run:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    source = str(weights_folder())
    model = HFLM(pretrained=source, device="cpu", dtype="float32", batch_size=16)
    options = {"until": ["<|im_end|>"], "max_gen_toks": NEW_TOKENS, "do_sample": False}
    requests = [
        Instance("generate_until", {}, (prompt, dict(options)), i)
        for i, prompt in enumerate(texts(chats))
    ]
    return lambda: model.generate_until(requests, disable_tqdm=True)


def floor_report(chats: list[Any], items: int) -> dict[str, Any]:
    """The least time: operations that no engine can avoid, over the measured matrix rate.

    Counted are the products of the prefix once, of each item's own tokens and of the tokens it
    answers with, and attention to the prefix; not counted are memory, softmax and everything else.
    """
    from steelyard.model.prompts import PromptWriter

    source = str(weights_folder())
    network, tokenizer = hf.read_network(source, torch.float32), hf.read_tokenizer(source)
    config = network.config
    prompts = PromptWriter(tokenizer).tokens(chats)
    prefix = next(i for i, column in enumerate(zip(*prompts, strict=False)) if len(set(column)) > 1)
    own = sum(len(prompt) - prefix for prompt in prompts)
    answers = NEW_TOKENS * items * 0.65  # mean answer of 7.8 tokens
    body = sum(p.numel() for p in network.parameters()) - network.lm_head.weight.numel()
    head = network.lm_head.weight.numel()
    attention = 4 * config.num_hidden_layers * config.num_attention_heads * config.head_dim * prefix
    tokens = prefix + own + answers
    operations = 2 * body * tokens + attention * (own + answers) + 2 * head * (items + answers)
    rates = {
        str(dtype).removeprefix("torch."): matrix_rate(
            config.hidden_size, config.intermediate_size, dtype
        )
        for dtype in (torch.float32, torch.bfloat16)
    }
    return {
        "prefix_tokens": prefix,
        "own_tokens_mean": own / items,
        "operations": operations,
        "matrix_rate": rates,
        "floor_seconds": {name: operations / rate for name, rate in rates.items()},
        "chosen": tuned(config.hidden_size, config.intermediate_size)["precision"],
    }


if __name__ == "__main__":
    main()
