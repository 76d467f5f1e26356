"""Arrays that were saved with NumPy, read without trust: no pickles, no bombs, finite numbers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from steelyard.files import open_file

MOST_BYTES = 4 * 2**30
"""Of the arrays in a file, unpacked."""
MOST_ARRAY_BYTES = 2**38
"""Of an array that is mapped, not read."""


def read_arrays(path: Path, names: Sequence[str]) -> list[NDArray[np.float64]]:
    """Read arrays of finite numbers by name.

    Raises `ValueError`, `LookupError`, `OSError` or `BadZipFile` for anything else.
    """
    _check_size(path)
    with open_file(path) as file, np.load(file, allow_pickle=False) as arrays:
        return [_finite(arrays[name], name) for name in names]


def read_sparse(path: Path, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Read a matrix of finite numbers, of that shape; raises as `read_arrays` does.

    Its indices are checked, too: SciPy would follow them out of the array.
    """
    _check_size(path)
    names = ("data", "indices", "indptr", "shape")
    with open_file(path) as file, np.load(file, allow_pickle=False) as arrays:
        data, *places = [_finite(arrays[name], name) for name in names]
        is_csr = arrays["format"].item() in (b"csr", "csr")
    if not is_csr or any(array.dtype.kind not in "iu" for array in places):
        raise ValueError(f"{path.name} is not a matrix in rows")
    indices, indptr, written = places
    if tuple(written.tolist()) != shape:
        raise ValueError(f"{path.name} has the shape {written.tolist()}, not {list(shape)}")
    matrix = sparse.csr_matrix((data, indices, indptr), shape=shape)
    matrix.check_format(full_check=True)
    return matrix


def _check_size(path: Path) -> None:
    with open_file(path) as file, ZipFile(file) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MOST_BYTES:
        raise ValueError(f"{path.name} unpacks to {size:,} bytes, more than {MOST_BYTES:,}")


def _finite(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise ValueError(f"the array {name} does not hold finite numbers")
    return array


_WHOLE_BYTES = 2**20
"""A smaller file is read at once; NumPy does not map empty arrays."""


def map_array(path: Path, dtype: type[np.generic], dimensions: int) -> NDArray[Any]:
    """Open an array that `numpy.save` wrote, in memory only where it is looked at.

    Raises `ValueError` or `OSError` for anything but such an array.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_ARRAY_BYTES:
            raise ValueError(f"{path.name} has {size:,} bytes, more than {MOST_ARRAY_BYTES:,}")
    array: NDArray[Any] = np.load(
        path, mmap_mode="r" if size > _WHOLE_BYTES else None, allow_pickle=False
    )
    if array.dtype != np.dtype(dtype) or array.ndim != dimensions:
        raise ValueError(f"{path.name} holds {array.dtype} in {array.ndim} dimensions")
    return array
