"""Recognize what network a weight file holds, whoever wrote it, from names and shapes alone (no torch).

Known: BasicSR and Real-ESRGAN (`params_ema`, `params`, flat), neosr, old ESRGAN and traiNNer-redux, BSRGAN and
RealSR, the earlier trainer's raw checkpoints (`ema`, `generator`), ours. Averaged (EMA) weights are preferred.
Anything else is refused by its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.container.reader import WeightsFile
from trainer_core.weights.container.refusal import WeightsError, require
from trainer_core.weights.container.tensor_info import TensorInfo
from trainer_core.weights.rrdb.architectures import identify_architecture
from trainer_core.weights.rrdb.dimensions import Shape, infer_spec, spec_from_metadata
from trainer_core.weights.rrdb.key_names import Translation, translate_keys
from trainer_core.weights.rrdb.parameter_order import match_by_order

# Where state dictionaries are kept, best first.
_EMA_KEYS = ("params_ema", "params-ema", "ema", "generator_ema", "model_ema", "g_ema", "ema_state_dict")
_RAW_KEYS = ("params", "generator", "state_dict", "model_state_dict", "model", "net", "netG", "net_g", "weights")
_MAX_WRAPPER_DEPTH = 3
_BOOKKEEPING = ("n_averaged", "initted", "step")  # of averaged models; not weights
_META_LIMIT = 1 << 20  # characters of JSON


@dataclass(frozen=True)
class IdentifiedNetwork:
    """An RRDB network in a file.

    Args:
        dialect: whose parameter names they are: "BasicSR", "old ESRGAN", "BSRGAN/RealSR" or "by order".
        container: the key in the file that holds the weights, "" for the top level.
        spec: the network that the tensors describe.
        names: our parameter name -> the file's, of those with the right shape.
        tensors: our parameter name -> the tensor; empty when identified from shapes alone.
        meta: what the file says about itself.
        missing, misshaped, unexpected: our names that the file lacks or has in a wrong shape; its own surplus names.
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
    unexpected: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every parameter of the network is there."""
        return not self.missing and not self.misshaped

    @property
    def padded_from(self) -> NetworkSpec | None:
        """The smaller network inside, when the file says that it was padded for the viewer."""
        inner = spec_from_metadata(self.meta.get("padded_from"))
        if inner is None or (inner.scale, inner.unshuffle) != (self.spec.scale, self.spec.unshuffle):
            return None
        grown = [getattr(self.spec, name) - getattr(inner, name) for name in ("num_feat", "num_block", "num_grow_ch")]
        return inner if min(grown) >= 0 and inner != self.spec else None

    def describe(self) -> str:
        """Such as "RRDB x4 64/23/32 (BasicSR names in params_ema, averaged weights)"."""
        place = f" in {self.container}" if self.container else ""
        return f"{self.spec.describe()} ({self.dialect} names{place}{', averaged weights' if self.is_ema else ''})"


@dataclass(frozen=True)
class _Candidate:
    container: str
    shapes: dict[str, Shape]
    is_ema: bool
    tensors: dict[str, TensorInfo]


def identify(source: WeightsFile | Mapping[str, Shape], *, force_rrdb: bool = False) -> IdentifiedNetwork:
    """The RRDB network in a file, or in a mapping of parameter names to shapes.

    Args:
        source: an opened file, or names and shapes.
        force_rrdb: take unknown parameter names for RRDB's if the shapes fit in their order (`--init-arch rrdb`).

    Raises:
        WeightsError: it is another kind of network, which is named, or none.
    """
    where = str(source.path) if isinstance(source, WeightsFile) else "the network"
    try:
        candidates, meta = _find_candidates(source), _read_metadata(source)
        require(bool(candidates), "it holds no tensors that could be a network's weights")
        for candidate in candidates:
            translation = translate_keys(candidate.shapes)
            if translation:
                return _make_identified(candidate, translation, meta)
        for candidate in candidates if force_rrdb else ():
            translation = match_by_order(candidate.shapes)
            if translation:
                return _make_identified(candidate, translation, meta)
        raise WeightsError(_refusal_reason(candidates, force_rrdb))
    except WeightsError as error:
        raise WeightsError(f"{where} cannot be used: {error.message.rstrip('.')}.") from error


def _refusal_reason(candidates: list[_Candidate], forced: bool) -> str:
    name = next(filter(None, (identify_architecture(candidate.shapes) for candidate in candidates)), "")
    if name:
        return f"it holds a network of the kind {name}; only RRDB (ESRGAN, Real-ESRGAN) is supported"
    keys = list(candidates[0].shapes)
    found = f"its {len(keys)} parameters ({', '.join(keys[:3])[:120]}, …) are of an unknown network"
    if forced:
        return f"{found}, and their shapes do not fit RRDB either"
    return f"{found}. If it is RRDB under other names, force it with --init-arch rrdb"


def _make_identified(candidate: _Candidate, translation: Translation, meta: dict[str, Any]) -> IdentifiedNetwork:
    shapes = {ours: candidate.shapes[theirs] for ours, theirs in translation.names.items()}
    spec = infer_spec(shapes, meta)
    wanted = spec.shapes()
    good = {name: theirs for name, theirs in translation.names.items() if shapes[name] == wanted.get(name)}
    unexpected = [translation.names[name] for name in shapes if name not in wanted]
    unexpected += [key for key in translation.unknown_keys if key.rpartition(".")[2] not in _BOOKKEEPING]
    return IdentifiedNetwork(
        translation.dialect,
        candidate.container,
        spec,
        candidate.is_ema or any(key.endswith("n_averaged") for key in candidate.shapes),
        names=good,
        tensors={name: candidate.tensors[theirs] for name, theirs in good.items() if theirs in candidate.tensors},
        meta=meta,
        missing=tuple(name for name in wanted if name not in shapes),
        misshaped=tuple(name for name in wanted if name in shapes and name not in good),
        unexpected=tuple(unexpected),
    )


# -- where the weights lie ---------------------------------------------------------------------


def _find_candidates(source: WeightsFile | Mapping[str, Shape]) -> list[_Candidate]:
    if isinstance(source, WeightsFile):
        return list(_candidates_in_tree(source.tree, "", False, 0))
    return [_Candidate("", dict(source), False, {})]


def _candidates_in_tree(tree: Any, container: str, is_ema: bool, depth: int) -> Iterator[_Candidate]:
    """State dictionaries in `tree`, averaged ones first, the outer ones after the inner ones."""
    if not isinstance(tree, dict) or depth > _MAX_WRAPPER_DEPTH:
        return
    inner = [key for key, value in tree.items() if isinstance(key, str) and isinstance(value, dict)]
    others = [key for key in inner if key not in _EMA_KEYS + _RAW_KEYS and "optim" not in key and key != "meta"]
    for key in [*(k for k in _EMA_KEYS + _RAW_KEYS if k in inner), *others]:
        below = f"{container}.{key}" if container else key
        yield from _candidates_in_tree(tree[key], below, is_ema or key in _EMA_KEYS, depth + 1)
    tensors = {key: value for key, value in tree.items() if isinstance(key, str) and isinstance(value, TensorInfo)}
    if tensors:
        yield _Candidate(container, {key: info.shape for key, info in tensors.items()}, is_ema, tensors)


def _read_metadata(source: WeightsFile | Mapping[str, Shape]) -> dict[str, Any]:
    """What the file says about itself: `meta`, our raw checkpoints' own fields, or a safetensors file's texts."""
    if not isinstance(source, WeightsFile):
        return {}
    if source.file_format == "safetensors":
        told = _parse_json(source.metadata.get("meta", ""))
        return {**{key: text for key, text in source.metadata.items() if key != "meta"}, **told}
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
        told = json.loads(text) if 0 < len(text) <= _META_LIMIT else {}
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
