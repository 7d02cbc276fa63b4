"""Identification of the RRDB network in a weight file of any program, by names and shapes alone (no torch).

`identify` knows the files of BasicSR and Real-ESRGAN (`params_ema`, `params`, flat), neosr, old ESRGAN and
traiNNer-redux, BSRGAN and RealSR, raw checkpoints of the first trainer (`ema`, `generator`) and this trainer's own.
It prefers EMA weights, and refuses other networks by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.container.reader import WeightsFile
from trainer_core.weights.container.refusal import WeightsError, require
from trainer_core.weights.container.tensor_info import FLOATS, TensorInfo, product
from trainer_core.weights.rrdb.architectures import identify_architecture, identify_variant
from trainer_core.weights.rrdb.dimensions import Shape, infer_spec, spec_from_metadata
from trainer_core.weights.rrdb.key_names import Translation, translate_keys
from trainer_core.weights.rrdb.parameter_order import match_by_order

# Keys of state dictionaries, the preferred ones first.
_EMA_KEYS = ("params_ema", "params-ema", "ema", "generator_ema", "model_ema", "g_ema", "ema_state_dict")
_RAW_KEYS = ("params", "generator", "state_dict", "model_state_dict", "model", "net", "netG", "net_g", "weights")
_MAX_WRAPPER_DEPTH = 3
_COUNTERS = ("n_averaged", "initted", "step")  # that EMA models store beside their weights
_X3_MARK = re.compile(r"(?<![0-9A-Za-z])3x(?![0-9a-z])|x3(?!\d)")
_META_LIMIT = 1 << 20  # characters of JSON


@dataclass(frozen=True)
class IdentifiedNetwork:
    """An RRDB network in a file.

    Args:
        dialect: program that the parameter names come from: "BasicSR", "old ESRGAN", "BSRGAN/RealSR" or "by order".
        container: key in the file that holds the weights, "" for the top level.
        spec: dimensions of the network that the tensors describe.
        is_ema: whether the weights are EMA weights.
        names: names in the file by BasicSR name, of parameters with the right shape.
        tensors: tensors by BasicSR name; empty if the network was identified from shapes alone.
        meta: metadata of the file.
        missing: BasicSR names that the file lacks.
        misshaped: BasicSR names that have a wrong shape in the file.
        foreign: names in the file of tensors that RRDB does not have; only if `force_rrdb` accepted them.
        companions: names in the file of other networks beside this one, such as the discriminator.
    """

    dialect: str
    container: str
    spec: NetworkSpec
    is_ema: bool
    names: Mapping[str, str] = field(repr=False)
    tensors: Mapping[str, TensorInfo] = field(repr=False)
    meta: dict[str, Any] = field(repr=False)
    missing: tuple[str, ...] = ()
    misshaped: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()

    @property
    def unexpected(self) -> tuple[str, ...]:
        """Names in the file that belong to no parameter of this network."""
        return (*self.foreign, *self.companions)

    @property
    def note(self) -> str:
        """Sentence on what names and shapes cannot decide, or ""."""
        if (self.spec.scale, self.spec.unshuffle) != (2, 1):
            return ""
        return "An x3 network has the same parameter names and shapes. If this is one, results are wrong."

    @property
    def is_complete(self) -> bool:
        """Whether the file contains every parameter in the right shape."""
        return not self.missing and not self.misshaped

    @property
    def padded_from(self) -> NetworkSpec | None:
        """Dimensions of the network that was padded for the viewer, or None if the metadata gives none."""
        inner = spec_from_metadata(self.meta.get("padded_from"))
        if inner is None or (inner.scale, inner.unshuffle) != (self.spec.scale, self.spec.unshuffle):
            return None
        grown = [getattr(self.spec, name) - getattr(inner, name) for name in ("num_feat", "num_block", "num_grow_ch")]
        return inner if min(grown) >= 0 and inner != self.spec else None

    def describe(self) -> str:
        """Return a description such as "RRDB x4 64/23/32 (BasicSR names in params_ema, EMA weights)"."""
        place = f" in {self.container}" if self.container else ""
        return f"{self.spec.describe()} ({self.dialect} names{place}{', EMA weights' if self.is_ema else ''})"


@dataclass(frozen=True)
class _Candidate:
    container: str
    shapes: dict[str, Shape]
    is_ema: bool
    tensors: dict[str, TensorInfo]


def identify(source: WeightsFile | Mapping[str, Shape], *, force_rrdb: bool = False) -> IdentifiedNetwork:
    """Find the RRDB network in a file, or in a mapping of parameter names to shapes.

    Args:
        source: an open file, or shapes by name.
        force_rrdb: accept tensors that RRDB does not have, and unknown parameter names if their shapes, in order,
            match RRDB (`--init-arch rrdb`).

    Raises:
        WeightsError: the file contains another network, which the message names if it is known, or none.
    """
    subject = str(source.path) if isinstance(source, WeightsFile) else "the network"
    try:
        candidates, meta = _find_candidates(source), _read_metadata(source)
        require(bool(candidates), "it contains no tensors that could be the weights of a network")
        for candidate in candidates:
            translation = translate_keys(candidate.shapes)
            if translation:
                _refuse_variant(candidate.shapes, translation.foreign_keys)
                found = _make_identified(candidate, translation, meta)
                _refuse_variant(candidate.shapes, (translation.names[name] for name in found.misshaped))
                require(
                    force_rrdb or not found.foreign,
                    f"it looks like {found.spec.describe()} but has tensors that RRDB does not have "
                    f"({_format_keys(found.foreign)}), and without them its results would be wrong. For a warm start "
                    "that ignores them, use --init-arch rrdb",
                )
                require(not found.note or not _claims_x3(source, meta), "it is an x3 network; use x1, x2, x4 or x8")
                return found
        for candidate in candidates if force_rrdb else ():
            translation = match_by_order(candidate.shapes)
            if translation:
                return _make_identified(candidate, translation, meta)
        raise WeightsError(_refusal_reason(candidates, force_rrdb))
    except WeightsError as error:
        raise WeightsError(f"{subject} cannot be used: {error.message.rstrip('.')}.") from error


def _refuse_variant(shapes: Mapping[str, Shape], keys: Iterable[str]) -> None:
    """Refuse a known variant of RRDB; `keys` are those of the tensors that RRDB does not have, or not in this shape.

    Raises:
        WeightsError: it is a known variant.
    """
    odd = {key: shapes[key] for key in keys}
    variant = identify_variant(odd)
    require(
        not variant, f"it contains a variant of RRDB, {variant} ({_format_keys(odd)}); only plain RRDB is supported"
    )


def _format_keys(keys: Iterable[str]) -> str:
    first = list(keys)
    return ", ".join(first[:3])[:120] + (", …" if len(first) > 3 else "")


def _claims_x3(source: WeightsFile | Mapping[str, Shape], meta: Mapping[str, Any]) -> bool:
    name = source.path.stem if isinstance(source, WeightsFile) else ""
    return str(meta.get("scale")) == "3" or bool(_X3_MARK.search(name))


def _refusal_reason(candidates: list[_Candidate], forced: bool) -> str:
    name = next(filter(None, (identify_architecture(candidate.shapes) for candidate in candidates)), "")
    if name:
        return f"it contains another kind of network, {name}; only RRDB (ESRGAN, Real-ESRGAN) is supported"
    keys = list(candidates[0].shapes)
    found = f"its {len(keys)} parameters ({_format_keys(keys)}) belong to an unknown network"
    if forced:
        return f"{found}, and their shapes do not fit RRDB either"
    return f"{found}. If it is an RRDB network with other parameter names, use --init-arch rrdb"


def _make_identified(candidate: _Candidate, translation: Translation, meta: dict[str, Any]) -> IdentifiedNetwork:
    shapes = {ours: candidate.shapes[theirs] for ours, theirs in translation.names.items()}
    spec = infer_spec(shapes, meta)
    wanted = spec.shapes()
    integers = [key for key in translation.names.values() if _is_integer(candidate.tensors.get(key))]
    require(
        not integers,
        f"its weights are integers ({_format_keys(integers)}), as in a quantized model. Use the file with "
        "floating-point weights",
    )
    good = {name: theirs for name, theirs in translation.names.items() if shapes[name] == wanted.get(name)}
    foreign = [translation.names[name] for name in shapes if name not in wanted]
    foreign += [key for key in translation.foreign_keys if not _is_counter(key, candidate.shapes[key])]
    return IdentifiedNetwork(
        translation.dialect,
        candidate.container,
        spec,
        candidate.is_ema or translation.is_ema or any(key.endswith("n_averaged") for key in candidate.shapes),
        names=good,
        tensors={name: candidate.tensors[theirs] for name, theirs in good.items() if theirs in candidate.tensors},
        meta=meta,
        missing=tuple(name for name in wanted if name not in shapes),
        misshaped=tuple(name for name in wanted if name in shapes and name not in good),
        foreign=tuple(foreign),
        companions=translation.companion_keys,
    )


def _is_integer(tensor: TensorInfo | None) -> bool:
    return tensor is not None and tensor.dtype not in FLOATS


def _is_counter(key: str, shape: Shape) -> bool:
    return key.rpartition(".")[2] in _COUNTERS and product(shape) == 1


# -- where the weights are ----------------------------------------------------------------------


def _find_candidates(source: WeightsFile | Mapping[str, Shape]) -> list[_Candidate]:
    if isinstance(source, WeightsFile):
        return list(_iterate_candidates(source.tree, "", False, 0))
    return [_Candidate("", dict(source), False, {})]


def _iterate_candidates(tree: Any, container: str, is_ema: bool, depth: int) -> Iterator[_Candidate]:
    """Yield the state dictionaries in `tree`: EMA weights first, inner dictionaries before outer ones."""
    if not isinstance(tree, dict) or depth > _MAX_WRAPPER_DEPTH:
        return
    inner = [key for key, value in tree.items() if isinstance(key, str) and isinstance(value, dict)]
    others = [key for key in inner if key not in _EMA_KEYS + _RAW_KEYS and "optim" not in key and key != "meta"]
    for key in [*(k for k in _EMA_KEYS + _RAW_KEYS if k in inner), *others]:
        path = f"{container}.{key}" if container else key
        yield from _iterate_candidates(tree[key], path, is_ema or key in _EMA_KEYS, depth + 1)
    tensors = {key: value for key, value in tree.items() if isinstance(key, str) and isinstance(value, TensorInfo)}
    if tensors:
        yield _Candidate(container, {key: info.shape for key, info in tensors.items()}, is_ema, tensors)


def _read_metadata(source: WeightsFile | Mapping[str, Shape]) -> dict[str, Any]:
    """Return the metadata: `meta`, fields of this trainer's raw checkpoints, or the texts of a safetensors file."""
    if not isinstance(source, WeightsFile):
        return {}
    if source.file_format == "safetensors":
        parsed = _parse_json(source.metadata.get("meta", ""))
        return {**{key: text for key, text in source.metadata.items() if key != "meta"}, **parsed}
    if not isinstance(source.tree, dict):
        return {}
    meta = source.tree.get("meta")
    own = {key: source.tree[key] for key in ("spec", "step", "kind") if _is_plain(source.tree.get(key))}
    return {**own, **({k: v for k, v in meta.items() if isinstance(k, str)} if isinstance(meta, dict) else {})}


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float)) or (
        isinstance(value, dict) and all(isinstance(item, (str, int, float, bool)) for item in value.values())
    )


def _parse_json(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text) if 0 < len(text) <= _META_LIMIT else {}
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
