"""The strengths of sharpness that the window offers: weights of the adversarial loss under names.

A strength also sets the optimizer and the learning rate with which such a stage was measured
(`benchmarks/results/sharpness.md`). The command line sets each by itself.
"""

from __future__ import annotations

from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.schema import Setting

STRENGTHS = {"off": 0.0, "gentle": 0.005, "medium": 0.02, "strong": 0.1}
"""Name -> weight of the adversarial loss."""
OPTIMIZER, MAX_LEARNING_RATE = "adam", 3e-4
SHARPNESS = Setting(
    name="sharpness",
    kind="choice",
    default="off",
    label="Sharpness",
    help="Make a trained network sharper, at the cost of some PSNR: start from one. "
    "Each strength is a weight of the adversarial loss, which Losses shows, with Adam at a low learning rate.",
    group="Losses",
    choices=tuple(STRENGTHS),
)


def find_strength(config: TrainerConfig) -> str:
    """Return the strength whose weight these settings have, "" if no name stands for it."""
    return next((name for name, weight in STRENGTHS.items() if config.gan_weight == weight), "")
