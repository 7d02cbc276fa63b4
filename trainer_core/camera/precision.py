"""Full float32 precision for the camera and for validations, even if training uses TF32.

With the ten mantissa bits of TF32, gray levels and JPEG codes on a GPU would differ from those on a CPU, and SSIM, the
difference of two large sums, would be wrong by several hundredths.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def disable_tf32() -> Iterator[None]:
    """Disable TF32 for matrix products and convolutions in this context; restore the former settings at its end."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = False
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
