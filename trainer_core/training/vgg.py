"""The perceptual loss: L1 between VGG19 features (up to relu3_3), with weights that the user supplies.

Source: Johnson et al. 2016, with the layers of torchvision's `features[:16]`. The layers are implemented here, so
torchvision is not needed; the strict reader reads their weights, a hundredth of its file `vgg19-dcbb9e9d.pth`. They
compute in the precision and the memory layout of the run. `losses` adds the term.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer_core.errors import UserError
from trainer_core.model.vgg_spec import LAYERS
from trainer_core.planning.hardware import Hardware
from trainer_core.weights.container.reader import load_tensors, open_weights
from trainer_core.weights.container.tensor_info import TensorInfo

VGG_FILE_NAME = "vgg19-dcbb9e9d.pth"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, on which the weights were trained


class PerceptualLoss(nn.Module):
    """Loss term: mean absolute difference of VGG19's relu3_3 features.

    Raises:
        UserError: the file is not torchvision's VGG19.
    """

    def __init__(self, weights: str, hardware: Hardware) -> None:
        super().__init__()
        device, self._dtype = hardware.torch_device, hardware.autocast_dtype or torch.float32
        self._layers: list[tuple[Tensor, Tensor, bool]] = []
        tensors = _read_weights(weights)
        for layer in LAYERS:
            kernel, bias = (tensors[name].to(device, self._dtype) for name in layer.shapes)
            self._layers.append((kernel.contiguous(memory_format=hardware.memory_format), bias, layer.is_pooled))
        self._mean = torch.tensor(_MEAN, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(_STD, device=device).view(1, 3, 1, 1)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Compute the scalar loss of SR and HR, RGB [B, 3, H, W] in 0..1."""
        with torch.no_grad():
            target_features = self._features(hr)
        return (self._features(sr).float() - target_features.float()).abs().mean()

    def _features(self, image: Tensor) -> Tensor:
        x = ((image - self._mean) / self._std).to(self._dtype)
        for kernel, bias, is_pooled in self._layers:
            x = F.relu(F.conv2d(x, kernel, bias, padding=1))
            if is_pooled:
                x = F.max_pool2d(x, 2)
        return x


def _read_weights(file: str) -> dict[str, Tensor]:
    """Read kernels and biases by name; the rest of the file, 568 MB of 575, stays on the disk."""
    header = open_weights(Path(file))
    shapes = {name: shape for layer in LAYERS for name, shape in layer.shapes.items()}
    wanted = {name: header.tree.get(name) if isinstance(header.tree, dict) else None for name in shapes}
    infos = {name: info for name, info in wanted.items() if isinstance(info, TensorInfo) and info.shape == shapes[name]}
    if len(infos) < len(shapes):
        raise UserError(f"--vgg-weights: {file} is not VGG19. Use torchvision's file {VGG_FILE_NAME}.")
    tensors = load_tensors(header, infos.values())
    return {name: tensors[info] for name, info in infos.items()}
