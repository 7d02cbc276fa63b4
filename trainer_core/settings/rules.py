"""Rules about a whole configuration: values outside their limits, contradictions, and overruled settings.

To add a rule about several fields, write a function and decorate it with `_contradiction`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Callable

from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.schema import Setting
from trainer_core.watches import WQV10

Rule = Callable[[TrainerConfig], str]
"""A rule returns one sentence, or "" if there is no problem."""

CONTRADICTIONS: dict[str, Rule] = {}  # by the field that shows the sentence


def find_problems(config: TrainerConfig, settings: Iterable[Setting] = SETTINGS.values()) -> dict[str, str]:
    """Find the values of `settings` that cannot be used; if there are none, check the rules about several fields.

    Returns:
        Field name -> one sentence; empty without problems.
    """
    found = {s.name: s.problem(getattr(config, s.name)) for s in settings}
    problems = {name: text for name, text in found.items() if text}
    return problems or {name: text for name, text in ((n, rule(config)) for n, rule in CONTRADICTIONS.items()) if text}


def find_overruled(config: TrainerConfig) -> dict[str, str]:
    """Find the settings that another setting overrules; return field name -> one sentence with the reason."""
    overruled = {}
    if config.demo:
        overruled["source_dir"] = "Built-in scenes are selected. Choose a folder to train on your photos instead."
    if config.max_minutes is not None:
        overruled["steps"] = "Set by the time limit."
    return overruled


def _contradiction(name: str) -> Callable[[Rule], Rule]:
    """Register a rule about several fields; the form shows its sentence at the field `name`."""

    def register(rule: Rule) -> Rule:
        CONTRADICTIONS[name] = rule
        return rule

    return register


@_contradiction("val_split")
def _split_share_problem(config: TrainerConfig) -> str:
    exceeds_one = config.train_split + config.val_split > 1.0 + 1e-9
    return "The sum of --train-split and --val-split must not exceed 1." if exceeds_one else ""


@_contradiction("perceptual_weight")
def _perceptual_loss_problem(config: TrainerConfig) -> str:
    if config.perceptual_weight <= 0 or config.vgg_weights:
        return ""
    return (
        "--perceptual-weight needs --vgg-weights: torchvision's file vgg19-dcbb9e9d.pth "
        "(from its model zoo, vgg19 IMAGENET1K_V1)."
    )


@_contradiction("l1_weight")
def _loss_weight_problem(config: TrainerConfig) -> str:
    if config.l1_weight + config.frequency_weight + config.gradient_weight + config.perceptual_weight > 0:
        return ""
    return "At least one of --l1-weight, --frequency-weight, --gradient-weight and --perceptual-weight must be above 0."


@_contradiction("camera_profile")
def _camera_profile_problem(config: TrainerConfig) -> str:
    if not config.camera_profile or config.degradation != "bicubic":
        return ""
    return "--camera-profile describes a watch and cannot be combined with --degradation bicubic."


@_contradiction("patch_size")
def _patch_size_problem(config: TrainerConfig) -> str:
    if config.patch_size % 4:
        return "--patch-size must be a multiple of 4."
    side = config.base_resolution if config.monochrome_style else WQV10.frame_height
    return f"--patch-size must not exceed the watch's frame, {side} LR pixels." if config.patch_size > side else ""


@_contradiction("base_resolution")
def _base_resolution_problem(config: TrainerConfig) -> str:
    return "--base-resolution must be a multiple of 4." if config.base_resolution % 4 else ""
