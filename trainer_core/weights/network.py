"""Networks loaded ready to run from the weight files of any program."""

from __future__ import annotations

from pathlib import Path

from trainer_core.model.rrdb import RRDBNet
from trainer_core.weights.container.refusal import WeightsError
from trainer_core.weights.warm_start import WarmStartSource, identify_source, load_state


def load_network(path: Path | str) -> tuple[RRDBNet, WarmStartSource]:
    """Load the network of a file as float32 on the CPU, in evaluation mode; for a padded file, its small network.

    Raises:
        WeightsError: the file cannot be read, contains no RRDB network, or has parameters missing or misshaped.
    """
    source = identify_source(path)
    missing = (*source.identified.missing, *source.identified.misshaped)
    if missing:
        raise WeightsError(
            f"{path} lacks parameters of {source.spec.describe()} or has them in another shape: "
            f"{', '.join(missing[:5])}. Use a complete file."
        )
    network = RRDBNet(source.spec).eval().requires_grad_(False)
    network.load_state_dict(load_state(source))
    return network, source
