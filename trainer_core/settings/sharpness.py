"""The strengths of sharpness that the window offers: weights of the adversarial loss under names."""

from __future__ import annotations

from typing import Any

from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.schema import Setting

STRENGTHS: dict[str, dict[str, Any]] = {
    "off": {"gan_weight": 0.0},
    "gentle": {"gan_weight": 0.02},
    "medium": {"gan_weight": 0.05},
    "strong": {"gan_weight": 0.1},
}
SHARPNESS = Setting(
    name="sharpness",
    kind="choice",
    default="off",
    label="Sharpness",
    help="Make a trained network sharper, at the cost of some PSNR: start from one. "
    "Each strength is a weight of the adversarial loss, which Losses shows.",
    group="Losses",
    choices=tuple(STRENGTHS),
)


def find_strength(config: TrainerConfig) -> str:
    """Return the strength that these settings have, "" if no name stands for them."""
    for name, values in STRENGTHS.items():
        if all(getattr(config, setting) == value for setting, value in values.items()):
            return name
    return ""
