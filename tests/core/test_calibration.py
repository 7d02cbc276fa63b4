"""Calibration: each statistic measures what its name says; D and the classifier separate different sets."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

pytest.importorskip("torch")

from tests.small_runs import picture
from trainer_core.calibration.bounds import BOUNDS, watch_parameters
from trainer_core.calibration.classifier import patch_features, separability
from trainer_core.calibration.clean_frames import cut_clean_frame
from trainer_core.calibration.distance import COLOR_SCALES, MONO_SCALES, distance
from trainer_core.calibration.photo_set import PhotoSet
from trainer_core.calibration.search import iterate_fit, profile_drift, run_fit, score_profile
from trainer_core.calibration.slanted_edges import render_slanted_edges
from trainer_core.calibration.statistics import color_statistics, mono_statistics
from trainer_core.calibration.synthetic import simulate_photos
from trainer_core.camera import BUILTIN_PROFILES, CameraProfile, build_camera
from trainer_core.camera.profile import KINDS
from trainer_core.data.captures import read_captures
from trainer_core.data.decoding import decode


def smooth(seed: int, side: int = 120) -> np.ndarray:
    """A quiet mono scene in levels, not rounded: three broad waves."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    turns = [rng.uniform(-1, 1) * x + rng.uniform(-1, 1) * y + rng.uniform() for _ in range(3)]
    waves: np.ndarray = 8 + 1.5 * np.sin(2 * np.pi * np.stack(turns)).sum(0)
    return waves


def noisy(seed: int, sigma: float) -> np.ndarray:
    return np.clip(np.round(smooth(seed) + np.random.default_rng(seed + 999).normal(0, sigma, (120, 120))), 0, 15)


def step_image(width: float, overshoot: float = 0.0) -> np.ndarray:
    """Columns of a step from 4 to 11 levels in the middle, a ramp of `width` px, one pixel beyond it raised."""
    x = np.arange(120) - 59.5
    profile = 4 + 7 * np.clip(x / width + 0.5, 0, 1)
    profile[60 + round(width / 2)] += 7 * overshoot
    noisy_step: np.ndarray = profile + np.random.default_rng(0).normal(0, 0.02, (120, 120))
    return noisy_step


def test_every_term_is_measured() -> None:
    assert set(mono_statistics(noisy(0, 0.5))) == set(MONO_SCALES)
    rgb = np.random.default_rng(0).integers(0, 256, (144, 176, 3)).astype(np.uint8)
    assert set(color_statistics(rgb, 4000)) == set(COLOR_SCALES)


def test_noise_is_measured_in_levels() -> None:
    levels = smooth(3) + np.random.default_rng(0).normal(0, 0.4, (120, 120))
    found = mono_statistics(levels)
    assert found["quiet rms"][0] == pytest.approx(0.36, abs=0.06)  # the quietest tenth lies a little below
    assert abs(found["lag-1 H"][0]) < 0.08 and abs(found["lag-1 V"][0]) < 0.08


def test_the_fixed_pattern_is_found_with_its_sign() -> None:
    levels = noisy(1, 0.5)
    levels[1::2] += 0.2
    found = mono_statistics(levels)
    assert found["row alternation"][0] == pytest.approx(0.2, abs=0.05)
    assert abs(found["column alternation"][0]) < 0.05
    assert mono_statistics(levels.T.copy())["column alternation"][0] == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("width", [1.0, 3.0])
def test_an_edge_s_width_is_measured_across_it_only(width: float) -> None:
    found = mono_statistics(step_image(width))
    assert np.median(found["edge width H"]) == pytest.approx(0.8 * width, abs=0.35)
    assert not len(found["edge width V"])
    turned = mono_statistics(step_image(width).T.copy())
    assert np.array_equal(turned["edge width V"], found["edge width H"])


def test_overshoot_is_a_share_of_the_step() -> None:
    assert np.median(mono_statistics(step_image(1.0, 0.25))["overshoot H"]) == pytest.approx(0.25, abs=0.03)
    assert np.median(mono_statistics(step_image(1.0))["overshoot H"]) == pytest.approx(0.0, abs=0.03)


def test_the_distance_is_zero_to_itself_and_grows_with_the_difference() -> None:
    sets = [[mono_statistics(noisy(seed, sigma)) for seed in range(6)] for sigma in (0.3, 0.5, 0.9)]
    alike = [mono_statistics(noisy(seed, 0.3)) for seed in range(6, 12)]
    same, near, far = (distance(sets[0], other, MONO_SCALES)[0] for other in sets)
    assert same == 0.0 < near < far
    terms = distance(sets[0], sets[2], MONO_SCALES)[1]
    assert terms["quiet rms"] > 3 and terms["mean"] < 0.5
    assert distance(sets[0], alike, MONO_SCALES)[1]["quiet rms"] < 1


def test_the_classifier_is_lost_between_equals_and_sure_between_different_noise() -> None:
    groups = [
        [patch_features(noisy(seed, sigma), 0.01) for seed in seeds]
        for seeds, sigma in ((range(9), 0.3), (range(20, 50), 0.3), (range(60, 90), 0.6))
    ]
    assert abs(separability(groups[0], groups[1], seed=0) - 0.5) < 0.12
    assert separability(groups[0], groups[2], seed=0) > 0.95


@pytest.mark.parametrize("kind", ["mono", "color"])
def test_a_flat_photo_among_others_leaves_every_measure_finite(kind: str) -> None:
    shape = (120, 120) if kind == "mono" else (144, 176, 3)
    generator = np.random.default_rng(0)
    photos = [(17 * generator.integers(3, 12, shape)).astype(np.uint8) for _ in range(4)]
    real = PhotoSet.measure([np.full(shape, 255, np.uint8), *photos[:3]], kind)
    found, terms = real.distance_to(PhotoSet.measure(photos, kind))
    assert np.isfinite([found, *terms.values()]).all()
    assert np.isfinite(real.separability_from(PhotoSet.measure(photos, kind)))


def test_white_noise_is_uncorrelated_and_has_its_variance_in_every_band_of_any_size() -> None:
    for side in (120, 80):
        levels = [8 + 0.5 * np.random.default_rng(seed).standard_normal((side, side)) for seed in range(40)]
        found = [mono_statistics(image) for image in levels]
        assert np.mean([each["lag-1 H"] for each in found]) == pytest.approx(0, abs=0.02)
        assert np.mean([each["PSD H"] for each in found], 0) == pytest.approx(np.log10(0.25), abs=0.05)


@pytest.mark.parametrize("name", BUILTIN_PROFILES)
def test_the_built_in_ranges_are_within_what_is_physically_sensible(name: str) -> None:
    profile = CameraProfile.builtin(name)
    values = {**profile.ranges, **{key: (value, value) for key, value in profile.chances.items()}}
    for parameter, (low, high) in BOUNDS[profile.kind].items():
        assert low <= values[parameter][0] <= values[parameter][1] <= high, parameter
    assert set(BOUNDS[profile.kind]) <= set(KINDS[profile.kind].parameters())


def frames_of(profile: CameraProfile, count: int) -> np.ndarray:
    return cut_frames(profile, [np.asarray(picture(seed, 420, 340)) for seed in range(count)])


def cut_frames(profile: CameraProfile, photos: list[np.ndarray]) -> np.ndarray:
    camera = build_camera(profile, 2)
    return np.stack([cut_clean_frame(photo, camera, 0, n) for n, photo in enumerate(photos)])


def noisier(profile: CameraProfile) -> CameraProfile:
    """The same watch with much more noise and no enhancer."""
    ranges = {**profile.ranges, "noise": (0.25, 0.3), "gain": (2.5, 3.0), "sharpen_h": (0.2, 0.25)}
    return dataclasses.replace(profile, ranges=ranges)


def test_photos_are_repeated_by_the_seed_and_have_the_watch_s_form() -> None:
    for name in BUILTIN_PROFILES:
        profile = CameraProfile.builtin(name)
        frames = frames_of(profile, 2)
        one, again, other = (simulate_photos(profile, frames, 2, seed) for seed in (3, 3, 4))
        assert one[0].shape == ((120, 120) if profile.kind == "mono" else (144, 176, 3))
        assert all(np.array_equal(a, b) for a, b in zip(one, again)) and not np.array_equal(one[0], other[0])


def test_a_fit_moves_towards_the_captures_and_can_be_repeated() -> None:
    start = CameraProfile.builtin("wqv1")
    frames = frames_of(start, 18)
    real = PhotoSet.measure(simulate_photos(noisier(start), frames[:6], 2, 77), "mono")
    calls: list[tuple[int, int, float]] = []
    found = run_fit(iterate_fit(start, real, frames[6:], 2, candidates=20), lambda *call: calls.append(call))
    fresh = range(55, 59)  # draws that the fit has not seen; of a dozen, a third may chance to be taken indoors
    before, after = (
        sum(score_profile(each, real, frames[6:], 2, seed).total for seed in fresh) for each in (start, found)
    )
    assert after < 0.9 * before
    assert [done for done, _, _ in calls] == list(range(1, 21)) and calls[0][1] == 20
    assert found.kind == "mono" and found.ranges != start.ranges
    one, again = (run_fit(iterate_fit(start, real, frames[6:], 2, candidates=2)) for _ in range(2))
    assert one == again


def test_a_fit_changes_nothing_but_what_is_free() -> None:
    start = CameraProfile.builtin("wqv1")
    frames = frames_of(start, 18)
    real = PhotoSet.measure(simulate_photos(noisier(start), frames[:6], 2, 77), "mono")
    for free in (None, ["noise", "gamma"]):
        found = run_fit(iterate_fit(start, real, frames[6:], 2, candidates=12, free=free))
        changed = {name for name in start.ranges if found.ranges[name] != start.ranges[name]}
        assert changed and changed <= set(free or watch_parameters("mono"))


@pytest.mark.long
def test_soft_photographs_do_not_make_a_fitted_camera_sharper() -> None:
    start = CameraProfile.builtin("wqv1")
    camera = build_camera(start, 2)
    real = PhotoSet.measure(
        simulate_photos(start, render_slanted_edges(camera, 8, 3), 2, 77), "mono"
    )  # crisp scenes, this very camera
    soft = [Image.fromarray(frame).filter(ImageFilter.GaussianBlur(3)) for frame in frames_of(start, 12)]
    frames = np.stack([np.asarray(frame) for frame in soft])
    found = run_fit(iterate_fit(start, real, frames, 2, candidates=25, free=("psf_h", "sharpen_h")))

    def edges(profile: CameraProfile) -> list[float]:
        drawn = PhotoSet.measure(simulate_photos(profile, render_slanted_edges(camera, 12, 9), 2, 5), "mono")
        names = ("edge width H", "overshoot H")
        return [float(np.median(np.concatenate([image[name] for image in drawn.statistics]))) for name in names]

    assert edges(found) == pytest.approx(edges(start), abs=0.1)


def test_drawn_steps_follow_the_seed_and_fill_the_frame() -> None:
    camera = build_camera(CameraProfile.builtin("wqv10"), 2)
    one, other = render_slanted_edges(camera, 3, 4), render_slanted_edges(camera, 2, 5)
    assert one.shape == (3, 288, 352, 3) and one.dtype == np.uint8
    assert np.array_equal(one[:2], render_slanted_edges(camera, 2, 4)) and not np.array_equal(one[:2], other)
    assert all(3 <= len(np.unique(frame)) <= 16 for frame in one)


def test_drift_counts_the_way_in_units_of_the_bounds() -> None:
    start = CameraProfile.builtin("wqv1")
    noise, gain = BOUNDS["mono"]["noise"], BOUNDS["mono"]["gain"]
    half = 0.5 * (noise[1] - noise[0])
    moved = {**start.ranges, "noise": (start.ranges["noise"][0], start.ranges["noise"][1] + half)}
    assert profile_drift(start, start) == 0
    assert profile_drift(start, dataclasses.replace(start, ranges=moved)) == pytest.approx(0.5**2 / 2)
    third = (gain[1] / gain[0]) ** (1 / 3)
    louder = {**start.ranges, "gain": tuple(third * end for end in start.ranges["gain"])}
    assert profile_drift(start, dataclasses.replace(start, ranges=louder)) == pytest.approx(1 / 9)
    darker = dataclasses.replace(start, chances={"indoor": start.chances["indoor"] + 0.075})
    assert profile_drift(start, darker) == pytest.approx(0.5**2)


@pytest.mark.long
def test_few_captures_move_a_fit_less_than_many() -> None:
    start = CameraProfile.builtin("wqv1")
    frames = frames_of(start, 24)
    pixels = simulate_photos(noisier(start), frames[:12], 2, 77)
    found = [
        run_fit(iterate_fit(start, PhotoSet.measure(pixels[:count], "mono"), frames[12:], 2, candidates=25))
        for count in (3, 12)
    ]
    assert profile_drift(start, found[0]) < profile_drift(start, found[1])


LIMITS = {"mono": 0.8, "color": 1.2}
"""D of the built-in profiles on few photographs, with room for chance."""


@pytest.mark.parametrize("name", BUILTIN_PROFILES)
def test_the_built_in_profiles_are_close_to_real_captures(name: str) -> None:
    shared = Path(__file__).parents[3] / "shared"
    profile = CameraProfile.builtin(name)
    if not (shared / "wqv").is_dir() or not (shared / "photos").is_dir():
        pytest.skip("the captures of real watches are not on this machine")
    captures = [c for path in sorted((shared / "wqv" / profile.kind).iterdir()) for c in read_captures(path)]
    real = PhotoSet.measure([capture.pixels for capture in captures], profile.kind)
    photos = [decode(path) for path in sorted((shared / "photos").rglob("*.*"))[::7]]
    found = score_profile(profile, real, cut_frames(profile, photos), 2, 0)
    assert found.distance < LIMITS[profile.kind]
