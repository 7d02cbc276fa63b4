"""Start a training from somebody's weights: `plan` looks at the file without torch, `apply` copies what fits.

The function is kept exactly where there is a way to (other names, sizes, channels, x4 -> x2); what cannot be
kept is copied as far as it goes; the report says which is which.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.container.reader import WeightsFile, load_tensors, open_weights
from trainer_core.weights.container.refusal import WeightsError
from trainer_core.weights.container.tensor_info import product
from trainer_core.weights.rrdb.dialects import IdentifiedNetwork, identify

if TYPE_CHECKING:
    from torch import Tensor

    from trainer_core.model.rrdb import RRDBNet

_MAX_NAMES_SHOWN = 20
_MIN_SHARE = 0.5  # of a network's values, below which a file is rather something else


@dataclass(frozen=True)
class WarmStartSource:
    """A file that can be started from. `spec` is the network inside, without a viewer's padding."""

    path: Path
    spec: NetworkSpec
    identified: IdentifiedNetwork
    file: WeightsFile = field(repr=False)

    @property
    def dialect(self) -> str:
        """Whose parameter names the file uses."""
        return self.identified.dialect

    @property
    def meta(self) -> dict[str, Any]:
        """What the file says about itself."""
        return self.identified.meta

    @property
    def description(self) -> str:
        """What was found, such as "RRDB x4 64/23/32 (BasicSR names in params_ema, averaged weights)"."""
        padded = self.spec != self.identified.spec
        return self.identified.describe() + (f", padded from {self.spec.describe()}" if padded else "")

    def as_dict(self) -> dict[str, Any]:
        """For `warm_start` in the settings, before anything is loaded."""
        spec = self.spec.as_dict()
        return {"file": str(self.path), "dialect": self.dialect, "source": self.description, "source_spec": spec}


@dataclass(frozen=True)
class WarmStartReport:
    """What became of each parameter of the network that was started, by name.

    Args:
        exact: taken as they are.
        mapped: changed, but computing the same: moved into a larger network, another scale or other channels.
        partial: copied as far as they fit, or from another layer.
        missing: not in the file, or of new blocks; they start fresh.
        unexpected: the file's parameters that were not used, by its names.
        misshaped: in the file, but with a wrong shape; they start fresh as well.
        function_kept: whether the network computes what the file's did.
        percent: of the network's values, by the first four kinds.
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
        """JSON values: counts, percentages, and up to 20 names of what did not go smoothly."""
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
        """One line for the log."""
        words = {"exact": "taken exactly", "mapped": "mapped", "partial": "copied in part", "missing": "fresh"}
        parts = [f"{len(getattr(self, k))} {w} ({self.percent[k]:.1f} %)" for k, w in words.items() if getattr(self, k)]
        parts += [f"{len(names)} {kind}: {_format_names(names)}" for kind, names in self._problem_lists() if names]
        kept = "computes the same" if self.function_kept else "does not compute quite the same"
        networks = f"{self.source.description} -> {self.target.describe()}"
        return f"Warm start from {self.source.path.name}: {networks}, {kept}. Parameters: {', '.join(parts)}."

    def _problem_lists(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ("unexpected", self.unexpected), ("misshaped", self.misshaped)


def identify_source(path: Path | str, *, arch: str = "auto") -> WarmStartSource:
    """Look at a file before anything is written. `arch` "rrdb" takes unknown names for RRDB's if the shapes fit.

    Raises:
        WeightsError: it cannot be read, is another kind of network, or lacks most of its parameters.
    """
    file = open_weights(path)
    found = identify(file, force_rrdb=arch == "rrdb")
    shapes = found.spec.shapes()
    share = sum(product(shapes[name]) for name in found.names) / found.spec.parameter_count()
    if share < _MIN_SHARE:
        raise WeightsError(
            f"{path} holds only {share:.0%} of an {found.spec.describe()} network; missing are "
            f"{_format_names(found.missing + found.misshaped)}. Use a complete file."
        )
    return WarmStartSource(Path(path), _unpadded_spec(found), found, file)


def _unpadded_spec(found: IdentifiedNetwork) -> NetworkSpec:
    """The network without a viewer's padding; color channels that were added stay."""
    inner = found.padded_from or found.spec
    return replace(inner, num_in_ch=found.spec.num_in_ch, num_out_ch=found.spec.num_out_ch)


def load_state(source: WarmStartSource) -> dict[str, Tensor]:
    """The weights of the network inside the file: our names, float32, on the CPU; without a viewer's padding.

    Raises:
        WeightsError: values are damaged or not finite, or the padding is not what the file says.
    """
    from trainer_core.weights.resize import embed, extract

    tensors = load_tensors(source.file, source.identified.tensors.values())
    state = {name: tensors[info].float() for name, info in source.identified.tensors.items()}
    if source.spec == source.identified.spec:
        return state
    inner = extract(state, source.identified.spec, source.spec)
    padded = embed(inner, source.spec, source.identified.spec)
    if any(not bool((padded[name] == values).all()) for name, values in state.items()):
        raise WeightsError(
            f"{source.path} says that it is padded from {source.spec.describe()}, but its weights were changed since. "
            "Save it without `padded_from` in its meta."
        )
    return inner


def apply_warm_start(source: WarmStartSource, network: RRDBNet) -> WarmStartReport:
    """Copy the file's weights into `network`, whose own values remain where there is nothing to copy.

    Raises:
        WeightsError: as `read_state`.
    """
    from trainer_core.weights.rescale import rescale
    from trainer_core.weights.resize import common_spec, embed, extract

    target = network.spec
    fitted = rescale(load_state(source), source.spec, target)
    common = common_spec(fitted.spec, target)
    resized = embed(extract(fitted.state, fitted.spec, common), common, target, network.state_dict())
    network.load_state_dict(resized)
    kinds = {name: _match_kind(name, fitted, common, target) for name in target.shapes()}
    lost = fitted.copied or fitted.dropped or common != fitted.spec or not source.identified.is_complete
    return WarmStartReport(
        source,
        target,
        **{kind: tuple(n for n, k in kinds.items() if k == kind) for kind in _KINDS},
        unexpected=(*source.identified.unexpected, *(source.identified.names.get(n, n) for n in fitted.dropped)),
        misshaped=source.identified.misshaped,
        function_kept=not lost,
        percent=_match_percentages(kinds, target),
    )


_KINDS = ("exact", "mapped", "partial", "missing")


def _match_kind(name: str, fitted: Any, common: NetworkSpec, target: NetworkSpec) -> str:
    if name not in fitted.state or name not in common.shapes():
        return "missing"
    if name in fitted.copied or fitted.spec.shapes()[name] != common.shapes()[name]:
        return "partial"
    return "mapped" if name in fitted.mapped or common.shapes()[name] != target.shapes()[name] else "exact"


def _match_percentages(kinds: dict[str, str], target: NetworkSpec) -> dict[str, float]:
    totals = dict.fromkeys(_KINDS, 0)
    for name, shape in target.shapes().items():
        totals[kinds[name]] += product(shape)
    return {kind: round(100 * count / target.parameter_count(), 2) for kind, count in totals.items()}


def _format_names(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
