"""The color watch's JPEG as a batched round trip in torch: baseline, 4:2:0, the watch's own quantization tables.

All 16 measured captures of two watches have the same two tables: Annex K times about 0.63 with DC steps of 8, which no
quality setting of common libraries gives. The arithmetic is that of common decoders: whole numbers after color
conversion, after chroma downsampling (mean of 2x2) and after the inverse transform, and triangle ("fancy") chroma
upsampling. Entropy coding is lossless and omitted. Blocks start at the corner of the region, so regions must start in
their frames at multiples of 16.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trainer_core.camera.stages.ycbcr import to_ycbcr
from trainer_core.uploads import constant

LUMA_TABLE = (
    8,
    7,
    6,
    10,
    15,
    25,
    32,
    38,
    7,
    7,
    9,
    12,
    16,
    37,
    38,
    35,
    9,
    8,
    10,
    15,
    25,
    36,
    44,
    35,
    9,
    11,
    14,
    18,
    32,
    55,
    51,
    45,
    11,
    14,
    23,
    35,
    39,
    63,
    68,
    51,
    15,
    22,
    35,
    40,
    47,
    68,
    74,
    61,
    31,
    40,
    49,
    55,
    68,
    80,
    79,
    67,
    46,
    58,
    60,
    71,
    74,
    66,
    68,
    65,
)
"""Luma quantization steps in natural (row by row) order, as Pillow's `qtables=` takes them."""

CHROMA_TABLE = (
    8,
    11,
    15,
    30,
    63,
    63,
    63,
    63,
    11,
    13,
    16,
    41,
    63,
    63,
    63,
    63,
    15,
    16,
    35,
    63,
    63,
    63,
    63,
    63,
    30,
    41,
    63,
    63,
    63,
    63,
    63,
    72,
    63,
    63,
    63,
    63,
    63,
    63,
    72,
    72,
    63,
    63,
    63,
    63,
    63,
    72,
    72,
    72,
    63,
    63,
    63,
    63,
    72,
    72,
    72,
    72,
    63,
    63,
    63,
    72,
    72,
    72,
    72,
    72,
)
"""Chroma quantization steps in natural order."""

ANNEX_K_LUMA = (
    16,
    11,
    10,
    16,
    24,
    40,
    51,
    61,
    12,
    12,
    14,
    19,
    26,
    58,
    60,
    55,
    14,
    13,
    16,
    24,
    40,
    57,
    69,
    56,
    14,
    17,
    22,
    29,
    51,
    87,
    80,
    62,
    18,
    22,
    37,
    56,
    68,
    109,
    103,
    77,
    24,
    35,
    55,
    64,
    81,
    104,
    113,
    92,
    49,
    64,
    78,
    87,
    103,
    121,
    120,
    101,
    72,
    92,
    95,
    98,
    112,
    100,
    103,
    99,
)
"""Luma table of ITU-T T.81 Annex K.1, unscaled; one of the watch's factory photos has it."""

ANNEX_K_CHROMA = (
    17,
    18,
    24,
    47,
    99,
    99,
    99,
    99,
    18,
    21,
    26,
    66,
    99,
    99,
    99,
    99,
    24,
    26,
    56,
    99,
    99,
    99,
    99,
    99,
    47,
    66,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
    99,
)
"""Chroma table of ITU-T T.81 Annex K.2, unscaled."""

_COEFFICIENT_PRECISION = 8  # integer transforms keep eighths, which determines what is rounded as a half


def jpeg_round_trip(rgb: Tensor, luma_table: Tensor, chroma_table: Tensor) -> Tensor:
    """Encode and decode [B, 3, h, w] of whole numbers 0..255, h and w multiples of 16; return whole numbers.

    Args:
        rgb: float32.
        luma_table: [64] or [B, 64], steps in natural order.
        chroma_table: [64] or [B, 64], for both color differences.
    """
    y, differences = to_ycbcr(rgb)
    coarse = _downsample_chroma(differences.round())
    y = _quantize_blocks(y.round() - 128, luma_table) + 128
    coarse = _quantize_blocks(coarse, chroma_table)
    return _ycbcr_to_rgb(y.clamp(0, 255), _upsample_chroma(coarse.clamp(-128, 127)))


def select_tables(annex_k: Tensor) -> tuple[Tensor, Tensor]:
    """Return luma and chroma tables [B, 64]: Annex K where `annex_k` [B] is above 0, else those of the watch."""
    luma, chroma, luma_k, chroma_k = constant(annex_k.device, _make_tables)
    chosen = (annex_k > 0).unsqueeze(1)
    return torch.where(chosen, luma_k, luma), torch.where(chosen, chroma_k, chroma)


def _make_tables() -> np.ndarray:
    return np.array((LUMA_TABLE, CHROMA_TABLE, ANNEX_K_LUMA, ANNEX_K_CHROMA), np.float32)


def _quantize_blocks(plane: Tensor, table: Tensor) -> Tensor:
    """Transform, quantize and restore [B, C, h, w], centered on 0, block by block; returns whole numbers."""
    batch, channels, height, width = plane.shape
    transform = constant(plane.device, _make_dct_matrix)
    steps = table.reshape(-1, 1, 64)
    blocks = plane.reshape(batch, channels, height // 8, 8, width // 8, 8).transpose(3, 4).reshape(batch, -1, 64)
    coefficients = (blocks @ transform.T * _COEFFICIENT_PRECISION).round()
    restored = _round_half_away(coefficients / (steps * _COEFFICIENT_PRECISION)) * steps @ transform
    whole = restored.round().reshape(batch, channels, height // 8, width // 8, 8, 8)
    return whole.transpose(3, 4).reshape(batch, channels, height, width)


def _round_half_away(x: Tensor) -> Tensor:
    # As encoders do; halves are common, because DC steps of 8 divide sums of 64 whole numbers.
    return x.add(x.sign(), alpha=0.5).trunc_()


def _make_dct_matrix() -> np.ndarray:
    """Return the orthonormal 8x8 DCT-II as one [64, 64] matrix for row-by-row blocks (ITU-T T.81, A.3.3)."""
    rows = [
        [math.sqrt((1 if u == 0 else 2) / 8) * math.cos((2 * x + 1) * u * math.pi / 16) for x in range(8)]
        for u in range(8)
    ]
    basis = np.array(rows, np.float32)
    return np.kron(basis, basis)


def _downsample_chroma(planes: Tensor) -> Tensor:
    """Compute means of 2x2; halves are rounded down and up in alternate columns, as libjpeg does."""
    total = F.avg_pool2d(planes, 2) * 4
    bias = 1 + torch.arange(total.shape[-1], device=planes.device) % 2
    return ((total + bias) / 4).floor()


def _upsample_chroma(planes: Tensor) -> Tensor:
    """Double the size by the triangle filter (3/4 near, 1/4 far along each axis), borders repeated."""
    padded = F.pad(planes, (1, 1, 1, 1), mode="replicate")
    near = 3 * padded[..., 1:-1, :]
    rows = torch.stack((near + padded[..., :-2, :], near + padded[..., 2:, :]), 3).flatten(2, 3)
    near = 3 * rows[..., 1:-1]
    both = torch.stack((near + rows[..., :-2] + 8, near + rows[..., 2:] + 7), 4).flatten(3, 4)
    return (both / 16).floor()


def _ycbcr_to_rgb(y: Tensor, differences: Tensor) -> Tensor:
    blue_difference, red_difference = differences[:, 0:1], differences[:, 1:2]
    red = y + (1.402 * red_difference).round()
    green = y - (0.344136 * blue_difference + 0.714136 * red_difference).round()
    blue = y + (1.772 * blue_difference).round()
    return torch.cat((red, green, blue), 1).clamp_(0, 255)
