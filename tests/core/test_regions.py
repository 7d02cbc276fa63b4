"""Patches: every sample is a pure function of (seed, n) and the photos, and lies where it says in its frame."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer_core.control import Stopped
from trainer_core.data import photo_troubles, regions
from trainer_core.data.decoding import PhotoError, decode
from trainer_core.data.frames import FrameSpec, RegionSpec, draw_placement, validation_frames
from trainer_core.data.photos import Photo, scan_photos
from trainer_core.data.pyramid import Box, Pyramid
from trainer_core.data.regions import Region, RegionSource
from trainer_core.errors import UserError
from trainer_core.randomness import Stream, make_generator

SPEC = RegionSpec(frame_width=24, frame_height=20, scale=2, region=8, multiple=1)


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "_RETRY_DELAY", 0.002)
    monkeypatch.setattr(photo_troubles, "PATIENCE", 0.1)


def smooth(width: int, height: int, seed: int = 0) -> np.ndarray:
    """A photo that is smooth at the scale of pixels, so that resampling hardly changes it."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def folder(root: Path, count: int = 6, width: int = 90, height: int = 70) -> tuple[Photo, ...]:
    for number in range(count):
        Image.fromarray(smooth(width, height, number)).save(root / f"{number}.png")
    return scan_photos(root).photos


def numbers(region: Region) -> tuple[object, ...]:
    return region.index, region.photo, region.left, region.top, region.hr.tobytes(), region.thumbnail.tobytes()


def first(source: RegionSource, count: int, start: int = 0, size: int = 4) -> list[tuple[object, ...]]:
    batches = itertools.islice(source.iterate_batches(start, size), -(-count // size))
    return [numbers(region) for batch in batches for region in batch][:count]


def alone(source: RegionSource, n: int) -> Region:
    """Sample `n`, cut before any other."""
    return next(source.iterate_batches(n, 1))[0]


def test_batches_are_prepared_in_the_cutting_threads_and_stay_in_order(tmp_path: Path) -> None:
    threads: set[str] = set()

    def prepare(regions: list[Region]) -> list[int]:
        threads.add(threading.current_thread().name)
        return [region.index for region in regions]

    with RegionSource(folder(tmp_path), SPEC, seed=1, threads=2) as source:
        prepared = list(itertools.islice(source.iterate_prepared(8, 4, prepare), 5))
    assert prepared == [list(range(start, start + 4)) for start in range(8, 28, 4)]
    assert threads and all(name.startswith("cut") for name in threads)


# Which sample.


def test_sample_n_depends_on_nothing_but_seed_n_and_the_photos(tmp_path: Path) -> None:
    photos = folder(tmp_path)
    with RegionSource(photos, SPEC, seed=7, regions_per_photo=3) as source:
        expected = [numbers(alone(source, n)) for n in range(40)]
    little = 2 * 90 * 70 * 4
    for cache, threads, start, size in ((1 << 30, 1, 0, 4), (little, 3, 0, 7), (0, 2, 5, 5), (4 * little, 2, 17, 6)):
        with RegionSource(photos, SPEC, seed=7, regions_per_photo=3, cache_bytes=cache, threads=threads) as source:
            by_cache = [numbers(alone(source, n)) for n in range(start, start + 20)]
            assert first(source, 20, start, size) == by_cache
            if cache == 1 << 30:
                assert by_cache == expected[start : start + 20]
    with RegionSource(photos, SPEC, seed=8, regions_per_photo=3) as source:
        assert first(source, 40) != expected


@pytest.mark.parametrize("cache", [2 * 90 * 70 * 4, 1 << 30])
def test_a_stride_omits_the_samples_of_other_processes(tmp_path: Path, cache: int) -> None:
    photos = folder(tmp_path)
    with RegionSource(photos, SPEC, seed=7, regions_per_photo=3, cache_bytes=cache) as source:
        all_samples = first(source, 48)
        batches = itertools.islice(source.iterate_batches(4, 4, stride=12), 4)
        shared = [numbers(region) for batch in batches for region in batch]
    assert shared == [sample for start in (4, 16, 28, 40) for sample in all_samples[start : start + 4]]


def test_a_pass_shows_each_photo_equally_often_and_the_next_differs(tmp_path: Path) -> None:
    photos = folder(tmp_path)
    for cache in (1 << 30, 3 * 90 * 70 * 4):
        with RegionSource(photos, SPEC, seed=1, regions_per_photo=5, cache_bytes=cache) as source:
            shown = [name for _, name, *_ in first(source, 60)]
            cuts = {n[4] for n in first(source, 60)}
        for one_pass in (shown[:30], shown[30:]):
            assert all(one_pass.count(photo.name) == 5 for photo in photos)
        assert shown[:30] != shown[30:]
        assert len(cuts) == 60


def test_photos_are_decoded_once_where_all_fit_and_once_a_pass_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = folder(tmp_path)
    decoded: list[Path] = []

    def counting(path: Path) -> np.ndarray:
        decoded.append(path)
        return decode(path)

    monkeypatch.setattr(regions, "decode", counting)
    with RegionSource(photos, SPEC, seed=1, regions_per_photo=4) as source:
        first(source, 24 * 3)
        assert sorted(decoded) == sorted(photo.path for photo in photos)
    decoded.clear()
    with RegionSource(photos, SPEC, seed=1, regions_per_photo=40, cache_bytes=4 * 90 * 70 * 4) as source:
        first(source, 240 * 3)
        assert len(decoded) <= 6 * 3 + 4  # and the block decoded ahead


def test_memory_stays_within_the_cache(tmp_path: Path) -> None:
    cache = 4 * 90 * 70 * 4
    with RegionSource(folder(tmp_path, 12), SPEC, seed=1, regions_per_photo=30, cache_bytes=cache) as source:
        for _ in itertools.islice(source.iterate_batches(0, 4), 200):
            done = [future.result() for future in list(source._decoded.values()) if future.done()]
            assert sum(picture.nbytes for picture in done if isinstance(picture, Pyramid)) <= cache * 1.5


def test_the_first_batch_does_not_wait_for_the_whole_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    numbers = itertools.count(1)

    def slow(path: Path) -> np.ndarray:
        if next(numbers) > 20:  # half of the block; the threads take turns as the system pleases
            gate.wait(5)
        return decode(path)

    monkeypatch.setattr(regions, "decode", slow)
    with RegionSource(folder(tmp_path, 40), SPEC, seed=1, regions_per_photo=50) as source:
        begin = time.monotonic()
        next(source.iterate_batches(0, 4))
        assert time.monotonic() - begin < 4
        gate.set()


# Where it lies.


@pytest.mark.parametrize("size", [(90, 70), (51, 300), (48, 40), (30, 30), (16, 90), (200, 17)])
@pytest.mark.parametrize("multiple", [1, 4])
def test_regions_lie_in_the_frame_and_on_the_photo(size: tuple[int, int], multiple: int) -> None:
    spec = RegionSpec(24, 20, 2, 8, multiple)
    seen = set()
    for n in range(300):
        placed = draw_placement(*size, spec, make_generator(0, Stream.PATCH, n))
        seen.add((placed.left, placed.top))
        assert placed.left % multiple == placed.top % multiple == 0
        assert 0 <= placed.left <= 24 - 8 and 0 <= placed.top <= 20 - 8
        sides = size[::-1] if placed.region.transposed else size
        for box in (placed.region.box, placed.frame.box):
            assert 0 <= box.left < box.right <= sides[0] and 0 <= box.top < box.bottom <= sides[1]
        region, frame = placed.region.box, placed.frame.box
        assert frame.left <= region.left + 1e-6 and region.right <= frame.right + 1e-6
        zoom = (region.right - region.left) / 16
        assert 1 - 1e-9 <= zoom <= max(1.0, min(sides[0] / 48, sides[1] / 40)) + 1e-9
        if min(sides[0] / 48, sides[1] / 40) >= 1:  # the whole frame is on the photo, and the region where it says
            assert frame.right - frame.left == pytest.approx(48 * zoom)
            assert region.left - frame.left == pytest.approx(placed.left * 2 * zoom)
            assert region.top - frame.top == pytest.approx(placed.top * 2 * zoom)
        else:  # the frame reaches beyond: all that there is of the photo on that axis may be seen
            assert zoom == 1
    assert {left for left, _ in seen} == set(range(0, 17, multiple))
    assert {top for _, top in seen} == set(range(0, 13, multiple))


def test_a_region_is_the_window_of_its_frame() -> None:
    pyramid = Pyramid(smooth(300, 210))
    for n in range(60):
        placed = draw_placement(300, 210, SPEC, make_generator(3, Stream.PATCH, n))
        frame = placed.frame.cut(pyramid, 48, 40)
        region = placed.region.cut(pyramid, 16, 16)
        window = frame[placed.top * 2 :, placed.left * 2 :][:16, :16]
        assert np.abs(region.astype(int) - window).max() <= 1


def test_crop_sizes_reach_from_the_pixels_themselves_to_the_whole_shorter_side() -> None:
    zooms = [draw_placement(480, 800, SPEC, make_generator(0, Stream.PATCH, n)).region.box for n in range(600)]
    logs = np.log([(box.right - box.left) / 16 for box in zooms])
    largest = np.log([min(480 / 48, 800 / 40), min(800 / 48, 480 / 40)])  # upright, transposed
    assert logs.min() < 0.05 and logs.max() > largest.max() - 0.1
    assert np.mean(logs) == pytest.approx(largest.mean() / 2, rel=0.1)


def test_all_eight_orientations_occur_and_turn_the_photo_not_only_the_crop() -> None:
    pixels = np.zeros((40, 48, 3), np.uint8)
    pixels[:20, :24], pixels[:20, 24:], pixels[20:, :24] = 50, 100, 150
    seen = set()
    for n in range(100):
        placed = draw_placement(48, 40, RegionSpec(20, 20, 2, 20, 1), make_generator(0, Stream.PATCH, n))
        cut = placed.region.cut(Pyramid(pixels), 40, 40)
        seen.add(tuple(int(cut[y, x, 0]) for y in (0, 39) for x in (0, 39)))
    assert seen == {
        (50, 100, 150, 0),
        (100, 50, 0, 150),
        (150, 0, 50, 100),
        (0, 150, 100, 50),
        (50, 150, 100, 0),
        (150, 50, 0, 100),
        (100, 0, 50, 150),
        (0, 100, 150, 50),
    }


def test_a_large_photo_is_reduced_by_averaging_not_by_dropping_pixels() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    pyramid = Pyramid(noise)
    for factor in (1.5, 2, 3.7, 8):
        cut = pyramid.cut(Box(3.3, 1.2, 3.3 + 40 * factor, 1.2 + 40 * factor), 40, 40)
        assert cut.std() < 74 / factor * 1.4
        assert cut.mean() == pytest.approx(127, abs=6)


def test_at_one_to_one_the_pixels_are_those_of_the_photo() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 50, 3), dtype=np.uint8)
    assert np.array_equal(Pyramid(noise).cut(Box(3, 5, 23, 20), 20, 15), noise[5:20, 3:23])


def test_a_photo_smaller_than_a_region_is_enlarged_and_named(tmp_path: Path) -> None:
    Image.fromarray(smooth(90, 70)).save(tmp_path / "large.png")
    Image.fromarray(smooth(12, 30, 1)).save(tmp_path / "small.png")
    with RegionSource(scan_photos(tmp_path).photos, SPEC, seed=0) as source:
        assert source.enlarged == ("small.png",)
        regions = [alone(source, n) for n in range(32)]
    assert all(region.hr.shape == (16, 16, 3) and region.thumbnail.shape == (40, 40, 3) for region in regions)


def test_a_region_larger_than_the_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        RegionSpec(24, 20, 2, 21, 1)


# When photos go bad while the run goes on.


@pytest.mark.parametrize("place_in_block", [0, 5, -1])
def test_a_broken_photo_is_always_replaced_by_the_same_one_and_reported_once(
    tmp_path: Path, place_in_block: int
) -> None:
    photos = folder(tmp_path, 10)
    with RegionSource(photos, SPEC, seed=2) as source:
        broken = photos[source._blocks_of_pass(0)[0].photos[place_in_block]]
    broken.path.write_bytes(broken.path.read_bytes()[:200])
    problems: list[tuple[str, str]] = []
    with RegionSource(
        photos, SPEC, seed=2, regions_per_photo=4, on_bad_photo=lambda *bad: problems.append(bad)
    ) as source:
        taken = first(source, 80)
        assert taken == [numbers(alone(source, n)) for n in range(80)]
    assert broken.name not in {name for _, name, *_ in taken}
    assert [name for name, _ in problems] == [broken.name] and problems[0][1]


def test_too_many_broken_photos_stop_the_run_with_the_reason(tmp_path: Path) -> None:
    photos = folder(tmp_path, 10)
    for photo in photos[:3]:
        photo.path.unlink()
    with RegionSource(photos, SPEC, seed=2) as source, pytest.raises(UserError, match=r"3 of 10 .*No such file"):
        first(source, 400)
    with RegionSource(photos[:1], SPEC, seed=2) as source, pytest.raises(UserError, match="1 of 1"):
        alone(source, 0)


class FlakyDrive:
    """Stands for `decode`: reading a photo fails while `fails(name)` is true."""

    def __init__(self, fails: Callable[[str], bool]) -> None:
        self._fails = fails
        self._lock = threading.Lock()

    def __call__(self, path: Path) -> np.ndarray:
        with self._lock:
            failed = self._fails(path.name)
        if failed:
            raise PhotoError("cannot be read: Input/output error", is_momentary=True)
        return decode(path)


def test_momentary_read_errors_are_retried_and_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = folder(tmp_path, 20)
    cache = 4 * 90 * 70 * 4
    with RegionSource(photos, SPEC, seed=3, regions_per_photo=4, cache_bytes=cache) as source:
        expected = first(source, 800)
    reads = itertools.count(1)
    monkeypatch.setattr(regions, "decode", FlakyDrive(lambda name: next(reads) % 23 == 0))
    problems: list[tuple[str, str]] = []
    with RegionSource(
        photos,
        SPEC,
        seed=3,
        regions_per_photo=4,
        cache_bytes=cache,
        threads=1,
        on_bad_photo=lambda *bad: problems.append(bad),
    ) as source:
        assert first(source, 800) == expected
    assert not problems and next(reads) > 100


def test_a_photo_that_cannot_be_read_is_replaced_for_one_pass_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = folder(tmp_path, 10)
    with RegionSource(photos, SPEC, seed=3, regions_per_photo=4) as source:
        expected = first(source, 120)
    reads = itertools.count()
    monkeypatch.setattr(regions, "decode", FlakyDrive(lambda name: name == "4.png" and next(reads) < 2))
    problems: list[tuple[str, str]] = []
    with RegionSource(photos, SPEC, seed=3, regions_per_photo=4, on_bad_photo=lambda *b: problems.append(b)) as source:
        taken = first(source, 120)
    assert "4.png" not in {name for _, name, *_ in taken[:40]}
    assert [one for one in expected[:40] if one[1] != "4.png"] == [
        one for one, other in zip(taken, expected[:40]) if other[1] != "4.png"
    ]
    assert taken[40:] == expected[40:]
    assert problems == [("4.png", "cannot be read: Input/output error; it is tried again in the next pass")]


def test_a_photo_that_cannot_be_read_in_three_passes_is_bad_and_too_many_of_them_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = folder(tmp_path, 10)
    monkeypatch.setattr(regions, "decode", FlakyDrive(lambda name: name in ("4.png", "7.png")))
    problems: list[tuple[str, str]] = []
    with RegionSource(photos, SPEC, seed=3, regions_per_photo=4, on_bad_photo=lambda *b: problems.append(b)) as source:
        assert not {"4.png", "7.png"} & {str(name) for _, name, *_ in first(source, 200)}
    assert len(problems) == 4 and sorted(problems)[0] == ("4.png", "cannot be read: Input/output error")
    monkeypatch.setattr(regions, "decode", FlakyDrive(lambda name: name in ("4.png", "7.png", "8.png")))
    with RegionSource(photos, SPEC, seed=3) as source, pytest.raises(UserError, match=r"3 of 10 .*Input/output error"):
        first(source, 200)


def test_when_the_drive_drops_out_samples_wait_and_are_the_same_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = folder(tmp_path, 10)
    with RegionSource(photos, SPEC, seed=3, regions_per_photo=4) as source:
        expected = first(source, 120)
    monkeypatch.setattr(photo_troubles, "PATIENCE", 20.0)
    reads = itertools.count()
    monkeypatch.setattr(regions, "decode", FlakyDrive(lambda name: next(reads) < 60))
    waits: list[str] = []
    problems: list[str] = []
    with RegionSource(
        photos,
        SPEC,
        seed=3,
        regions_per_photo=4,
        on_bad_photo=lambda name, _: problems.append(name),
        on_wait=waits.append,
    ) as source:
        taken = first(source, 120)
    assert waits and set(waits) == {"cannot be read: Input/output error"} and len(problems) <= 2
    assert taken[40:] == expected[40:]
    assert sum(one != other for one, other in zip(taken, expected)) <= 2 * 4


def test_a_decoder_that_does_not_return_costs_a_photo_for_one_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = folder(tmp_path, 10)
    release = threading.Event()

    def hanging(path: Path) -> np.ndarray:
        if path.name == "4.png" and not release.is_set():
            release.wait(60)
        return decode(path)

    monkeypatch.setattr(regions, "decode", hanging)
    monkeypatch.setattr(regions, "DECODE_TIMEOUT", 0.2)
    problems: list[tuple[str, str]] = []
    with RegionSource(photos, SPEC, seed=3, regions_per_photo=4, on_bad_photo=lambda *b: problems.append(b)) as source:
        samples = source.iterate_batches(0, 4)
        one_pass = [next(samples) for _ in range(7)]  # the next pass is not begun ahead
        release.set()
        later = [next(samples) for _ in range(13)][3:]
    assert "4.png" not in {region.photo for batch in one_pass for region in batch}
    assert "4.png" in {region.photo for batch in later for region in batch}
    assert problems[0][0] == "4.png" and "no answer" in problems[0][1]


def test_a_stop_is_noticed_while_a_batch_waits_for_its_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hanging(path: Path) -> np.ndarray:
        release.wait(60)
        return decode(path)

    def stop() -> None:
        raise Stopped

    monkeypatch.setattr(regions, "decode", hanging)
    with RegionSource(folder(tmp_path), SPEC, seed=3, check_stop=stop) as source, pytest.raises(Stopped):
        next(source.iterate_batches(0, 4))
    release.set()


def test_a_photo_that_changed_its_size_is_not_used(tmp_path: Path) -> None:
    photos = folder(tmp_path, 3)
    Image.fromarray(smooth(70, 90)).save(photos[0].path)
    problems: list[tuple[str, str]] = []
    with RegionSource(photos, SPEC, seed=2, on_bad_photo=lambda *bad: problems.append(bad)) as source:
        first(source, 48)
    assert problems == [("0.png", "the file changed after the folder was scanned")]


def test_leaving_early_ends_the_threads(tmp_path: Path) -> None:
    def threads() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name in ("decode", "cut")]

    def wait_for_their_end() -> bool:
        deadline = time.monotonic() + 20
        while threads() and time.monotonic() < deadline:
            time.sleep(0.01)
        return not threads()

    assert wait_for_their_end()  # those of earlier tests
    with RegionSource(folder(tmp_path), SPEC, seed=2) as source:
        next(source.iterate_batches(0, 4))
        assert threads()
    assert wait_for_their_end()
    source.close()


# What is validated on.


def test_validation_frames_are_always_the_same_whole_frames(tmp_path: Path) -> None:
    photos = folder(tmp_path, 9)
    frames = validation_frames(photos, FrameSpec(24, 20, 2), seed=1)
    again = validation_frames(photos[::-1], FrameSpec(24, 20, 2), seed=1)
    assert [(f.name, f.hr.tobytes()) for f in frames] == [(f.name, f.hr.tobytes()) for f in again]
    assert len(frames) == 9 == len({frame.name for frame in frames})
    assert all(
        f.hr.shape == (40, 48, 3) and (f.left, f.top) == (0, 0) and f.thumbnail.shape == (40, 40, 3) for f in frames
    )
    assert len({frame.name for frame in validation_frames(photos, FrameSpec(24, 20, 2), seed=1, limit=4)}) == 4


def test_few_photos_give_several_different_frames(tmp_path: Path) -> None:
    frames = validation_frames(folder(tmp_path, 3, 200, 180), FrameSpec(24, 20, 2), seed=1)
    assert len(frames) == 8 == len({frame.hr.tobytes() for frame in frames})


def test_a_photo_smaller_than_the_frame_fills_a_part_of_it(tmp_path: Path) -> None:
    (frame, *_) = validation_frames(folder(tmp_path, 1, 300, 150), FrameSpec(176, 144, 2), seed=1)
    assert frame.hr.shape == (64 * 2, 144 * 2, 3)
    assert (frame.left, frame.top) == (16, 32)


def test_broken_validation_photos_are_passed_over(tmp_path: Path) -> None:
    photos = folder(tmp_path, 4)
    photos[1].path.write_bytes(b"")
    problems: list[str] = []
    frames = validation_frames(photos, FrameSpec(24, 20, 2), seed=1, on_bad_photo=lambda name, _: problems.append(name))
    assert {frame.name for frame in frames} == {"0.png", "2.png", "3.png"} and problems == ["1.png"]
    with pytest.raises(UserError, match="empty"):
        validation_frames(photos[1:2], FrameSpec(24, 20, 2), seed=1)


def test_no_more_than_two_blocks_of_photos_are_in_memory(tmp_path: Path) -> None:
    photos = folder(tmp_path, 8)
    one = 90 * 70 * 4
    with RegionSource(photos, SPEC, seed=1, regions_per_photo=4, cache_bytes=2 * one) as source:
        batches = source.iterate_batches(0, 4)
        for _ in range(16):
            next(batches)
            assert len(source._decoded) <= 2


def test_photos_are_decoded_one_after_another_where_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, at_once, most = folder(tmp_path, 6), 0, 0

    def decode_slowly(path: Path) -> np.ndarray:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.02)
        at_once -= 1
        return decode(path)

    monkeypatch.setattr(regions, "decode", decode_slowly)
    for cache, is_short in ((90 * 70 * 8, True), (1 << 30, False)):
        most = 0
        with RegionSource(photos, SPEC, seed=1, cache_bytes=cache, threads=4) as source:
            first(source, 120)
        assert (most == 1) is is_short


@pytest.mark.parametrize("size", [(1001, 777), (512, 300), (257, 129)])
def test_levels_are_exact_averages_of_the_whole_photo(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    levels = Pyramid(pixels).levels
    assert len(levels) > 1 and levels[0] is pixels
    for level in levels[1:]:
        image = image.reduce(2)
        assert np.array_equal(level, np.asarray(image))
