"""The watch as a simulator: clean HR regions in, (LR, target) pairs out. Knows torch and numpy only.

camera = build_camera(CameraProfile.builtin("wqv1"), scale=4)
lr, target = camera(view, camera.draw(seed, indices).to(device), generator)
"""

from __future__ import annotations

from trainer_core.camera.bicubic import BicubicCamera
from trainer_core.camera.build import build_camera
from trainer_core.camera.color import ColorCamera
from trainer_core.camera.interface import Camera
from trainer_core.camera.mono import MonoCamera
from trainer_core.camera.parameters import Params
from trainer_core.camera.profile import BUILTIN_PROFILES, CameraProfile
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
