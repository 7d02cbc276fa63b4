"""Build the camera that a profile describes: `build_camera`."""

from __future__ import annotations

from trainer_core.camera.color import ColorCamera
from trainer_core.camera.interface import Camera
from trainer_core.camera.mono import MonoCamera
from trainer_core.camera.profile import CameraProfile
from trainer_core.watches import WQV1


def build_camera(
    profile: CameraProfile,
    scale: int,
    *,
    levels: int = WQV1.gray_levels,
    noise_strength: float = 1.0,
    mono_frame_side: int = WQV1.frame_width,
) -> Camera:
    """Build the camera that `profile` describes.

    Args:
        profile: mono or color.
        scale: HR pixels per LR pixel.
        levels: number of gray levels of a mono LR image; ignored for color.
        noise_strength: factor on all random noise.
        mono_frame_side: width and height of a mono frame, LR pixels; color frames are always 176x144.
    """
    if profile.kind == WQV1.kind:
        return MonoCamera(profile, scale, levels=levels, noise_strength=noise_strength, frame_side=mono_frame_side)
    return ColorCamera(profile, scale, noise_strength=noise_strength)
