"""Plain float32 for the camera: the network may use TF32 on a GPU, a camera with ten bits of mantissa would see levels
and JPEG codes differently from the same camera on a processor.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def disable_tf32() -> Iterator[None]:
    """Neither matrix products nor convolutions use TF32 inside; afterwards it is as before."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = False
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
