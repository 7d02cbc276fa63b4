"""The fields of a checkpoint: what each must be, so that a forged or odd one is refused before any is used.

A digest proves that a file is as it was written, not that this program wrote it. Keys that this version does not know
are no problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

import torch
from torch import Tensor

from trainer_core.errors import UserError
from trainer_core.json_files import parse_json
from trainer_core.model.discriminator_spec import direction_shapes, parameter_shapes
from trainer_core.model.spec import NetworkSpec
from trainer_core.settings.config import SETTINGS
from trainer_core.settings.presets import NETWORK_FIELDS

_MAX_COUNT = 10**15  # beyond any training; a larger number of samples would overflow
_MOMENTS = ("exp_avg", "exp_avg_sq")
_RECORDED_FIGURES = ("best_psnr", "test_psnr", "best_spectrum", "highest_psnr")
_SPEC_FIELDS = frozenset(NetworkSpec(4).as_dict())
_TRAINED = ("scale", *NETWORK_FIELDS)  # fields of the spec that settings decide; the others are fixed
_FIXED = {name: value for name, value in NetworkSpec(4).as_dict().items() if name not in _TRAINED}


def check_fields(tree: Mapping[str, Any], where: str) -> None:
    """Check every field of a checkpoint.

    Args:
        tree: the content of the file, with `photos` as JSON text.
        where: the file, for the message.

    Raises:
        UserError: a field is missing or cannot be used; the message names it.
    """
    for name, is_usable in PLAIN_CHECKS.items():
        if name in tree or name not in OPTIONAL_FIELDS:
            _require(name in tree and is_usable(tree[name]), name, tree, where)
    spec = NetworkSpec(**tree["spec"])
    for name, fits in TENSOR_CHECKS.items():
        if name in tree or name not in OPTIONAL_FIELDS:
            _require(name in tree and fits(tree[name], spec), name, tree, where)


def _require(condition: bool, name: str, tree: Mapping[str, Any], where: str) -> None:
    if not condition:
        problem = "cannot be used" if name in tree else "is missing"
        raise UserError(f'{where} is no checkpoint that this version can resume: its field "{name}" {problem}.')


def is_count(value: Any) -> bool:
    """Whether `value` is a whole number of steps, samples or updates."""
    return type(value) is int and 0 <= value <= _MAX_COUNT


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _MAX_COUNT  # not NaN either


def _is_spec(value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() <= _SPEC_FIELDS:
        return False
    sizes_fit = all(SETTINGS[name].problem(value.get(name)) is None for name in _TRAINED)
    return sizes_fit and all(value.get(name, fixed) == fixed for name, fixed in _FIXED.items())


def _are_weights(value: Any, spec: NetworkSpec) -> bool:
    return _are_tensors(value, spec.shapes())


def _are_tensors(value: Any, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == shapes.keys()
        and all(_is_plain_tensor(value[name], shape) for name, shape in shapes.items())
    )


def _is_plain_tensor(value: Any, shape: tuple[int, ...]) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.float32 and tuple(value.shape) == shape


def _is_optimizer(value: Any, spec: NetworkSpec) -> bool:
    """Whether it is the state of Adam; without moments before the first step of a new one, which can follow others."""
    if not isinstance(value, dict):
        return False
    moments = value.get("state")
    return moments == {} or _are_moments(moments, list(spec.shapes().values()))


def _are_moments(states: Any, shapes: list[tuple[int, ...]]) -> bool:
    if not isinstance(states, dict) or states.keys() != set(range(len(shapes))):
        return False
    return all(
        isinstance(states[index], dict)
        and all(_is_plain_tensor(states[index].get(moment), shape) for moment in _MOMENTS)
        and _is_plain_tensor(states[index].get("step"), ())
        for index, shape in enumerate(shapes)
    )


def _is_discriminator(value: Any, _: NetworkSpec) -> bool:
    """Whether it is the state of an `Adversary`; before its first update its optimizer has no moments."""
    if not isinstance(value, dict) or not is_count(value.get("updates")):
        return False
    features: Any = value.get("features")
    optimizer = value.get("optimizer")
    if SETTINGS["gan_features"].problem(features) is not None or not isinstance(optimizer, dict):
        return False
    shapes, moments = parameter_shapes(features), optimizer.get("state")
    is_new = value["updates"] == 0 and moments == {}
    return (
        _are_tensors(value.get("params"), shapes)
        and _are_tensors(value.get("directions"), direction_shapes(features))
        and (is_new or _are_moments(moments, list(shapes.values())))
    )


def _is_scaler(value: Any) -> bool:
    names = {"scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker"}
    return value is None or (
        isinstance(value, dict) and names <= value.keys() and all(_is_number(value[name]) for name in names)
    )


def _are_photos(value: Any) -> bool:
    try:
        names = parse_json(value) if isinstance(value, str) else None
    except ValueError:
        return False
    return isinstance(names, list) and all(isinstance(name, str) for name in names)


def _is_config(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    settings = [SETTINGS[name] for name in value if name in SETTINGS and SETTINGS[name].stored]
    return all(setting.problem(value[setting.name]) is None for setting in settings)


def _is_record(value: Any) -> bool:
    """Whether it is a `ValidationRecord` as a dictionary."""
    return (
        isinstance(value, dict)
        and all(value.get(name) is None or type(value[name]) in (int, float) for name in _RECORDED_FIGURES)
        and (value.get("best_step") is None or is_count(value["best_step"]))
        and is_count(value.get("since_best", 0))
        and isinstance(value.get("last", {}), dict)
        and all(item is None or type(item) in (int, float) for item in value.get("last", {}).values())
    )


def _is_plan(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    steps, minutes, micro_batch = (value.get(name) for name in ("total_steps", "max_minutes", "micro_batch"))
    return (
        (steps is None or is_count(steps))
        and (micro_batch is None or is_count(micro_batch))
        and (minutes is None or SETTINGS["max_minutes"].problem(minutes) is None)
        and _is_number(value.get("seconds", 0))
        and value.get("seconds", 0) >= 0
        and _are_plan_changes(value.get("plan_changes", []))
    )


def _are_plan_changes(value: Any) -> bool:
    """Whether it is a list of pairs: step, and total of steps from then on."""
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(is_count(item) for item in pair) for pair in value
    )


def _are_versions(value: Any) -> bool:
    return isinstance(value, dict) and all(type(item) in (str, int) for item in value.values())


PLAIN_CHECKS: dict[str, Callable[[Any], bool]] = {
    "spec": _is_spec,
    "scaler": _is_scaler,
    "step": is_count,
    "samples": is_count,
    "ema_updates": is_count,
    "run_id": lambda value: isinstance(value, str),
    "workspace_id": lambda value: isinstance(value, str),
    "config": _is_config,
    "photos": _are_photos,
    "best": _is_record,
    "plan": _is_plan,
    "versions": _are_versions,
}
TENSOR_CHECKS: dict[str, Callable[[Any, NetworkSpec], bool]] = {
    "params": _are_weights,
    "params_ema": _are_weights,
    "optimizer": _is_optimizer,
    "discriminator": _is_discriminator,
}
OPTIONAL_FIELDS = frozenset({"best", "plan", "versions", "discriminator"})  # those with a default in `TrainingState`
