"""The simulation tab's pairs of LR and target: the user's photos as a run with these settings would simulate them.

The window iterates `iterate_example_frames`, which needs no torch, in a background thread, and passes each frame to
`WatchCamera.simulate` on the training thread; both work on one frame at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer_core.data.frames import Frame, FrameSpec
from trainer_core.data.photos import Photo
from trainer_core.pixels import to_uint8
from trainer_core.planning.plan import DEMO_SCENES
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.training.example_frames import photo_frames, scene_frames
from trainer_core.watches import select_watch

if TYPE_CHECKING:
    from trainer_core.camera import Camera

PAIR_COUNT = 12
# Settings that change the pairs; the photos do so too.
CAMERA_SETTINGS = tuple(name for name, setting in SETTINGS.items() if setting.of_camera)


@dataclass(frozen=True)
class WatchPair:
    """Simulated watch photo and training target of one photo.

    Attributes:
        name: name of the photo.
        lr: watch photo, uint8 [h, w, 3]: a whole frame, or the part of it that the photo fills.
        target: training target, uint8 [h * scale, w * scale, 3].
    """

    name: str
    lr: np.ndarray
    target: np.ndarray


class WatchCamera:
    """Camera of a run with these settings.

    Attributes:
        spec: the frame of the camera.
        description: the camera in words: model or profile, size, levels and scale.

    Raises:
        UserError: the camera profile cannot be used.
    """

    def __init__(self, config: TrainerConfig) -> None:
        from trainer_core.training.cameras import load_profile, make_camera

        self._camera = make_camera(config, load_profile(config))
        self._seed = config.seed
        self.spec = FrameSpec(self._camera.frame_width, self._camera.frame_height, config.scale)
        self.description = f"{_describe_camera(config, self._camera)}, enlarged ×{config.scale}"

    def simulate(self, frame: Frame, number: int) -> WatchPair:
        """Simulate the pair of a frame; `number` determines all its random numbers."""
        import torch

        from trainer_core.training.batches import make_frame_batch

        with _one_thread():
            batch = make_frame_batch(frame, self._camera, seed=self._seed, index=number, device=torch.device("cpu"))
        return WatchPair(frame.name, to_uint8(batch.lr)[0], to_uint8(batch.hr)[0])


def iterate_example_frames(
    config: TrainerConfig, photos: Sequence[Photo], spec: FrameSpec, *, count: int = PAIR_COUNT, variation: int = 0
) -> Iterator[Frame]:
    """Return up to `count` frames to simulate, of `photos` or, for the demo, of built-in scenes; needs no torch.

    Each `variation` gives other frames.
    """
    if config.demo:
        return scene_frames(DEMO_SCENES["train"], spec, seed=config.seed, count=count, variation=variation)
    return photo_frames(photos, spec, seed=config.seed, count=count, variation=variation)


def _describe_camera(config: TrainerConfig, camera: Camera) -> str:
    mono = config.monochrome_style
    kind = f"{config.monochrome_levels} grays" if mono else "color JPEG"
    if config.degradation == "bicubic":
        watch, kind = "Plain bicubic downscaling", "grays" if mono else "color"
    elif config.camera_profile:
        watch = f"Your own camera profile {camera.name}"
    else:
        watch = " and ".join(select_watch(mono=mono).models)
    return f"{watch}: {camera.frame_width}×{camera.frame_height}, {kind}"


@contextmanager
def _one_thread() -> Iterator[None]:
    """Limit torch to one thread: for a small frame on a busy machine, synchronized threads take ten times as long."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
