"""The weights that a run starts from, as the settings name them, and the network that follows from them.

`--init-weights` names a weight file, which sets the network, or with the word "starter" the built-in model for the
watch and scale of the run, which is widened to the network of the preset. The network is never smaller than that model,
so that the run starts with exactly its function.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trainer_core.settings.config import STARTER, TrainerConfig
from trainer_core.settings.merge import network_settings
from trainer_core.starters.registry import choose_starter
from trainer_core.watches import select_watch
from trainer_core.weights.warm_start import WarmStartSource, identify_source


@dataclass(frozen=True)
class StartNetwork:
    """What the weights of a start say of the network, as settings; empty without such weights.

    Attributes:
        exact: dimensions of the network.
        minimum: dimensions that the network has at least.
    """

    exact: dict[str, int] = field(default_factory=dict)
    minimum: dict[str, int] = field(default_factory=dict)


def identify_start(name: str, config: TrainerConfig, *, arch: str = "auto") -> WarmStartSource:
    """Identify the weights that `--init-weights` names.

    Args:
        name: a weight file, or "starter".
        config: the settings; watch and scale decide which starter is meant.
        arch: as for `identify_source`.

    Raises:
        WeightsError: the file cannot be used.
        UserError: there is no built-in model for this watch and scale; the message names those that are present.
    """
    if name != STARTER:
        return identify_source(Path(name), arch=arch)
    return identify_source(choose_starter(select_watch(mono=config.monochrome_style), config.scale).path)


def find_start_network(name: str | None, source: WarmStartSource | None) -> StartNetwork:
    """Return what identified weights say of the network.

    Args:
        name: the value of `--init-weights`.
        source: the weights; None as long as they are not identified.
    """
    if source is None:
        return StartNetwork()
    dimensions = network_settings(source.spec)
    return StartNetwork(minimum=dimensions) if name == STARTER else StartNetwork(exact=dimensions)
