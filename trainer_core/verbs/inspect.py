"""Inspection of a weight file: its origin, its network, and which programs load it or why not (no torch)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer_core.errors import explain_out_of_memory
from trainer_core.text import escape_control_characters
from trainer_core.weights.container.reader import check_values, open_weights
from trainer_core.weights.container.refusal import WeightsError
from trainer_core.weights.container.tensor_info import TensorInfo
from trainer_core.weights.container.value_check import UnusableValues
from trainer_core.weights.programs import GateReport, check_programs
from trainer_core.weights.rrdb.dialects import IdentifiedNetwork, identify
from trainer_core.weights.rrdb.key_names import BASICSR

_FORMAT_NAMES = {"zip": "PyTorch (zip)", "legacy": "PyTorch (before 1.6)", "safetensors": "safetensors"}
_MAX_NAMES_SHOWN = 10


@dataclass(frozen=True)
class Inspection:
    """Facts about a readable weight file.

    Args:
        path: path of the file.
        file_bytes: size of the file.
        file_format: "zip", "legacy" or "safetensors".
        tensors: number of tensors in the whole file.
        values: number of their elements.
        dtypes: element types, most frequent first.
        identified: the RRDB network in the file, or None.
        reason: why the file cannot be used, or "".
        programs: which programs load the file; None without an RRDB network.
        unusable_values: values that are not finite or beyond float32, by name of the tensor.
        meta: metadata of the file as JSON values.
    """

    path: Path
    file_bytes: int
    file_format: str
    tensors: int
    values: int
    dtypes: tuple[str, ...]
    identified: IdentifiedNetwork | None = None
    reason: str = ""
    programs: GateReport | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    unusable_values: dict[str, UnusableValues] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        facts: dict[str, Any] = {
            "file": str(self.path),
            "bytes": self.file_bytes,
            "format": self.file_format,
            "tensors": self.tensors,
            "values": self.values,
            "dtypes": list(self.dtypes),
            "not_finite": sum(counts.not_finite for counts in self.unusable_values.values()),
            "beyond_float32": sum(counts.beyond_float32 for counts in self.unusable_values.values()),
            "usable": not self.reason,
            **({"reason": self.reason} if self.reason else {}),
        }
        if self.identified is None or self.programs is None:
            return facts
        found = self.identified
        return {
            **facts,
            "dialect": found.dialect,
            "container": found.container,
            "averaged": found.is_ema,
            "scale": found.spec.scale,
            "spec": found.spec.as_dict(),
            "parameters": found.spec.parameter_count(),
            "padded_from": found.padded_from.as_dict() if found.padded_from else None,
            "missing": list(found.missing),
            "misshaped": list(found.misshaped),
            "unexpected": list(found.unexpected),
            "programs": self.programs.as_dict(),
            "meta": self.meta,
        }

    def format_report(self) -> str:
        """Return lines for a terminal; control characters in texts of the file are escaped."""
        sizes = (
            f"{self.file_bytes / 1e6:.1f} MB, {self.tensors} tensors, {self.values:,} values ({', '.join(self.dtypes)})"
        )
        lines = [str(self.path), f"  format      {_FORMAT_NAMES[self.file_format]}, {sizes}"]
        lines += self._format_network() if self.identified else []
        lines += [
            f"  values      {name}: {_describe_values(counts)}"
            for name, counts in list(self.unusable_values.items())[:_MAX_NAMES_SHOWN]
        ]
        lines += [f"  network     cannot be used: {self.reason}"] if self.reason else []
        return "\n".join(escape_control_characters(line) for line in lines)

    def _format_network(self) -> list[str]:
        found, programs = self.identified, self.programs
        assert found is not None and programs is not None
        spec = found.spec
        lines = [f"  network     {found.describe()}", f"  parameters  {spec.parameter_count():,}"]
        lines.append(
            f"  channels    {spec.num_in_ch} in, {spec.num_out_ch} out, pixel-unshuffle {spec.unshuffle_factor}"
        )
        if found.note:
            lines.append(f"  note        {found.note}")
        if found.padded_from:
            lines.append(f"  padded from {found.padded_from.describe()}")
        for word, names in (
            ("missing", found.missing),
            ("misshaped", found.misshaped),
            ("unexpected", found.unexpected),
        ):
            if names:
                lines.append(f"  {word:<11} {len(names)}: {', '.join(names[:_MAX_NAMES_SHOWN])}")
        lines += [
            f"  {'loads in' if k == 0 else '':<11} {part}" for k, part in enumerate(programs.summary().split(" · "))
        ]
        metadata = ((key, value) for key, value in self.meta.items() if key not in ("spec", "padded_from", "loads_in"))
        return lines + [f"  meta        {key}: {value}" for key, value in metadata]


@explain_out_of_memory("inspect the file")
def inspect_file(path: Path | str) -> Inspection:
    """Inspect a weight file: its header, and whether its values can be used.

    Raises:
        WeightsError: the file cannot be read, is not a weight file, or is damaged or dangerous.
    """
    file = open_weights(path)
    tensors = list(file.tensors().values())
    dtypes = [info.dtype for info in tensors]
    order = sorted(set(dtypes), key=dtypes.count, reverse=True)
    values = sum(info.numel for info in tensors)
    facts = (file.path, file.fingerprint[0], file.file_format, len(tensors), values, tuple(order))
    by_storage = check_values(file)
    unusable = {name: by_storage[info.storage] for name, info in file.tensors().items() if info.storage in by_storage}
    try:
        found = identify(file)
    except WeightsError as error:
        reason = error.message.split(" cannot be used: ", 1)[-1]
        return Inspection(*facts, reason=reason, unusable_values=unusable)
    is_usable = not any(info.storage in by_storage for info in found.tensors.values())
    has_plain_names = found.dialect == BASICSR and all(ours == theirs for ours, theirs in found.names.items())
    programs = check_programs(
        file.path,
        found.spec,
        container=found.container,
        plain_names=has_plain_names and found.is_complete and not found.unexpected,
        known_names=found.is_complete and not any("_orig_mod." in name for name in found.names.values()),
    )
    return Inspection(
        *facts,
        identified=found,
        reason="" if is_usable else "values of the network are not finite or too large",
        programs=programs,
        meta=_to_json_value(found.meta),
        unusable_values=unusable,
    )


def _describe_values(counts: UnusableValues) -> str:
    words = {"not finite": counts.not_finite, "beyond the range of float32": counts.beyond_float32}
    return ", ".join(f"{count:,} {word}" for word, count in words.items() if count)


def _to_json_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _to_json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json_value(item) for item in value]
    if isinstance(value, TensorInfo):
        return f"tensor {value.dtype} {list(value.shape)}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return None if isinstance(value, float) and not math.isfinite(value) else value
