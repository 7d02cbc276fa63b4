"""What is wrong with a configuration: values outside their limits, and values that contradict each other.

Also which settings do not count because another one decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Callable

from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.schema import Setting
from trainer_core.watches import WQV10

Rule = Callable[[TrainerConfig], str]
"""Return one sentence, or "" when all is well."""

CONTRADICTIONS: dict[str, Rule] = {}  # by the field that shows the sentence


def find_problems(config: TrainerConfig, settings: Iterable[Setting] = SETTINGS.values()) -> dict[str, str]:
    """Find every value of these settings that cannot be used.

    Contradictions are looked for once each value is fine alone.

    Returns:
        Field name -> one sentence; empty when all is well.
    """
    found = {s.name: s.problem(getattr(config, s.name)) for s in settings}
    wrong = {name: text for name, text in found.items() if text}
    return wrong or {name: text for name, text in ((n, rule(config)) for n, rule in CONTRADICTIONS.items()) if text}


def find_overruled(config: TrainerConfig) -> dict[str, str]:
    """Find the settings that do not count as things stand: field name -> one sentence that says why."""
    overruled = {}
    if config.demo:
        overruled["source_dir"] = "Built-in scenes are used; choose a folder to train on photos."
    if config.max_minutes is not None:
        overruled["steps"] = "The time budget decides; the steps follow from it."
    return overruled


def _contradiction(name: str) -> Callable[[Rule], Rule]:
    """Register a rule about several fields; the form shows its sentence at the field `name`."""

    def register(rule: Rule) -> Rule:
        CONTRADICTIONS[name] = rule
        return rule

    return register


@_contradiction("val_split")
def _shares(config: TrainerConfig) -> str:
    too_much = config.train_split + config.val_split > 1.0 + 1e-9
    return "--train-split and --val-split together must not exceed 1." if too_much else ""


@_contradiction("perceptual_weight")
def _perceptual_loss(config: TrainerConfig) -> str:
    if config.perceptual_weight <= 0 or config.vgg_weights:
        return ""
    return (
        "--perceptual-weight needs --vgg-weights with torchvision's file vgg19-dcbb9e9d.pth "
        "(from its model zoo, vgg19 IMAGENET1K_V1)."
    )


@_contradiction("l1_weight")
def _some_loss(config: TrainerConfig) -> str:
    if config.l1_weight + config.frequency_weight + config.perceptual_weight > 0:
        return ""
    return "At least one of --l1-weight, --frequency-weight and --perceptual-weight must be above 0."


@_contradiction("camera_profile")
def _profile_of_a_watch(config: TrainerConfig) -> str:
    if not config.camera_profile or config.degradation != "bicubic":
        return ""
    return "--camera-profile describes a watch; it does not go with --degradation bicubic."


@_contradiction("patch_size")
def _patch_in_frame(config: TrainerConfig) -> str:
    if config.patch_size % 4:
        return "--patch-size must be a multiple of 4."
    side = config.base_resolution if config.monochrome_style else WQV10.frame_height
    return f"--patch-size must not exceed the watch's frame, {side} LR pixels." if config.patch_size > side else ""


@_contradiction("base_resolution")
def _whole_blocks(config: TrainerConfig) -> str:
    return "--base-resolution must be a multiple of 4." if config.base_resolution % 4 else ""
