"""Simulate a watch: a camera makes LR and target from clean HR regions, with torch and NumPy only.

camera = build_camera(CameraProfile.builtin("wqv1"), scale=4)
lr, target = camera(view, camera.draw(seed, indices), generator)

Importing this package, `profile` or `parameters` does not import torch; the first use of a camera does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trainer_core.camera.parameters import Params
from trainer_core.camera.profile import BUILTIN_PROFILES, CameraProfile

if TYPE_CHECKING:
    from trainer_core.camera.bicubic import BicubicCamera
    from trainer_core.camera.build import build_camera
    from trainer_core.camera.color import ColorCamera
    from trainer_core.camera.interface import Camera
    from trainer_core.camera.mono import MonoCamera
    from trainer_core.camera.view import FrameView

__all__ = [
    "BUILTIN_PROFILES",
    "BicubicCamera",
    "Camera",
    "CameraProfile",
    "ColorCamera",
    "FrameView",
    "MonoCamera",
    "Params",
    "build_camera",
]

_MODULES_WITH_TORCH = {
    "BicubicCamera": "bicubic",
    "Camera": "interface",
    "ColorCamera": "color",
    "FrameView": "view",
    "MonoCamera": "mono",
    "build_camera": "build",
}


def __getattr__(name: str) -> Any:
    """Import a module that needs torch when one of its names is first used (PEP 562)."""
    if name not in _MODULES_WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES_WITH_TORCH[name]}"), name)
