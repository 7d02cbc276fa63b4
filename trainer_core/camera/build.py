"""From a profile to its camera."""

from __future__ import annotations

from trainer_core.camera.color import ColorCamera
from trainer_core.camera.interface import Camera
from trainer_core.camera.mono import FRAME_SIDE, MonoCamera
from trainer_core.camera.profile import CameraProfile


def build_camera(
    profile: CameraProfile,
    scale: int,
    *,
    levels: int = 16,
    noise_strength: float = 1.0,
    mono_frame_side: int = FRAME_SIDE,
) -> Camera:
    """The camera that `profile` describes.

    Args:
        profile: mono or colour.
        scale: HR pixels per LR pixel.
        levels: grays of a mono result; colour ignores it.
        noise_strength: factor on all random noise.
        mono_frame_side: LR pixels along a mono frame's sides; colour frames are always 176x144.
    """
    if profile.kind == "mono":
        return MonoCamera(profile, scale, levels=levels, noise_strength=noise_strength, frame_side=mono_frame_side)
    return ColorCamera(profile, scale, noise_strength=noise_strength)
