"""Run one batch: prefill what each request has of its own, then decode, freely or along a trie."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from steelyard.model.engine.attention import IMPLEMENTATION, AttentionStep
from steelyard.model.engine.cache import CacheMemory, CacheRows, CacheShape, Prefix
from steelyard.model.engine.guide import Guide, GuideStep
from steelyard.model.engine.trie import Node, forced_path


@dataclass(frozen=True)
class PendingPrompt:
    """One request as tokens: ``tokens`` follow the shared prefix.

    ``root`` constrains the answer to choices; ``guide`` follows it through a grammar, for one run.
    """

    tokens: tuple[int, ...]
    max_output_tokens: int
    root: Node | None = None
    temperature: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stopped: Callable[[list[int]], bool] | None = None
    guide: Guide | None = None


@dataclass
class AnswerState:
    """Where one job stands. ``pending`` tokens are chosen but not yet computed."""

    job: PendingPrompt
    pending: list[int]
    node: Node | None = None
    output: list[int] = field(default_factory=list)
    probability: float = 1.0
    probabilities: dict[str, float] = field(default_factory=dict)
    finish: str | None = None
    generator: torch.Generator | None = None
    first_token_seconds: float | None = None


class Runner:
    """Drives one network over packed tokens. Not thread safe: it holds one batch at a time."""

    def __init__(
        self, network: Any, shape: CacheShape, end_tokens: frozenset[int], prefill_tokens: int
    ) -> None:
        self.network = network
        self.shape = shape
        self.memory = CacheMemory(shape)
        self.end_tokens = end_tokens
        self.prefill_tokens = prefill_tokens

    @torch.inference_mode()
    def fill(self, tokens: Sequence[int]) -> Prefix:
        prefix = Prefix(tuple(tokens))
        if tokens:
            positions = list(range(len(tokens)))
            self._forward(list(tokens), positions, [len(tokens) - 1], AttentionStep(fill=prefix))
        return prefix

    @torch.inference_mode()
    def run(self, prefix: Prefix, jobs: Sequence[PendingPrompt]) -> list[AnswerState]:
        """Answer ``jobs``; the result has their order. Greedy unless a job has a temperature."""
        start = time.perf_counter()
        states = [_begin(job) for job in jobs]
        cache = CacheRows(self.memory, len(jobs), max(_room(state) for state in states))
        active = list(states)
        logits = self._prefill(prefix, cache, active)
        while True:
            self._choose(active, logits)
            for state in active:
                if state.first_token_seconds is None:
                    state.first_token_seconds = time.perf_counter() - start
            active, cache = _compact(active, cache)
            if not any(state.finish is None for state in active):
                return states
            logits = self._extend(prefix, cache, active, 0, fresh=False)

    @torch.inference_mode()
    def probe(self, prefix: Prefix, jobs: Sequence[PendingPrompt]) -> torch.Tensor:
        """Return the logits after each job's own tokens, ``[jobs, vocabulary]``."""
        states = [_begin(job) for job in jobs]
        cache = CacheRows(self.memory, len(jobs), max(len(state.pending) for state in states))
        return self._prefill(prefix, cache, states)

    def _prefill(self, prefix: Prefix, cache: CacheRows, states: list[AnswerState]) -> torch.Tensor:
        """Fill the rows in pieces of at most ``prefill_tokens`` tokens (the best size for caches)."""
        logits, begin = [], 0
        while begin < len(states):
            end, tokens = begin, 0
            while end < len(states) and (
                end == begin or tokens + len(states[end].pending) <= self.prefill_tokens
            ):
                tokens += len(states[end].pending)
                end += 1
            logits.append(self._extend(prefix, cache, states[begin:end], begin, fresh=True))
            begin = end
        return torch.cat(logits)

    def _extend(
        self,
        prefix: Prefix,
        cache: CacheRows,
        states: list[AnswerState],
        first_row: int,
        *,
        fresh: bool,
    ) -> torch.Tensor:
        """Append each state's pending tokens to its row; returns the logits after the last, ``[rows, V]``."""
        new = [state.pending if state.finish is None else [0] for state in states]
        lengths = cache.lengths[first_row : first_row + len(states)].tolist()
        device = self.shape.device
        row = [r for r, tokens in enumerate(new) for _ in tokens]
        column = [c for tokens in new for c in range(len(tokens))]
        slot = [lengths[r] + c for r, c in zip(row, column, strict=True)]
        slots = max(slot) + 1
        cache.reserve(slots)
        step = AttentionStep(
            prefix=prefix,
            cache=cache,
            first_row=first_row,
            rows_here=len(states),
            width=max(map(len, new)),
            slots=slots,
            row=torch.tensor(row, device=device),
            column=torch.tensor(column, device=device),
            slot=torch.tensor(slot, device=device),
            fresh=fresh,
        )
        if not fresh:
            step.mask = self._mask(lengths, step)
        ends, total = [], 0
        for tokens in new:
            total += len(tokens)
            ends.append(total - 1)
        positions = [len(prefix) + place for place in slot]
        logits = self._forward([t for tokens in new for t in tokens], positions, ends, step)
        added = torch.tensor([len(tokens) for tokens in new], device=device)
        cache.lengths[first_row : first_row + len(states)] += added
        return logits

    def _mask(self, lengths: list[int], step: AttentionStep) -> torch.Tensor:
        """Additive mask ``[rows, 1, width, slots]``: a new token sees its row up to itself."""
        device = self.shape.device
        last = torch.tensor(lengths, device=device)[:, None] + torch.arange(
            step.width, device=device
        )
        hidden = torch.arange(step.slots, device=device) > last[:, :, None]
        mask = torch.zeros(hidden.shape, dtype=self.shape.dtype, device=device)
        return mask.masked_fill_(hidden, float("-inf")).unsqueeze(1)

    def _forward(
        self, tokens: list[int], positions: list[int], keep: list[int], step: AttentionStep
    ) -> torch.Tensor:
        """Run the network over packed tokens; the output head only on the positions in ``keep``."""
        device = self.shape.device
        assert self.network.config._attn_implementation == IMPLEMENTATION
        output = self.network(
            input_ids=torch.tensor([tokens], device=device),
            position_ids=torch.tensor([positions], device=device),
            use_cache=False,
            logits_to_keep=torch.tensor(keep, device=device),
            step=step,
        )
        return output.logits[0].float()  # type: ignore[no-any-return]

    def _choose(self, states: list[AnswerState], logits: torch.Tensor) -> None:
        """Give every unfinished state its next pending tokens, or its finish."""
        greedy = logits.argmax(dim=-1).tolist()
        for state, scores, best in zip(states, logits, greedy, strict=True):
            if state.finish is not None:
                continue
            if state.node is not None:
                _descend(state, scores)
                continue
            guide = state.job.guide
            if guide is not None:
                scores = guide.mask(scores)
                best = int(scores.argmax())
            token = best if state.job.temperature <= 0 else _sample(state, scores)
            self._append(state, token)
            if guide is not None:
                self._follow(state, guide.take(token))

    def _append(self, state: AnswerState, token: int) -> None:
        if token in self.end_tokens:
            state.finish = "stop"
            return
        state.output.append(token)
        state.pending = [token]
        if state.job.stopped is not None and state.job.stopped(state.output):
            state.finish = "stop"
        elif len(state.output) >= state.job.max_output_tokens:
            state.finish = "length"

    def _follow(self, state: AnswerState, step: GuideStep) -> None:
        """Add what the grammar forces after a token; an answer that is complete needs no end token."""
        if state.finish == "stop":
            return
        room = state.job.max_output_tokens - len(state.output)
        forced = step.forced[: max(room, 0)]
        state.output += forced
        state.pending = [*state.pending, *forced]
        if len(forced) == len(step.forced) and step.is_complete:
            state.finish = "stop"
        elif len(state.output) >= state.job.max_output_tokens:
            state.finish = "length"


def _room(state: AnswerState) -> int:
    """Slots to begin with: short answers fit, long ones make the row grow on the way."""
    return len(state.pending) + min(32, state.job.max_output_tokens)


def _begin(job: PendingPrompt) -> AnswerState:
    state = AnswerState(job, list(job.tokens))
    if job.root is not None:
        forced, state.node = forced_path(job.root)
        state.pending += forced
        state.output += forced
        if state.node.choice is not None:
            state.finish = "choice"
            state.probabilities[state.node.choice] = 1.0
            state.first_token_seconds = 0.0
    if job.guide is not None:
        begun = job.guide.begin()
        forced = begun.forced[: job.max_output_tokens]
        state.pending += forced
        state.output += forced
        if begun.is_complete and forced == begun.forced:
            state.finish, state.first_token_seconds = "stop", 0.0
        elif len(forced) == job.max_output_tokens:
            state.finish, state.first_token_seconds = "length", 0.0
    if job.temperature > 0:
        state.generator = torch.Generator().manual_seed(job.seed or 0)
    return state


def _sample(state: AnswerState, scores: torch.Tensor) -> int:
    weights = torch.softmax(scores.cpu() / state.job.temperature, dim=-1)
    return int(torch.multinomial(weights, 1, generator=state.generator))


def _descend(state: AnswerState, scores: torch.Tensor) -> None:
    """Take the likelier branch, or sample one at the job's temperature.

    A branch left behind that leads to one choice gets its probability, which is the model's at
    temperature 1 whatever the job's.
    """
    assert state.node is not None
    tokens = list(state.node.children)
    weights = torch.softmax(scores[tokens], dim=-1).tolist()
    if state.job.temperature > 0:
        best = _sample(state, scores[tokens])
    else:
        best = max(range(len(tokens)), key=lambda i: weights[i])
    for token, weight in zip(tokens, weights, strict=True):
        choice = state.node.children[token].choice
        if choice is not None:
            state.probabilities[choice] = state.probability * weight
    state.probability *= weights[best]
    forced, node = forced_path(state.node.children[tokens[best]])
    state.pending = [tokens[best], *forced]
    state.output += state.pending
    state.node = node
    if node.choice is not None:
        state.finish = "choice"
        state.probabilities[node.choice] = state.probability


def _compact(states: list[AnswerState], cache: CacheRows) -> tuple[list[AnswerState], CacheRows]:
    """Drop finished rows once they are a third of all: dropping copies what stays."""
    going = [i for i, state in enumerate(states) if state.finish is None]
    if going and 3 * len(going) <= 2 * len(states):
        cache.keep(torch.tensor(going, device=cache.lengths.device))
        states = [states[i] for i in going]
    return states, cache
