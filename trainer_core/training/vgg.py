"""The perceptual loss: L1 between VGG19 features (up to relu3_3), with weights that the user supplies.

Source: Johnson et al. 2016, with the layers of torchvision's `features[:16]`. The layers are implemented here, so
torchvision is not needed; the strict reader reads its file `vgg19-dcbb9e9d.pth`. They compute in the precision and the
memory layout of the run. `losses` adds the term.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer_core.errors import UserError
from trainer_core.planning.hardware import Hardware
from trainer_core.weights.container.reader import load_tree

VGG_FILE_NAME = "vgg19-dcbb9e9d.pth"
_LAYERS = ((0, 3, 64), (2, 64, 64), (5, 64, 128), (7, 128, 128), (10, 128, 256), (12, 256, 256), (14, 256, 256))
_POOL_AFTER = (2, 7)
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, on which the weights were trained


class PerceptualLoss(nn.Module):
    """Loss term: mean absolute difference of VGG19's relu3_3 features.

    Raises:
        UserError: the file is not torchvision's VGG19.
    """

    def __init__(self, weights: str, hardware: Hardware) -> None:
        super().__init__()
        tree = load_tree(Path(weights))
        device, self._dtype = hardware.torch_device, hardware.autocast_dtype or torch.float32
        self._layers: list[tuple[int, Tensor, Tensor]] = []
        for index, inputs, outputs in _LAYERS:
            kernel = tree.get(f"features.{index}.weight") if isinstance(tree, dict) else None
            bias = tree.get(f"features.{index}.bias") if isinstance(tree, dict) else None
            if (
                not isinstance(kernel, Tensor)
                or not isinstance(bias, Tensor)
                or kernel.shape != (outputs, inputs, 3, 3)
            ):
                raise UserError(f"--vgg-weights: {weights} is not VGG19. Use torchvision's file {VGG_FILE_NAME}.")
            placed = kernel.to(device, self._dtype).contiguous(memory_format=hardware.memory_format)
            self._layers.append((index, placed, bias.to(device, self._dtype)))
        self._mean = torch.tensor(_MEAN, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(_STD, device=device).view(1, 3, 1, 1)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Compute the scalar loss of SR and HR, RGB [B, 3, H, W] in 0..1."""
        with torch.no_grad():
            target_features = self._features(hr)
        return (self._features(sr).float() - target_features.float()).abs().mean()

    def _features(self, image: Tensor) -> Tensor:
        x = ((image - self._mean) / self._std).to(self._dtype)
        for index, kernel, bias in self._layers:
            x = F.relu(F.conv2d(x, kernel, bias, padding=1))
            if index in _POOL_AFTER:
                x = F.max_pool2d(x, 2)
        return x
