"""Networks whose forward pass ends when a stop is requested.

One frame takes the full network seconds on an idle CPU and up to a minute on a busy one, longer than a user waits after
Ctrl+C. A stop is therefore noticed between two blocks of the network.
"""

from __future__ import annotations

from collections.abc import Callable

from trainer_core.model.rrdb import RRDBNet


def make_interruptible(network: RRDBNet, check_stop: Callable[[], None]) -> None:
    """Call `check_stop` before each block and each layer outside the blocks; what it raises ends the forward pass."""
    layers = (layer for layer in network.children() if layer is not network.body)
    for part in (*network.body, *layers):
        part.register_forward_pre_hook(lambda *_: check_stop())
