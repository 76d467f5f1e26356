"""What holds for every test: none of them reads or writes the user's own answers."""

from __future__ import annotations

import os

os.environ["STEELYARD_ANSWER_CACHE"] = "off"
