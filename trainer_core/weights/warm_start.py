"""Warm start of a run with the weights of a file.

`identify_source` reads the header without torch, and `apply_warm_start` copies the weights into the network. Other
parameter names, sizes and channels, and x4 -> x2, preserve the function exactly. Other parameters are copied as far as
they fit, and the report lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer_core.errors import end_with_advice
from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.container.reader import WeightsFile, load_tensors, open_weights
from trainer_core.weights.container.refusal import WeightsError
from trainer_core.weights.container.tensor_info import product
from trainer_core.weights.rrdb.dialects import IdentifiedNetwork, identify

if TYPE_CHECKING:
    from torch import Tensor

    from trainer_core.model.rrdb import RRDBNet
    from trainer_core.weights.rescale import RescaledWeights

_MAX_NAMES_SHOWN = 20
_MIN_SHARE = 0.5  # of the values of a network; a file with fewer is probably something else
_ADVICE = "Choose another weight file, or another copy of this one."


@dataclass(frozen=True)
class WarmStartSource:
    """A file with weights for a warm start; `spec` describes the network inside, without padding."""

    path: Path
    spec: NetworkSpec
    identified: IdentifiedNetwork
    file: WeightsFile = field(repr=False)

    @property
    def dialect(self) -> str:
        """Program that the parameter names of the file come from."""
        return self.identified.dialect

    @property
    def meta(self) -> dict[str, Any]:
        """Metadata of the file."""
        return self.identified.meta

    @property
    def description(self) -> str:
        """Description such as "RRDB x4 64/23/32 (BasicSR names in params_ema, EMA weights)"."""
        is_padded = self.spec != self.identified.spec
        return self.identified.describe() + (f", padded from {self.spec.describe()}" if is_padded else "")

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON values for `warm_start` in the settings that are known before weights are loaded."""
        spec = self.spec.as_dict()
        return {"file": str(self.path), "dialect": self.dialect, "source": self.description, "source_spec": spec}


@dataclass(frozen=True)
class WarmStartReport:
    """The parameters of the new network, by name, grouped by how a warm start set them.

    Args:
        source: the file.
        target: dimensions of the new network.
        exact: copied unchanged.
        mapped: converted to another size, scale or number of channels without changing the function.
        partial: copied as far as they fit, or copied from another layer.
        missing: not in the file, or in new blocks; they keep their initial values.
        unexpected: unused parameters of the file, by their names in the file.
        misshaped: with a wrong shape in the file; they keep their initial values.
        function_kept: whether the network computes the same as the one in the file.
        percent: share of the values of the network in percent, for each of the first four groups.
    """

    source: WarmStartSource
    target: NetworkSpec
    exact: tuple[str, ...]
    mapped: tuple[str, ...]
    partial: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: tuple[str, ...]
    function_kept: bool
    percent: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values: counts, percentages, and up to 20 names of parameters that were not copied in full."""
        result: dict[str, Any] = self.source.as_dict()
        result.update(target_spec=self.target.as_dict(), function_kept=self.function_kept)
        for kind in ("exact", "mapped", "partial", "missing", "unexpected", "misshaped"):
            names = getattr(self, kind)
            result[kind] = {"tensors": len(names)}
            if kind in self.percent:
                result[kind]["percent"] = self.percent[kind]
            if kind not in ("exact", "mapped"):
                result[kind]["names"] = list(names[:_MAX_NAMES_SHOWN])
        return result

    def summary(self) -> str:
        """Return one line for the log."""
        words = {"exact": "copied exactly", "mapped": "mapped", "partial": "copied in part", "missing": "new"}
        parts = [
            f"{len(getattr(self, kind))} {word} ({self.percent[kind]:.1f} %)"
            for kind, word in words.items()
            if getattr(self, kind)
        ]
        parts += [f"{len(names)} {kind}: {_format_names(names)}" for kind, names in self._list_problems() if names]
        function = "same output as the file" if self.function_kept else "output differs from the file's"
        networks = f"{self.source.description} -> {self.target.describe()}"
        return f"Warm start from {self.source.path.name}: {networks}, {function}. Parameters: {', '.join(parts)}."

    def _list_problems(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ("unexpected", self.unexpected), ("misshaped", self.misshaped)


def identify_source(path: Path | str, *, arch: str = "auto") -> WarmStartSource:
    """Identify the network in a file from its header, before a run writes anything.

    Args:
        path: a weight file.
        arch: "auto", or "rrdb" to accept unknown parameter names if their shapes match RRDB.

    Raises:
        WeightsError: the file cannot be read, contains another kind of network, or lacks most of its parameters.
    """
    try:
        file = open_weights(path)
        found = identify(file, force_rrdb=arch == "rrdb")
    except WeightsError as error:
        raise WeightsError(end_with_advice(error.message, _ADVICE)) from error
    shapes = found.spec.shapes()
    share = sum(product(shapes[name]) for name in found.names) / found.spec.parameter_count()
    if share < _MIN_SHARE:
        raise WeightsError(
            f"{path} contains only {share:.0%} of the network {found.spec.describe()}; it lacks "
            f"{_format_names(found.missing + found.misshaped)}. Use a complete file."
        )
    return WarmStartSource(Path(path), _find_unpadded_spec(found), found, file)


def _find_unpadded_spec(found: IdentifiedNetwork) -> NetworkSpec:
    """Return the spec without the padding; color channels that were added stay."""
    inner = found.padded_from or found.spec
    return replace(inner, num_in_ch=found.spec.num_in_ch, num_out_ch=found.spec.num_out_ch)


def load_state(source: WarmStartSource, check_stop: Callable[[], None] = lambda: None) -> dict[str, Tensor]:
    """Load the weights of the network in the file by BasicSR name, as float32 on the CPU, without padding.

    Raises:
        WeightsError: a value is damaged, not finite or beyond float32, or the padding contradicts the metadata.
    """
    from trainer_core.weights.resize import embed, extract

    tensors = load_tensors(source.file, source.identified.tensors.values(), check_stop=check_stop)
    state = {name: tensors[info].float() for name, info in source.identified.tensors.items()}
    for name, info in source.identified.tensors.items():
        if info.dtype == "float64" and not bool(state[name].isfinite().all()):
            raise WeightsError(
                f"{source.path} cannot be used: {source.identified.names[name]} holds values beyond the range of "
                "float32, in which networks are computed. They may come from a training that failed; use another file."
            )
    if source.spec == source.identified.spec:
        return state
    inner = extract(state, source.identified.spec, source.spec)
    padded = embed(inner, source.spec, source.identified.spec)
    if any(not bool((padded[name] == values).all()) for name, values in state.items()):
        raise WeightsError(
            f"The metadata of {source.path} says that the network is padded from {source.spec.describe()}, but the "
            "weights have been changed since then. Save the file without `padded_from` in its meta."
        )
    return inner


def apply_warm_start(
    source: WarmStartSource, network: RRDBNet, check_stop: Callable[[], None] = lambda: None
) -> WarmStartReport:
    """Copy the weights of the file into `network`, which keeps its values where the file has none.

    `check_stop` is called while the file is read; what it raises ends the work.

    Raises:
        WeightsError: as `load_state`.
    """
    from trainer_core.weights.rescale import rescale
    from trainer_core.weights.resize import common_spec, embed, extract

    target = network.spec
    fitted = rescale(load_state(source, check_stop), source.spec, target)
    common = common_spec(fitted.spec, target)
    resized = embed(extract(fitted.state, fitted.spec, common), common, target, network.state_dict())
    network.load_state_dict(resized)
    kinds = {name: _find_kind(name, fitted, common, target) for name in target.shapes()}
    is_changed = fitted.copied or fitted.dropped or common != fitted.spec or not source.identified.is_complete
    is_changed = is_changed or source.identified.foreign
    return WarmStartReport(
        source,
        target,
        **{kind: tuple(name for name, k in kinds.items() if k == kind) for kind in _KINDS},
        unexpected=(
            *source.identified.unexpected,
            *(source.identified.names.get(name, name) for name in fitted.dropped),
        ),
        misshaped=source.identified.misshaped,
        function_kept=not is_changed,
        percent=_compute_percentages(kinds, target),
    )


_KINDS = ("exact", "mapped", "partial", "missing")


def _find_kind(name: str, fitted: RescaledWeights, common: NetworkSpec, target: NetworkSpec) -> str:
    if name not in fitted.state or name not in common.shapes():
        return "missing"
    if name in fitted.copied or fitted.spec.shapes()[name] != common.shapes()[name]:
        return "partial"
    return "mapped" if name in fitted.mapped or common.shapes()[name] != target.shapes()[name] else "exact"


def _compute_percentages(kinds: dict[str, str], target: NetworkSpec) -> dict[str, float]:
    totals = dict.fromkeys(_KINDS, 0)
    for name, shape in target.shapes().items():
        totals[kinds[name]] += product(shape)
    return {kind: round(100 * count / target.parameter_count(), 2) for kind, count in totals.items()}


def _format_names(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
