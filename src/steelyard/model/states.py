"""What a network makes of a text: the mean of its last hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BATCH_TOKENS = 4096  # with padding; larger batches are no faster on a CPU


class MeanStates:
    """Averages the last states of ``network``, one without an output head, over the tokens of a text."""

    def __init__(self, network: Any, tokenizer: Any, most_tokens: int) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._most_tokens = most_tokens

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors; the end of a text longer than ``most_tokens`` is not read."""
        import torch

        result = np.zeros((len(texts), self._network.config.hidden_size), dtype=np.float32)
        with torch.inference_mode():
            for indices, tokens in self._batches(texts):
                result[indices] = self._encode(tokens)
        return result

    def count_cut(self, texts: Sequence[str]) -> int:
        """How many of the texts are longer than what is read of them."""
        tokens = (
            self._tokenizer(list(texts), split_special_tokens=True)["input_ids"] if texts else []
        )
        return sum(len(ids) > self._most_tokens for ids in tokens)

    def _batches(self, texts: Sequence[str]) -> list[tuple[list[int], list[list[int]]]]:
        """Return indices and tokens, texts of similar length together, within `_BATCH_TOKENS`."""
        if not texts:
            return []
        tokens = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self._most_tokens,
            split_special_tokens=True,  # "[SEP]" in a text is text
        )["input_ids"]
        batches: list[tuple[list[int], list[list[int]]]] = []
        for index in sorted(range(len(tokens)), key=lambda index: (-len(tokens[index]), index)):
            longest = len(batches[-1][1][0]) if batches else 0
            if not batches or longest * (len(batches[-1][0]) + 1) > _BATCH_TOKENS:
                batches.append(([], []))
            batches[-1][0].append(index)
            batches[-1][1].append(tokens[index])
        return batches

    def _encode(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        import torch

        width = max(1, len(tokens[0]))  # the longest comes first
        ids = torch.full((len(tokens), width), self._tokenizer.pad_token_id)
        mask = torch.zeros((len(tokens), width), dtype=torch.long)
        mask[:, 0] = 1  # a text without a token is one of padding
        for row, text_ids in enumerate(tokens):
            ids[row, : len(text_ids)] = torch.tensor(text_ids, dtype=torch.long)
            mask[row, : len(text_ids)] = 1
        device = next(self._network.parameters()).device
        ids, mask = ids.to(device), mask.to(device)
        states = self._network(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weights = mask.unsqueeze(-1).to(states.dtype)
        means = (states * weights).sum(1) / weights.sum(1).clamp(min=1)
        vectors: NDArray[np.float32] = torch.nn.functional.normalize(means, dim=1).cpu().numpy()
        return vectors
