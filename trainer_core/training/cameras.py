"""The camera of a run, made from its settings and profile, and the region that it simulates for one patch."""

from __future__ import annotations

from pathlib import Path

from trainer_core.camera import BicubicCamera, Camera, CameraProfile, build_camera
from trainer_core.data.frames import RegionSpec
from trainer_core.errors import UserError
from trainer_core.settings.config import TrainerConfig
from trainer_core.watches import WQV10, select_watch


def make_camera(config: TrainerConfig, profile: CameraProfile | None = None) -> Camera:
    """Build the camera of these settings.

    Args:
        config: settings of the run.
        profile: the profile that `config.camera_profile` names; None for the built-in one of the watch.

    Raises:
        UserError: `profile` is for the other kind of watch.
    """
    mono, side = config.monochrome_style, config.base_resolution
    if config.degradation == "bicubic":
        width, height = (side, side) if mono else (WQV10.frame_width, WQV10.frame_height)
        return BicubicCamera(config.scale, frame_width=width, frame_height=height, monochrome=mono)
    if profile is None:
        profile = CameraProfile.builtin(select_watch(mono=mono).profile)
    elif (profile.kind == "mono") != mono:
        found, expected = ("mono", "color") if profile.kind == "mono" else ("color", "mono")
        raise UserError(
            f"The camera profile {config.camera_profile} is for a {found} watch, but the settings are for a {expected} "
            "watch. Choose another profile or change --monochrome-style."
        )
    return build_camera(
        profile,
        config.scale,
        levels=config.monochrome_levels,
        noise_strength=config.monochrome_noise,
        mono_frame_side=side,
    )


def load_profile(config: TrainerConfig) -> CameraProfile | None:
    """Read the camera profile that the settings name; None for a built-in camera.

    Raises:
        UserError: the file cannot be read or is not a camera profile.
    """
    if not config.camera_profile or config.degradation != "watch":
        return None
    return CameraProfile.load(Path(config.camera_profile))


def make_region_spec(config: TrainerConfig, camera: Camera) -> RegionSpec:
    """Return the region to simulate for one patch: patch and margins, rounded up to the camera's multiple."""
    multiple = camera.region_multiple
    min_side = config.patch_size + 2 * camera.margin
    side = min(-(-min_side // multiple) * multiple, min(camera.frame_width, camera.frame_height))
    return RegionSpec(camera.frame_width, camera.frame_height, config.scale, side, multiple)
