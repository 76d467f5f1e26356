"""Any causal network through transformers' own ``generate``: slower, for what the engine cannot drive."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from steelyard.core import Completion, Request
from steelyard.model.base import OnDone, sampling_seed
from steelyard.model.engine.guide import Guide
from steelyard.model.local import LocalModel


class PlainModel(LocalModel):
    """Batches of padded prompts, nothing shared. The reference that the engine is tested against."""

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        results: list[Completion | None] = [None] * len(requests)
        prompts = self.prompts(requests)
        fitting = self._refuse_too_long(requests, prompts, results, skip, on_done)
        keyed = sorted(
            fitting,
            key=lambda i: (requests[i].choices, requests[i].schema or "", len(prompts[i]), i),
        )
        size = self.settings.rows
        for begin in range(0, len(keyed), size):
            for group in _alike(
                [i for i in keyed[begin : begin + size] if i not in skip], requests
            ):
                answers = self._run(group, requests, prompts)
                for index, completion in answers:
                    results[index] = completion
                if on_done is not None:
                    on_done(answers)
        return results

    @torch.inference_mode()
    def _run(
        self, group: list[int], requests: Sequence[Request], prompts: list[list[int]]
    ) -> list[tuple[int, Completion]]:
        start = time.perf_counter()
        first = requests[group[0]]
        width = max(len(prompts[i]) for i in group)
        pad = self.tokenizer.pad_token_id
        device = self.network.device
        ids = torch.tensor(
            [[pad] * (width - len(prompts[i])) + prompts[i] for i in group], device=device
        )
        mask = torch.tensor(
            [[0] * (width - len(prompts[i])) + [1] * len(prompts[i]) for i in group], device=device
        )
        options: dict[str, Any] = {
            "do_sample": first.temperature > 0,
            "max_new_tokens": first.max_output_tokens,
        }
        if first.temperature > 0:
            torch.manual_seed(sampling_seed(first))
            options["temperature"] = first.temperature
        if first.choices:
            options["prefix_allowed_tokens_fn"] = self._allowed(first.choices, width)
            options["max_new_tokens"] = max(map(len, self.choice_paths(first.choices)))
        if first.schema:
            guides = [self._guides.start(first.schema) for _ in group]
            options["logits_processor"] = [_guided(guides, width)]
        output = self.network.generate(
            input_ids=ids,
            attention_mask=mask,
            eos_token_id=sorted(self.end_tokens),
            pad_token_id=pad,
            **options,
        )
        seconds = time.perf_counter() - start
        return [
            (
                i,
                self._plain(
                    requests[i], len(prompts[i]), row[width:].tolist(), seconds, len(group)
                ),
            )
            for i, row in zip(group, output, strict=True)
        ]

    def _plain(
        self, request: Request, input_tokens: int, output: list[int], seconds: float, batch: int
    ) -> Completion:
        ends = [place for place, token in enumerate(output) if token in self.end_tokens]
        tokens = output[: ends[0]] if ends else output
        text = self.decoded(tokens, is_free=not (request.choices or request.schema))
        for stop in request.stop:
            text = text.partition(stop)[0]
        return Completion(
            text=text,
            finish_reason="choice" if request.choices else "stop" if ends else "length",
            input_tokens=input_tokens,
            output_tokens=len(tokens),
            first_token_seconds=seconds,
            total_seconds=seconds,
            batch_size=batch,
        )

    def _allowed(self, choices: tuple[str, ...], width: int) -> Callable[[int, Any], list[int]]:
        paths = self.choice_paths(choices)

        def allowed(_row: int, tokens: Any) -> list[int]:
            output = tuple(tokens[width:].tolist())
            following = {
                p[len(output)] for p in paths if len(p) > len(output) and p[: len(output)] == output
            }
            return sorted(following) or [paths[0][-1]]

        return allowed


def _guided(guides: Sequence[Guide], width: int) -> Callable[[Any, Any], Any]:
    """Hold each row of a batch to its guide; a row that has ended is left to its padding."""

    def process(tokens: Any, scores: Any) -> Any:
        if tokens.shape[1] > width:
            for guide, token in zip(guides, tokens[:, -1].tolist(), strict=True):
                guide.follow(token)
        return torch.stack([guide.mask(row) for guide, row in zip(guides, scores, strict=True)])

    return process


def _alike(group: list[int], requests: Sequence[Request]) -> list[list[int]]:
    """Split a batch where requests differ in what ``generate`` takes once for all of them."""
    kinds: dict[Any, list[int]] = {}
    for index in group:
        r = requests[index]
        # A batch has one stream of random numbers: what is sampled is asked alone.
        seed = sampling_seed(r) if r.temperature > 0 else None
        kind = (r.choices, r.schema, r.max_output_tokens, r.temperature, seed)
        kinds.setdefault(kind, []).append(index)
    return list(kinds.values())
