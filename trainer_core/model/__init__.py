"""The generator: RRDBNet for x2, x4 and x8 with BasicSR's parameter names."""

from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec

__all__ = ["NetworkSpec", "RRDBNet"]
