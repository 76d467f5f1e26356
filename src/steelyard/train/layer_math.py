"""A decoder layer of the Llama kind, forward and back, as functions of tensors alone.

Compiled by TorchScript they run without Python's lock, so that two threads can each compute a piece; where it
is missing they run as they are.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch

F = TypeVar("F", bound=Callable[..., Any])


class Projections(NamedTuple):
    """Frozen linear layers of one input, side by side, and what is known of their low-rank parts.

    ``weight`` is (outputs, inputs); ``forth`` and ``back`` are it and its transpose in oneDNN's layout.
    """

    weight: torch.Tensor
    forth: torch.Tensor | None
    back: torch.Tensor | None
    bias: torch.Tensor | None
    scales: list[float]
    sizes: list[int]
    ranks: list[int]


class RowMaps(NamedTuple):
    """Rows of tokens that attend alike, each to ``shared`` leading tokens and to itself.

    The maps are places in arrays of shape (tokens · heads, size): of the turned queries and keys, of all
    projections, of the attended rows and of their gradients. A place beyond the last token's is padding.
    The rows hold the tokens from ``first`` to ``end`` of the packed sequence; ``mask`` is additive.
    """

    queries: int
    pairs: int
    rows: int
    shared: int
    first: int
    end: int
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    output: torch.Tensor
    outer: torch.Tensor
    inner: torch.Tensor
    mask: torch.Tensor


class LayerWeights(NamedTuple):
    """What a layer is made of; ``scale`` is that of the attention's scores."""

    qkv: Projections
    out: Projections
    wide: Projections
    narrow: Projections
    before: torch.Tensor
    after: torch.Tensor
    before_epsilon: float
    after_epsilon: float
    scale: float


class LayerPass(NamedTuple):
    """A layer over one packed batch: a named tuple, because TorchScript takes no frozen dataclass.

    ``maps`` are the rows of tokens that attend alike, the angles of rotary positions are (tokens, 1, size).
    After the attention only the tokens of ``keep`` are computed; ``None``: all.
    """

    weights: LayerWeights
    maps: list[RowMaps]
    cosine: torch.Tensor
    sine: torch.Tensor
    keep: torch.Tensor | None


def normalised(
    inputs: torch.Tensor, weight: torch.Tensor, epsilon: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``w x / sqrt(mean(x²) + e)``, and what its gradient needs: it without w, and the inverse root."""
    squares = torch.linalg.vector_norm(inputs, dim=[-1], keepdim=True, dtype=torch.float32)
    squares.square_().div_(inputs.shape[-1]).add_(epsilon)
    inverse = torch.rsqrt(squares).to(inputs.dtype)
    normal = inputs * inverse
    return normal * weight, normal, inverse


def normalised_back(
    outer: torch.Tensor, normal: torch.Tensor, inverse: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """The gradient for x of `normalised`; that for w is the sum of ``outer`` times ``normal``."""
    gradient = outer * weight
    along = torch.linalg.vecdot(gradient, normal).div_(normal.shape[-1]).unsqueeze(-1)
    return torch.addcmul(gradient, normal, along, value=-1).mul_(inverse)


def projected(
    inputs: torch.Tensor, to: Projections, low: list[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The outputs side by side, and the low-rank inner states; ``inputs`` are (tokens, size).

    ``low`` holds the two arrays of each low-rank part, one after the other.
    """
    forth = to.forth
    if forth is None:
        outputs = torch.nn.functional.linear(inputs, to.weight, to.bias)
    else:
        outputs = torch.ops.mkldnn._linear_pointwise(inputs, forth, to.bias, "none", [], "")
    inner = inputs @ torch.cat(low[::2]).t()
    parts, inners = outputs.split(to.sizes, dim=1), inner.split(to.ranks, dim=1)
    for at in range(len(parts)):
        parts[at].addmm_(inners[at], low[2 * at + 1].t(), alpha=to.scales[at])
    return outputs, inner


def projected_back(
    outer: torch.Tensor,
    inputs: torch.Tensor,
    inner: torch.Tensor,
    to: Projections,
    low: list[torch.Tensor],
    to_inputs: bool,
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The gradient of the inputs (empty if not asked for), and of each low-rank part's two arrays."""
    parts, inners = outer.split(to.sizes, dim=1), inner.split(to.ranks, dim=1)
    inner_gradients: list[torch.Tensor] = []
    ups: list[torch.Tensor] = []
    for at in range(len(parts)):
        inner_gradients.append((parts[at] @ low[2 * at + 1]).mul_(to.scales[at]))
        ups.append((parts[at].t() @ inners[at]).mul_(to.scales[at]))
    inner_gradient = torch.cat(inner_gradients, dim=1)
    downs = (inner_gradient.t() @ inputs).split(to.ranks)
    gradients: list[torch.Tensor] = []
    for at in range(len(ups)):
        gradients.append(downs[at])
        gradients.append(ups[at])
    if not to_inputs:
        return torch.empty(0), gradients
    back = to.back
    if back is None:
        gradient = outer @ to.weight
    else:
        gradient = torch.ops.mkldnn._linear_pointwise(outer, back, None, "none", [], "")
    gradient.addmm_(inner_gradient, torch.cat(low[::2]))
    return gradient, gradients


def turned(states: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Rotary positions (Su et al. 2021): states are (tokens, heads, size), the angles (tokens, 1, size)."""
    half = states.shape[-1] // 2
    result = states * cosine
    result[..., :half].addcmul_(states[..., half:], sine[..., :half], value=-1)
    result[..., half:].addcmul_(states[..., :half], sine[..., half:])
    return result


def turned_back(
    outer: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor, states: torch.Tensor
) -> None:
    """Write the gradient of the states of `turned` to ``states``."""
    half = states.shape[-1] // 2
    torch.mul(outer, cosine, out=states)
    states[..., :half].addcmul_(outer[..., half:], sine[..., half:])
    states[..., half:].addcmul_(outer[..., :half], sine[..., :half], value=-1)


def picked(array: torch.Tensor, places: torch.Tensor, batch: int, size: int) -> torch.Tensor:
    """Rows of ``array`` by their places, as (batch, any, size)."""
    return array.view(-1, size).index_select(0, places).view(batch, -1, size)


def attended(
    states: torch.Tensor, whole: torch.Tensor, maps: RowMaps, scale: float
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Attend; ``states`` is (tokens, queries + pairs, size), ``whole`` has the values after them.

    Returns (tokens of the rows, queries · size), and query, key, value and weights.
    """
    size, batch = states.shape[-1], maps.rows * maps.pairs
    query = picked(states, maps.query, batch, size)
    key = picked(states, maps.key, batch, size)
    value = picked(whole, maps.value, batch, size)
    scores = torch.baddbmm(maps.mask, query, key.transpose(1, 2), alpha=scale)
    weights = torch.softmax(scores, dim=-1)
    rows = torch.bmm(weights, value).view(-1, size).index_select(0, maps.output)
    return rows.view(-1, maps.queries * size), [query, key, value, weights]


def attended_back(
    outer: torch.Tensor,
    states: torch.Tensor,
    whole: torch.Tensor,
    parts: list[torch.Tensor],
    maps: RowMaps,
    scale: float,
) -> None:
    """Add the gradients of `attended` to those of ``states`` and ``whole``.

    ``outer`` is that of the output of every token, with a row of zeros after them.
    """
    size, batch, queries, pairs = states.shape[-1], maps.rows * maps.pairs, maps.queries, maps.pairs
    query, key, value, weights = parts[0], parts[1], parts[2], parts[3]
    rows = picked(outer, maps.outer, batch, size)
    value_gradient = torch.bmm(weights.transpose(1, 2), rows)
    weight_gradient = torch.bmm(rows, value.transpose(1, 2))
    scores = torch._softmax_backward_data(weight_gradient, weights, -1, weights.dtype).mul_(scale)
    query_gradient = torch.bmm(scores, key)
    key_gradient = torch.bmm(scores.transpose(1, 2), query)
    first, end, shared = maps.first, maps.end, maps.shared
    states[first:end, :queries] = picked(query_gradient, maps.output, end - first, size)
    states[first:end, queries:] += picked(key_gradient, maps.inner, end - first, size)
    whole[first:end, queries + pairs :] += picked(value_gradient, maps.inner, end - first, size)
    if shared > 0:
        for gradient, sums in (
            (key_gradient, states[:shared, queries:]),
            (value_gradient, whole[:shared, queries + pairs :]),
        ):
            by_row = gradient.view(maps.rows, pairs, -1, size)
            sums += by_row[:, :, :shared].sum(0).transpose(0, 1)


def layer_forward(
    inputs: torch.Tensor, low: list[torch.Tensor], one: LayerPass
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Norm, attention, norm and gated linear unit, each added to what comes in (Touvron et al. 2023).

    ``low`` are the low-rank arrays of its seven projections. The output of tokens that are not
    kept is 0. Returns the output and what the gradient needs.
    """
    weights, maps, keep = one.weights, one.maps, one.keep
    queries, pairs = maps[0].queries, maps[0].pairs
    first, normal, inverse = normalised(inputs, weights.before, weights.before_epsilon)
    flat, qkv_inner = projected(first, weights.qkv, low[:6])
    whole = flat.view(inputs.shape[0], queries + 2 * pairs, -1)
    states = turned(whole[:, : queries + pairs], one.cosine, one.sine)
    outputs: list[torch.Tensor] = []
    parts: list[torch.Tensor] = []
    for rows in maps:
        output, some = attended(states, whole, rows, weights.scale)
        outputs.append(output)
        parts += some
    joined, residual = torch.cat(outputs), inputs
    if keep is not None:
        joined, residual = joined.index_select(0, keep), inputs.index_select(0, keep)
    mixed, out_inner = projected(joined, weights.out, low[6:8])
    middle = mixed.add_(residual)
    second, normal2, inverse2 = normalised(middle, weights.after, weights.after_epsilon)
    gates, wide_inner = projected(second, weights.wide, low[8:12])
    half = gates.shape[1] // 2
    silu = torch.nn.functional.silu(gates[:, :half])
    product = silu * gates[:, half:]
    output, narrow_inner = projected(product, weights.narrow, low[12:])
    output.add_(middle)
    if keep is not None:
        output = torch.zeros_like(inputs).index_copy_(0, keep, output)
    saved = [first, normal, inverse, qkv_inner, joined, out_inner, second, normal2, inverse2, gates]
    saved += [wide_inner, silu, product, narrow_inner]
    saved += parts
    return output, saved


def layer_back(
    outer: torch.Tensor,
    saved: list[torch.Tensor],
    low: list[torch.Tensor],
    one: LayerPass,
    to_inputs: bool,
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The gradient of the inputs (empty if not asked for), and of the low-rank arrays in their order."""
    weights, maps, keep = one.weights, one.maps, one.keep
    queries, pairs = maps[0].queries, maps[0].pairs
    tokens = saved[0].shape[0]
    gradient = outer if keep is None else outer.index_select(0, keep)
    gates, silu, half = saved[9], saved[11], saved[9].shape[1] // 2
    inner, narrow = projected_back(gradient, saved[12], saved[13], weights.narrow, low[12:], True)
    both = torch.empty_like(gates)
    torch.mul(inner, silu, out=both[:, half:])
    both[:, :half] = torch.ops.aten.silu_backward(inner.mul_(gates[:, half:]), gates[:, :half])
    inner, wide = projected_back(both, saved[6], saved[10], weights.wide, low[8:12], True)
    gradient = normalised_back(inner, saved[7], saved[8], weights.after).add_(gradient)

    inner, out = projected_back(gradient, saved[4], saved[5], weights.out, low[6:8], True)
    ended = torch.zeros(tokens + 1, inner.shape[1], dtype=inner.dtype)
    if keep is None:
        ended[:tokens] = inner
    else:
        ended.index_copy_(0, keep, inner)
        gradient = torch.zeros_like(outer).index_copy_(0, keep, gradient)
    size = inner.shape[1] // queries
    whole = torch.zeros(tokens, queries + 2 * pairs, size, dtype=inner.dtype)
    states = torch.zeros(tokens, queries + pairs, size, dtype=inner.dtype)
    for at in range(len(maps)):
        attended_back(
            ended, states, whole, saved[14 + 4 * at : 18 + 4 * at], maps[at], weights.scale
        )
    turned_back(states, one.cosine, one.sine, whole[:, : queries + pairs])
    inner, qkv = projected_back(
        whole.view(tokens, -1), saved[0], saved[3], weights.qkv, low[:6], to_inputs
    )
    if to_inputs:
        gradient = normalised_back(inner, saved[1], saved[2], weights.before).add_(gradient)
    return gradient, qkv + out + wide + narrow


def compiled(function: F) -> F:
    """The function as TorchScript runs it; itself where that cannot be."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            scripted: F = torch.jit.script(function)
    except (AttributeError, RuntimeError):
        return function
    return scripted
