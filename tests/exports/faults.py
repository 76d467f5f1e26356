"""Ways to plant a fault in files that were just exported, between the writing and the reading."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.exports.base import ExportFormat, Outgoing, ReadBack

Damage = Callable[[Path], object]


def damaged(form: ExportFormat, damage: Damage) -> ExportFormat:
    """Return the format with ``damage`` done to what it writes."""

    class Damaged(type(form)):  # type: ignore[misc]
        def write(self, outgoing: Outgoing, folder: Path, precision: str) -> None:
            super().write(outgoing, folder, precision)
            damage(folder)

    return Damaged()  # type: ignore[no-any-return]


def unseen(form: ExportFormat, damage: Damage) -> ExportFormat:
    """The same, its weights hidden from the checks, so that only its answers can show a fault."""

    class Unseen(type(damaged(form, damage))):  # type: ignore[misc]
        def read(self, folder: Path, outgoing: Outgoing) -> ReadBack:
            return replace(super().read(folder, outgoing), network=None)

    return Unseen()  # type: ignore[no-any-return]


def edit_json(name: str, **changes: Any) -> Damage:
    """Set keys of a JSON file; ``None`` removes one."""

    def damage(folder: Path) -> None:
        content = {**json.loads((folder / name).read_text(encoding="utf-8")), **changes}
        kept = {key: value for key, value in content.items() if value is not None}
        (folder / name).write_text(json.dumps(kept), encoding="utf-8")

    return damage


def edit_weights(
    change: Callable[[dict[str, Any]], object], name: str = "model.safetensors"
) -> Damage:
    """Change the tensors of a safetensors file in place."""

    def damage(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        tensors = load_file(str(folder / name))
        change(tensors)
        save_file(
            {key: value.contiguous() for key, value in tensors.items()},
            str(folder / name),
            {"format": "pt"},
        )

    return damage


def edit_gguf(
    drop: tuple[str, ...] = (),
    change: Mapping[str, Callable[[Any], Any]] | None = None,
    add: Mapping[str, str] | None = None,
    tensors: Callable[[str, Any], Any] = lambda name, data: data,
) -> Damage:
    """Write a GGUF file again without some keys and tensors, others changed, texts added."""

    def damage(folder: Path) -> None:
        from gguf import GGUFReader, GGUFWriter

        [path] = folder.glob("*.gguf")
        reader = GGUFReader(str(path))
        writer = GGUFWriter(
            str(path.with_suffix(".new")), reader.fields["general.architecture"].contents()
        )
        for name, field in reader.fields.items():
            if name.startswith("GGUF.") or name == "general.architecture" or name in drop:
                continue
            value = (change or {}).get(name, lambda same: same)(field.contents())
            writer.add_key_value(
                name, value, field.types[0], field.types[-1] if len(field.types) > 1 else None
            )
        for name, text in (add or {}).items():
            writer.add_string(name, text)
        for tensor in reader.tensors:
            data = np.array(tensor.data)
            if tensor.name not in drop:
                writer.add_tensor(
                    tensor.name, tensors(tensor.name, data), raw_dtype=tensor.tensor_type
                )
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        path.with_suffix(".new").replace(path)

    return damage
