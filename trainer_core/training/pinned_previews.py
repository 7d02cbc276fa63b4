"""The user's own watch photos, enlarged by the network of a run: pictures without a truth, shown with each preview."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from trainer_core.events import EventSink, Notice, Sample
from trainer_core.model.spec import NetworkSpec
from trainer_core.pixels import to_tensor, to_uint8, upscale_bicubic
from trainer_core.previews.pinned_photos import PreviewPhoto, PreviewPhotos, read_preview_photos


class PinnedPhotos:
    """The folder is read anew for each preview; what cannot be shown is told once.

    Args:
        tell: hears of files that are left out.
    """

    def __init__(self, folder: Path, spec: NetworkSpec, *, mono: bool, device: torch.device, tell: EventSink) -> None:
        self._folder = folder
        self._spec = spec
        self._mono = mono
        self._device = device
        self._tell = tell
        self._told: set[str] = set()

    def __len__(self) -> int:
        return len(self._read().photos)

    @torch.no_grad()
    def pictures(self, network: nn.Module) -> tuple[Sample, ...]:
        """Every photo through `network`."""
        network.eval()
        return tuple(self._sample(photo, network) for photo in self._read().photos)

    def _read(self) -> PreviewPhotos:
        found = read_preview_photos(self._folder, mono=self._mono)
        new = [reason for name, reason in found.refused.items() if name not in self._told]
        self._told = set(found.refused)
        if new:
            self._tell(Notice("warning", "Not shown in the previews:\n" + "\n".join(f"  {reason}" for reason in new)))
        return found

    def _sample(self, photo: PreviewPhoto, network: nn.Module) -> Sample:
        lr = to_tensor(photo.pixels)[None].to(self._device)
        height, width, scale = lr.shape[2], lr.shape[3], self._spec.scale
        factor = self._spec.unshuffle_factor
        filled = F.pad(lr, (0, -width % factor, 0, -height % factor), mode="reflect")
        sr = network(filled)[..., : height * scale, : width * scale]
        enlarged = upscale_bicubic(photo.pixels, scale)
        return Sample(photo.name, photo.pixels, to_uint8(sr)[0], None, enlarged, None, None)
