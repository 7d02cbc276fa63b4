"""Previews of pinned photos: the user's captures upscaled by the network of a run, without an HR image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from trainer_core.camera.precision import disable_tf32
from trainer_core.events import EventSink, Notice, PreviewImage
from trainer_core.model.spec import NetworkSpec
from trainer_core.pixels import enlarge_bicubic, to_tensor, to_uint8
from trainer_core.previews.pinned_photos import PinnedFolder, PinnedPhoto, read_pinned_photos
from trainer_core.text import escape_control_characters


class PinnedPreviews:
    """Previews of the pinned photos in `folder`, which is read again for each preview.

    Args:
        folder: the workspace's folder of pinned photos.
        spec: dimensions of the network.
        mono: whether the run is for a mono watch.
        device: device of the network.
        sink: receives one notice for each file that cannot be shown.
    """

    def __init__(self, folder: Path, spec: NetworkSpec, *, mono: bool, device: torch.device, sink: EventSink) -> None:
        self._folder = folder
        self._spec = spec
        self._mono = mono
        self._device = device
        self._sink = sink
        self._reported: set[str] = set()

    def __len__(self) -> int:
        return len(self._read_folder().photos)

    @torch.no_grad()
    @disable_tf32()
    def render(
        self, network: nn.Module, *, report: Callable[[int, int], None] = lambda number, total: None
    ) -> tuple[PreviewImage, ...]:
        """Run `network` on every pinned photo and return the preview images.

        `report` is called with the number of each photo, from 1, and of all photos.
        """
        network.eval()
        images, photos = [], self._read_folder().photos
        for number, photo in enumerate(photos, 1):
            report(number, len(photos))
            images.append(self._make_image(photo, network))
        return tuple(images)

    def _read_folder(self) -> PinnedFolder:
        pinned = read_pinned_photos(self._folder, mono=self._mono)
        new = [reason for name, reason in pinned.refused.items() if name not in self._reported]
        self._reported = set(pinned.refused)
        if new:
            self._sink(
                Notice(
                    "warning",
                    "Not shown in previews:\n" + "\n".join(f"  {escape_control_characters(reason)}" for reason in new),
                )
            )
        return pinned

    def _make_image(self, photo: PinnedPhoto, network: nn.Module) -> PreviewImage:
        lr = to_tensor(photo.pixels)[None].to(self._device)
        height, width, scale = lr.shape[2], lr.shape[3], self._spec.scale
        factor = self._spec.unshuffle_factor
        padded = F.pad(lr, (0, -width % factor, 0, -height % factor), mode="reflect")
        sr = network(padded)[..., : height * scale, : width * scale]
        enlarged = enlarge_bicubic(photo.pixels, scale)
        return PreviewImage(photo.name, photo.pixels, to_uint8(sr)[0], None, enlarged, None, None)
