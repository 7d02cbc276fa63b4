"""C2ST, a classifier two-sample test: how well a simple classifier distinguishes synthetic patches from real ones.

An AUC of 0.5 means that it cannot. The classifier is a linear discriminant analysis of the log energies of
24x24-patch cosine transforms, pooled into 6x6 frequency bands, trained and tested on disjoint images. Source:
docs/camera.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_PATCH = 24
_STRIDE = 12
_BANDS = 6
_SHRINKAGE = 0.1
_FOLDS = 3


def separability(real: Sequence[np.ndarray], synthetic: Sequence[np.ndarray], *, seed: int) -> float:
    """Compute the mean AUC over three folds of images, 0.5..1 (by chance a little below 0.5).

    Args:
        real: `patch_features` of every capture, at least three.
        synthetic: `patch_features` of every synthetic photo, at least three.
        seed: seed of the division into folds.
    """
    assert min(len(real), len(synthetic)) >= _FOLDS
    generator = np.random.default_rng(seed)
    groups = [list(real), list(synthetic)]
    parts = [np.array_split(generator.permutation(len(group)), _FOLDS) for group in groups]
    return float(np.mean([_fold_auc(groups, parts, fold) for fold in range(_FOLDS)]))


def _fold_auc(groups: list[list[np.ndarray]], parts: list[list[np.ndarray]], fold: int) -> float:
    train, test = [], []
    for group, part in zip(groups, parts):
        held_out = set(part[fold].tolist())
        train.append(np.concatenate([features for n, features in enumerate(group) if n not in held_out]))
        test.append(np.concatenate([features for n, features in enumerate(group) if n in held_out]))
    direction = _discriminant(*train)
    return _auc(test[0] @ direction, test[1] @ direction)


def _discriminant(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    scatter = (np.cov(a.T) + np.cov(b.T)) / 2
    ridge = _SHRINKAGE * np.trace(scatter) / len(scatter) * np.eye(len(scatter))
    direction: np.ndarray = np.linalg.solve((1 - _SHRINKAGE) * scatter + ridge, b.mean(0) - a.mean(0))
    return direction


def _auc(negatives: np.ndarray, positives: np.ndarray) -> float:
    ranks = np.concatenate((negatives, positives)).argsort().argsort()
    return float((ranks[len(negatives) :].mean() - (len(positives) - 1) / 2) / len(negatives))


def patch_features(image: np.ndarray, floor: float) -> np.ndarray:
    """Compute the log energies [patches, 35] of a gray image [h, w] by frequency band, without the band of the mean.

    Args:
        image: levels or codes.
        floor: energy added before the logarithm, that of the rounding noise of the image's unit.
    """
    windows = np.lib.stride_tricks.sliding_window_view(image, (_PATCH, _PATCH))[::_STRIDE, ::_STRIDE]
    patches = windows.reshape(-1, _PATCH, _PATCH)
    patches = patches - patches.mean((1, 2), keepdims=True)
    u = np.arange(_PATCH)
    basis = np.cos(np.pi * u[:, None] * (2 * u + 1) / (2 * _PATCH)) * np.sqrt(2 / _PATCH)
    basis[0] /= np.sqrt(2)
    energy = np.square(basis @ patches @ basis.T)
    width = _PATCH // _BANDS
    bands = energy.reshape(-1, _BANDS, width, _BANDS, width).mean((2, 4)).reshape(len(patches), -1)
    features: np.ndarray = np.log(bands + floor)[:, 1:]
    return features
