"""The arrays that models of labels work on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]
Places = NDArray[np.intp]
"""Row indices, and codes from 0 of labels, inputs or folds."""
