"""DPO on this machine: what the untuned network gives both answers of each pair, then LoRA over that."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.core import Usage
from steelyard.errors import ConfigError
from steelyard.files import write_whole
from steelyard.train.base import ChatSample, Tuned, TuningJob
from steelyard.train.config import TrainingOptions
from steelyard.train.lora import LoraTuner

if TYPE_CHECKING:
    from steelyard.train.attempts import Samples
    from steelyard.train.packing import TokenSample
    from steelyard.train.trainer import Trainer

_NAME = "references.json"
_UP = ".lora_B."


@dataclass(frozen=True)
class References:
    """The losses of both answers of every pair under the untuned network, in nats, train before dev.

    ``digest`` is that of the samples' tokens. ``tokens`` went forward for them.
    """

    digest: str
    losses: tuple[tuple[float, float], ...]
    tokens: int
    seconds: float


class PreferenceTuner(LoraTuner):
    """Tunes adapters on pairs of a better and a worse answer, against the untuned network."""

    def prepared(self, trainer: Trainer, samples: Samples, job: TuningJob) -> Samples:
        """Give each pair its references, which are computed once, before the first step.

        Raises `ConfigError` where no pair is left of train.
        """
        if not any(one.rejected for one in samples[0]):
            raise ConfigError(
                f"no pair of train is within {trainer.options.max_tokens:,} tokens: raise the option "
                "max_tokens"
            )
        from steelyard.train.passes import read_measured

        path, digest = job.folder / _NAME, _digest(samples)
        saved = read_measured(References, path) if path.is_file() else None
        if saved is None or saved.digest != digest:
            saved = _references(trainer, samples, digest)
            job.folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(asdict(saved), allow_nan=False))
        train, dev = samples
        left = iter(saved.losses)
        return tuple(
            [one._replace(reference=next(left)) if one.rejected else one for one in part]
            for part in (train, dev)
        )  # type: ignore[return-value]

    def tune(
        self,
        samples: Sequence[ChatSample],
        dev: Sequence[ChatSample],
        options: TrainingOptions,
        job: TuningJob,
    ) -> Tuned:
        tuned = super().tune(samples, dev, options, job)
        seconds = references_in(job.folder).seconds
        return replace(tuned, usage=tuned.usage + Usage(machine_seconds=seconds))


def references_in(folder: Path) -> References:
    """Read what a training in a job's ``folder`` was measured against."""
    from steelyard.train.passes import read_measured

    return read_measured(References, folder / _NAME)


def _references(trainer: Trainer, samples: Samples, digest: str) -> References:
    """Compute them with the network as it is built, whose adapters add nothing yet."""
    from steelyard.train.out_of_memory import memory_errors

    changed = [name for name, value in trainer.values().items() if _UP in name and value.any()]
    assert not changed, f"the reference would be a tuned network: {changed[0]} is not zero"
    started = time.perf_counter()
    rows = [row for part in samples for one in part if one.rejected for row in one.rows]
    with memory_errors():
        losses = _row_losses(trainer, rows)
    pairs = tuple(zip(losses[::2], losses[1::2], strict=True))
    tokens = sum(row.length for row in rows)
    return References(digest, pairs, tokens, time.perf_counter() - started)


def _row_losses(trainer: Trainer, rows: Sequence[TokenSample]) -> list[float]:
    """The loss of each row's completion, summed over its tokens, in nats."""
    import torch

    from steelyard.train.out_of_memory import sum_in_pieces
    from steelyard.train.packing import shared_prompt, split_tokens

    prefix = shared_prompt(rows) if len(rows) > 1 else 0
    trainer.network.eval()
    losses: list[float] = []

    def cut(most: int) -> list[list[TokenSample]]:
        losses.clear()
        places = split_tokens(range(len(rows)), rows, most)
        return [[rows[place] for place in some] for some in places]

    @torch.no_grad()
    def part(some: Sequence[TokenSample]) -> torch.Tensor:
        parts = trainer.token_losses(some, prefix).split([len(one.completion) for one in some])
        losses.extend(float(part.sum()) for part in parts)
        return torch.zeros(1)

    _, trainer.step_tokens = sum_in_pieces(
        trainer.step_tokens, cut, lambda pieces: (part(one) for one in pieces), lambda: False
    )
    return losses


def _digest(samples: Samples) -> str:
    tokens = [[(one.prompt, one.completion, one.rejected) for one in part] for part in samples]
    return hashlib.sha256(json.dumps(tokens).encode()).hexdigest()
