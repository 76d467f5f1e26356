"""A model on this machine: transformers' network behind the shared-prefix engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

from steelyard.core import Completion, Message, Request
from steelyard.errors import ModelError
from steelyard.model.base import Model, OnDone, TextStates, sampling_seed
from steelyard.model.engine.attention import IMPLEMENTATION
from steelyard.model.engine.cache import CacheShape, Prefix
from steelyard.model.engine.guide import Guides
from steelyard.model.engine.plan import BatchBounds, plan_batches
from steelyard.model.engine.runner import AnswerState, PendingPrompt, Runner
from steelyard.model.engine.trie import Node, build_trie
from steelyard.model.prompts import PromptWriter, without_thought
from steelyard.model.states import MeanStates
from steelyard.model.thoughts import OpenThought, is_thought_mark


@dataclass(frozen=True)
class EngineSettings:
    """The engine settings that were fastest on this machine; see ``engine.tune``."""

    precision: Literal["float32", "bfloat16"] = "float32"
    threads: int | None = None
    rows: int = 64
    prefill_tokens: int = 768
    memory_bytes: int = 2 << 30


class LocalModel(Model):
    """Chat model over a loaded network. Answers are greedy unless a request has a temperature."""

    def __init__(
        self,
        name: str,
        fingerprint: str,
        network: Any,
        tokenizer: Any,
        settings: EngineSettings,
        note: str = "",
    ) -> None:
        self._name = name
        self.settings = settings
        self._note = note
        self._fingerprint = fingerprint
        self.network = network
        self.tokenizer = tokenizer
        self.writer = PromptWriter(tokenizer)
        self.end_tokens = end_tokens(network, tokenizer) | set(self.writer.turn_end[-1:])
        self._shape = cache_shape(network)
        self._runner = Runner(network, self._shape, self.end_tokens, settings.prefill_tokens)
        self._prefixes: dict[tuple[int, ...], Prefix] = {}
        self._tries: dict[tuple[str, ...], Node] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def local(self) -> bool:
        return True

    @property
    def facts(self) -> Mapping[str, Any]:
        facts = {
            "precision": self.settings.precision,
            "threads": self.settings.threads,
            "weights": self._note or None,
        }
        return {key: value for key, value in facts.items() if value is not None}

    @property
    def fingerprint(self) -> str:
        """Weights and precision: the same request may be answered differently in another precision."""
        return f"{self._fingerprint}:{self.settings.precision}"

    @property
    def context_tokens(self) -> int:
        return int(getattr(self.network.config, "max_position_embeddings", 1 << 30))

    def forget(self) -> None:
        """Drop the remembered prefixes: for measuring, and for memory."""
        self._prefixes.clear()

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text`` alone, without the chat template around it."""
        return len(self.writer.answer_tokens([text])[0])

    def count_chats(
        self, prompts: Sequence[tuple[Message, ...]], answers: Sequence[str]
    ) -> Sequence[int]:
        """See `Model.count_chats`: what is counted is what this model is tuned on."""
        writer = self._tuned_writer
        chats = zip(writer.tokens(prompts), writer.answer_tokens(answers), strict=True)
        end = len(writer.turn_end)
        return [len(prompt) + len(answer) + end for prompt, answer in chats]

    @cached_property
    def _tuned_writer(self) -> PromptWriter:
        try:
            return PromptWriter(without_thought(self.tokenizer))
        except (
            ModelError
        ):  # it cannot be tuned, which the tuner says; a prompt search counts all the same
            return self.writer

    def states(self, texts: Sequence[str], max_tokens: int) -> TextStates:
        """See `Model.states`; a text without a token is read as the end token."""
        most = min(max_tokens, self.context_tokens)
        with plain_attention(self.network):
            reader = MeanStates(self.network.base_model, self.tokenizer, most)
            return TextStates(reader.encode(texts), reader.count_cut(texts), self._fingerprint)

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        results: list[Completion | None] = [None] * len(requests)
        prompts = self.prompts(requests)
        fitting = self._refuse_too_long(requests, prompts, results, skip, on_done)
        plan = plan_batches(
            [prompts[i] for i in fitting],
            [self._answer_tokens(requests[i]) for i in fitting],
            [requests[i].choices for i in fitting],
            self._bounds(),
        )
        for group in plan:
            for planned in group.batches:
                batch = [fitting[k] for k in planned if fitting[k] not in skip]
                if not batch:
                    continue
                answers = self._batch(
                    batch, requests, prompts, group.prefix_tokens, len(fitting) == 1
                )
                for index, completion in answers:
                    results[index] = completion
                if on_done is not None:
                    on_done(answers)
        return results

    def prompts(self, requests: Sequence[Request]) -> list[list[int]]:
        """The token ids of each prompt; a thought that its template opens is closed for a held answer."""
        prompts = self.writer.tokens([request.messages for request in requests])
        if self._thought is None:
            return prompts
        [closing] = self.writer.answer_tokens([self._thought.closing])
        return [
            [*prompt, *closing] if request.choices or request.schema else prompt
            for request, prompt in zip(requests, prompts, strict=True)
        ]

    @property
    def _thought(self) -> OpenThought | None:
        return self.writer.thought

    @cached_property
    def _special(self) -> Mapping[int, bool]:
        """Every special token, and whether it marks a thought."""
        added = self.tokenizer.added_tokens_decoder.items()
        tokens = {number: token.content for number, token in added if token.special}
        return {number: is_thought_mark(content) for number, content in tokens.items()}

    def decoded(self, output: Sequence[int], *, is_free: bool) -> str:
        """The text of an answer; the marks of its thoughts stay, so that these can be told apart."""
        marks = any(self._special.get(token) for token in output)
        shown = [token for token in output if self._special.get(token, True)] if marks else output
        text: str = self.tokenizer.decode(
            shown, skip_special_tokens=not marks, clean_up_tokenization_spaces=False
        )
        return f"{self._thought.opening}{text}" if self._thought and is_free else text

    def _batch(
        self,
        batch: list[int],
        requests: Sequence[Request],
        prompts: list[list[int]],
        shared: int,
        alone: bool,
    ) -> list[tuple[int, Completion]]:
        start = time.perf_counter()
        prefix = self._prefix(tuple(prompts[batch[0]]), shared, alone)
        jobs = [self._job(requests[i], prompts[i], len(prefix)) for i in batch]
        states = self._runner.run(prefix, jobs)
        seconds = time.perf_counter() - start
        return [
            (i, self._completion(state, len(prompts[i]), len(prefix), seconds, len(batch)))
            for i, state in zip(batch, states, strict=True)
        ]

    def _bounds(self) -> BatchBounds:
        return BatchBounds(
            self.settings.rows, self.settings.memory_bytes // self._shape.bytes_per_token
        )

    def _answer_tokens(self, request: Request) -> int:
        return 16 if request.choices else request.max_output_tokens

    def _refuse_too_long(
        self,
        requests: Sequence[Request],
        prompts: list[list[int]],
        results: list[Completion | None],
        skip: frozenset[int],
        on_done: OnDone | None,
    ) -> list[int]:
        """Fail the requests that do not fit the context; returns the indices of the others."""
        fitting, refused = [], []
        for index, (request, prompt) in enumerate(zip(requests, prompts, strict=True)):
            need = len(prompt) + self._answer_tokens(request)
            if need <= self.context_tokens:
                fitting.append(index)
            elif index not in skip:
                reason = f"needs {need} tokens, the model's context is {self.context_tokens}"
                completion = Completion("", "error", len(prompt), failure=reason)
                results[index] = completion
                refused.append((index, completion))
        if refused and on_done is not None:
            on_done(refused)
        return fitting

    def _prefix(self, prompt: tuple[int, ...], shared: int, alone: bool) -> Prefix:
        """Return the shared prefix's memory; computed once and kept for the next calls.

        Only an exact match is reused, so that an answer depends on its own call alone. A lone request
        (a served question) takes the longest remembered prefix of its prompt.
        """
        prefix = prompt[:shared]
        if alone:
            prefixes = [p for p in self._prefixes if len(p) < len(prompt) and prompt[: len(p)] == p]
            prefix = max(prefixes, key=len, default=())
        if prefix not in self._prefixes:
            while len(self._prefixes) >= 4:
                self._prefixes.pop(next(iter(self._prefixes)))
            self._prefixes[prefix] = self._runner.fill(prefix)
        return self._prefixes[prefix]

    def _job(self, request: Request, prompt: list[int], prefix_tokens: int) -> PendingPrompt:
        return PendingPrompt(
            tokens=tuple(prompt[prefix_tokens:]),
            max_output_tokens=request.max_output_tokens,
            root=self._trie(request.choices) if request.choices else None,
            temperature=request.temperature,
            seed=sampling_seed(request) if request.temperature > 0 else None,
            stop=request.stop,
            stopped=self._stopper(request.stop) if request.stop else None,
            guide=self._guides.start(request.schema) if request.schema else None,
        )

    @cached_property
    def _guides(self) -> Guides:
        vocabulary = int(self.network.get_input_embeddings().weight.shape[0])
        return Guides(self.tokenizer, self.end_tokens, vocabulary)

    def _trie(self, choices: tuple[str, ...]) -> Node:
        if choices not in self._tries:
            self._tries[choices] = build_trie(choices, self.choice_paths(choices))
        return self._tries[choices]

    def choice_paths(self, choices: tuple[str, ...]) -> list[tuple[int, ...]]:
        """The tokens of each choice with those that end an answer, as the template ends one."""
        end = self.writer.turn_end or (min(self.end_tokens),)
        return [(*tokens, *end) for tokens in self.writer.answer_tokens(choices)]

    def _stopper(self, stops: tuple[str, ...]) -> Callable[[list[int]], bool]:
        return lambda output: any(stop in self.tokenizer.decode(output) for stop in stops)

    def _completion(
        self, state: AnswerState, input_tokens: int, cached: int, seconds: float, batch: int
    ) -> Completion:
        if state.node is not None and state.node.choice is not None:
            text = state.node.choice
            output_tokens = len(self.writer.answer_tokens([text])[0])
        else:
            is_free = state.job.root is None and state.job.guide is None
            text = self.decoded(state.output, is_free=is_free)
            output_tokens = len(state.output)
            for stop in state.job.stop:
                text = text.partition(stop)[0]
        return Completion(
            text=text,
            finish_reason=cast(Literal["stop", "length", "choice"], state.finish),
            input_tokens=input_tokens,
            cached_tokens=cached,
            output_tokens=output_tokens,
            first_token_seconds=state.first_token_seconds or 0.0,
            total_seconds=seconds,
            batch_size=batch,
            probabilities=state.probabilities or None,
        )


@contextmanager
def plain_attention(network: Any) -> Iterator[None]:
    """Let a network that the engine drives be called as transformers made it."""
    before = network.config._attn_implementation
    if before == IMPLEMENTATION:
        network.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        if before == IMPLEMENTATION:
            network.set_attn_implementation(before)


def end_tokens(network: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer, by the generation config and the tokenizer."""
    configured = getattr(network.generation_config, "eos_token_id", None)
    ids = set(
        configured if isinstance(configured, list) else [] if configured is None else [configured]
    )
    if tokenizer.eos_token_id is not None:
        ids.add(tokenizer.eos_token_id)
    return frozenset(int(token) for token in ids)


def cache_shape(network: Any) -> CacheShape:
    """The size of the key-value memory, read off the network's configuration."""
    config = network.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    embedding = network.get_input_embeddings().weight
    return CacheShape(config.num_hidden_layers, heads, width, embedding.dtype, embedding.device)
