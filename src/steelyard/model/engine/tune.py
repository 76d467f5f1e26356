"""Precision and threads, chosen by a short measurement of this machine's matrix rate and remembered."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import torch

from steelyard.model.files import cache_folder, read_json, write_atomically

MEASURE_TOKENS = 512
MEASURE_SECONDS = 0.15
WORTH = 1.15
"""A lower precision must be this much faster: answers in it differ slightly from fp32's."""


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def matrix_rate(width: int, inner: int, dtype: torch.dtype) -> float:
    """Floating point operations per second of one MLP-shaped product, the best of a few.

    ``width`` and ``inner`` are the network's hidden and intermediate sizes.
    """
    inputs = torch.randn(MEASURE_TOKENS, width, dtype=torch.float32).to(dtype)
    weight = torch.randn(inner, width, dtype=torch.float32).to(dtype)
    best, end = float("inf"), time.perf_counter() + MEASURE_SECONDS
    with torch.inference_mode():
        torch.nn.functional.linear(inputs, weight)
        while time.perf_counter() < end:
            start = time.perf_counter()
            torch.nn.functional.linear(inputs, weight)
            best = min(best, time.perf_counter() - start)
    return 2.0 * MEASURE_TOKENS * width * inner / best


def measure(width: int, inner: int) -> dict[str, Any]:
    """Measure every pair of precision and threads; returns the choice and what it rests on."""
    before = torch.get_num_threads()
    cores = usable_cores()
    rates: dict[str, float] = {}
    try:
        for threads in sorted({cores, max(1, cores // 2), min(before, cores)}):
            torch.set_num_threads(threads)
            for dtype in (torch.float32, torch.bfloat16):
                name = f"{str(dtype).removeprefix('torch.')}/{threads}"
                rates[name] = matrix_rate(width, inner, dtype)
    finally:
        torch.set_num_threads(before)
    return {**choose(rates), "rates": rates}


def choose(rates: dict[str, float]) -> dict[str, Any]:
    """Pick from ``{"precision/threads": rate}``: fp32 unless bf16 is `WORTH` it."""
    best: dict[str, tuple[float, int]] = {}
    for name, rate in rates.items():
        precision, threads = name.split("/")
        best[precision] = max(best.get(precision, (0.0, 0)), (rate, int(threads)))
    full, half = best["float32"], best.get("bfloat16", (0.0, 0))
    precision = "bfloat16" if half[0] > WORTH * full[0] else "float32"
    return {"precision": precision, "threads": best[precision][1]}


def tuned(width: int, inner: int) -> dict[str, Any]:
    """Return the remembered measurement for this machine and network size, or make it now."""
    key = f"{_processor()}|{usable_cores()} cores|torch {torch.__version__}|{width}x{inner}"
    path = cache_folder() / "tuning.json"
    measurements = read_json(path)
    if key not in measurements:
        measurements[key] = measure(width, inner)
        write_atomically(path, json.dumps(measurements, indent=2).encode())
    measurement: dict[str, Any] = measurements[key]
    return measurement


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
