"""Write docs/result.schema.json from the records of ``result.json``.

python scripts/result_schema.py
"""

from __future__ import annotations

from pathlib import Path

from steelyard.result import schema_text

TARGET = Path(__file__).resolve().parents[1] / "docs" / "result.schema.json"

if __name__ == "__main__":
    TARGET.write_text(schema_text(), encoding="utf-8")
    print(f"wrote {TARGET}")
