"""Simulation of clean photos as synthetic watch photos with the camera of a run: whole frames, LR and target.

The result for a photo depends only on its file name, the seed and the number of the frame, not on other photos.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from trainer_core.camera import Camera, CameraProfile, ColorCamera, FrameView, build_camera
from trainer_core.camera.jpeg import select_tables
from trainer_core.camera.parameters import ColorParams
from trainer_core.data.decoding import PhotoError, decode, decode_bytes, read_size
from trainer_core.data.photos import name_bytes, scan_photos
from trainer_core.data.pyramid import Box, Pyramid, enlarge_part
from trainer_core.errors import UserError, end_with_advice, explain_out_of_memory
from trainer_core.files import file_identity, real_path, shorten_name, write_bytes
from trainer_core.input_files import CHECK_PATH, explain_missing
from trainer_core.pixels import mark_result, png_bytes, to_tensor, to_uint8
from trainer_core.randomness import Stream, make_generator, make_torch_generator
from trainer_core.settings.config import SETTINGS
from trainer_core.uploads import upload
from trainer_core.verbs.output_files import make_folder, refuse_overwriting, refuse_replacing_others
from trainer_core.watches import WQV10

SCALES = (2, 4, 8)
MAX_COUNT = 1000  # frames of one photo
FrameProgress = Callable[[int, int], None]


@dataclass
class SimulationResult:
    """The outcome of `simulate`.

    Args:
        written: files written.
        refused: photos that cannot be used, with the reason.
        notices: sentences for the user.
        replaced: number of files in `written` that existed before.
        removed: number of color JPEGs of an earlier simulation that were removed because mono frames replaced them.
    """

    written: list[Path] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    replaced: int = 0
    removed: int = 0

    def format_summary(self) -> str:
        """Return a summary in one line."""
        replaced = f", earlier files replaced: {self.replaced}" if self.replaced else ""
        removed = f", JPEG files of an earlier color simulation removed: {self.removed}" if self.removed else ""
        return f"Files written: {len(self.written)}{replaced}{removed}."


def simulate(
    photos: Sequence[Path | str],
    out_dir: Path | str,
    *,
    camera: str,
    scale: int,
    count: int = 1,
    seed: int = 1337,
    progress: FrameProgress | None = None,
) -> SimulationResult:
    """Write `out_dir/lr/NAME.png` and `out_dir/target/NAME.png` for every photo; color also `lr/NAME.jpg`.

    LR is a whole watch frame: 120x120 gray with levels 0, 17 … 255, or 176x144 RGB, the decoded `NAME.jpg`. The target
    is `scale` times as large, rounded to 8 bits. The first frame is the largest in the center of the photo; the others
    have random positions and sizes. Frames are named `NAME_1` … if `count` is above 1. Photos of the same name get
    their folder as a prefix. Files of an earlier simulation with the same names are replaced. A photo whose frames
    would replace another file is refused, and all other files in `out_dir` are kept.

    Args:
        photos: files, and folders searched with their subfolders, except `lr` and `target` of `out_dir`.
        out_dir: folder for the results, created if missing.
        camera: "wqv1" or "wqv10".
        scale: 2, 4 or 8.
        count: frames of each photo, from 1 to 1000.
        seed: seed of the random numbers, within the limits of the setting `seed`.
        progress: called with the number of finished photos and of all photos.

    Raises:
        UserError: there are no photos, a number is outside its limits, or `out_dir` cannot be created.
    """
    _check_numbers(scale, count, seed)
    watch = build_camera(CameraProfile.builtin(camera), scale)
    out_dir = Path(out_dir)
    done = SimulationResult()
    files = _collect_files([Path(photo) for photo in photos], out_dir, done)
    sources = {file_identity(file) for file in files}
    for folder in _list_result_folders(out_dir):
        make_folder(folder)
    for number, (file, names) in enumerate(zip(files, _name_all_frames(files, count))):
        try:
            for result in (result for name in names for result in _list_result_paths(out_dir, name)):
                refuse_overwriting(result, sources, "one of the photos to simulate. Choose another folder with -o.")
            for name in names:
                _refuse_replacing_others(out_dir, name, watch)
            with explain_out_of_memory(f"simulate {file}", hint="Or use a smaller copy of the photo."):
                _write_frames(file, watch, names, seed, out_dir, done)
        except UserError as error:
            done.refused.append((file, str(error)))
        if progress is not None:
            progress(number + 1, len(files))
    return done


def _check_numbers(scale: int, count: int, seed: int) -> None:
    if scale not in SCALES:
        raise UserError(f"--scale must be one of {', '.join(map(str, SCALES))}, not {scale}.")
    if not 1 <= count <= MAX_COUNT:
        raise UserError(f"--count must be from 1 to {MAX_COUNT}, not {count}.")
    problem = SETTINGS["seed"].problem(seed)
    if problem is not None:
        raise UserError(problem)


def _collect_files(photos: list[Path], out_dir: Path, result: SimulationResult) -> list[Path]:
    """Return each photo once, under its first path; add those that cannot be used to `result.refused`."""
    found: dict[Path, Path] = {}
    for photo in photos:
        try:
            for file in _iterate_files(photo, out_dir, result):
                found.setdefault(real_path(file), file)
        except UserError as error:
            result.refused.append((photo, error.message))
    if not found:
        raise UserError(
            " ".join(reason for _, reason in result.refused)
            or "There are no photos to simulate. Give files or folders with photos."
        )
    refused = {real_path(path) for path, _ in result.refused}  # a photo may have come from a folder as well
    return [file for resolved, file in found.items() if resolved not in refused]


def _iterate_files(photo: Path, out_dir: Path, result: SimulationResult) -> Iterator[Path]:
    if os.path.isdir(photo):
        results = [folder for folder in _list_result_folders(out_dir) if file_identity(folder) != file_identity(photo)]
        found = scan_photos(photo, exclude=results, duplicates=True)
        rejected = [(photo / entry.name, entry.reason) for entry in found.rejected]
        result.refused += [(path, f"{path} cannot be used: {reason}.") for path, reason in rejected]
        result.notices += [f"{photo / entry.name} is passed over: {entry.reason}." for entry in found.passed_over]
        yield from (entry.path for entry in found.photos)
    elif os.path.exists(photo):
        yield photo
    else:
        raise UserError(f"{explain_missing(photo)} {CHECK_PATH}")


def _name_all_frames(files: list[Path], count: int) -> Iterator[list[str]]:
    """Yield the names of the frames of each file, all different even if the case of letters is ignored."""
    stems = Counter(file.stem.lower() for file in files)
    taken: set[str] = set()
    for file in files:
        parent = real_path(file.parent).name
        base = shorten_name(file.stem if stems[file.stem.lower()] == 1 or not parent else f"{parent}_{file.stem}")
        names, number = _name_frames(base, count), 1
        while taken.intersection(name.lower() for name in names):
            number += 1
            names = _name_frames(f"{base}-{number}", count)
        taken.update(name.lower() for name in names)
        yield names


def _name_frames(base: str, count: int) -> list[str]:
    return [base] if count == 1 else [f"{base}_{place}" for place in range(1, count + 1)]


def _iterate_frames(file: Path, watch: Camera, count: int, seed: int) -> Iterator[tuple[FrameView, bool]]:
    """Yield the frames of a photo, and whether the photo was enlarged for them."""
    width, height = watch.frame_width * watch.scale, watch.frame_height * watch.scale
    try:
        photo = decode(file)
    except UserError as error:
        reason = end_with_advice(error.message, "Use another copy, or leave it out.")
        raise UserError(f"{file} cannot be used: {reason}") from error
    is_small = photo.shape[1] < width or photo.shape[0] < height
    pyramid = None if is_small else Pyramid(photo)
    for place in range(count):
        draws = _draw_position(file, place, seed)
        if pyramid is None:
            pixels = _enlarge_frame(photo, width, height, draws)
        else:
            pixels = pyramid.cut(_choose_crop(pyramid, width, height, draws), width, height)
        yield FrameView.whole_frames(to_tensor(pixels)[None], watch.scale), is_small


def _draw_position(file: Path, place: int, seed: int) -> list[float]:
    """Return size (1: largest) and position across and down (0.5: center) of a frame."""
    if place == 0:
        return [1.0, 0.5, 0.5]
    draws: list[float] = make_generator(seed, Stream.SIMULATION, _hash_frame(file, place)).random(3).tolist()
    return draws


def _choose_crop(pyramid: Pyramid, width: int, height: int, draws: list[float]) -> Box:
    rows, columns = pyramid.levels[0].shape[:2]
    size, across, down = draws
    zoom = max(1.0, min(columns / width, rows / height)) ** size
    left = max(0.0, columns - width * zoom) * across  # rounding may leave less than nothing
    top = max(0.0, rows - height * zoom) * down
    if zoom == 1.0:  # whole pixels need no resampling
        left, top = float(int(left)), float(int(top))
    return Box(left, top, min(left + width * zoom, columns), min(top + height * zoom, rows))


def _enlarge_frame(photo: np.ndarray, width: int, height: int, draws: list[float]) -> np.ndarray:
    """Enlarge a photo that is too small for a frame, but only the part in the frame: a panorama can be very long."""
    rows, columns = photo.shape[:2]
    factor = max(width / columns, height / rows)
    size = max(width, round(columns * factor)), max(height, round(rows * factor))
    _, across, down = draws
    return enlarge_part(photo, size, int((size[0] - width) * across), int((size[1] - height) * down), width, height)


def _hash_frame(file: Path, place: int) -> int:
    return int.from_bytes(hashlib.sha256(name_bytes(file.name) + b"\0%d" % place).digest()[:6], "big")


def _write_frames(
    file: Path, watch: Camera, names: list[str], seed: int, out_dir: Path, result: SimulationResult
) -> None:
    for place, (view, is_small) in enumerate(_iterate_frames(file, watch, len(names), seed)):
        if is_small and place == 0:
            result.notices.append(f"{file} is smaller than a watch frame at x{watch.scale} and was enlarged to fit.")
        earlier = {path for path in _list_result_paths(out_dir, names[place]) if os.path.exists(path)}
        made = _write_frame(watch, view, seed, _hash_frame(file, place), out_dir, names[place])
        _count_written(made, earlier, result)


def _write_frame(watch: Camera, view: FrameView, seed: int, index: int, out_dir: Path, name: str) -> list[Path]:
    noise = make_torch_generator(seed, Stream.NOISE, index)
    assert view.thumbnail is not None
    values = upload(watch.prepare(seed, [index], view.thumbnail))
    lr_png, target_png = out_dir / "lr" / f"{name}.png", out_dir / "target" / f"{name}.png"
    if isinstance(watch, ColorCamera):
        codes, target = watch.render_before_jpeg(view, values, noise)
        jpeg = _encode_jpeg(to_uint8(codes / 255)[0], ColorParams.from_columns(values))
        files = {
            lr_png: png_bytes(decode_bytes(jpeg), text=mark_result()),
            lr_png.with_suffix(".jpg"): jpeg,
            target_png: png_bytes(to_uint8(target)[0], text=mark_result()),
        }
    else:
        lr, target = watch.simulate(view, values, noise)
        files = {
            lr_png: png_bytes(to_uint8(lr)[0, ..., 0], text=mark_result()),
            target_png: png_bytes(to_uint8(target)[0, ..., 0], text=mark_result()),
        }
    _write_together(files)
    return list(files)


def _write_together(files: dict[Path, bytes]) -> None:
    """Write the files of a frame; if one cannot be written, remove those before it.

    Raises:
        OSError: a file cannot be written.
    """
    written = []
    try:
        for path, content in files.items():
            write_bytes(path, content)
            written.append(path)
    except OSError:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _encode_jpeg(pixels: np.ndarray, params: ColorParams) -> bytes:
    """Encode pixels as JPEG with the quantization tables of the watch, which `jpeg_round_trip` simulates."""
    luma, chroma = select_tables(params.annex_k)
    tables = [[int(step) for step in table.flatten().tolist()] for table in (luma, chroma)]
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "JPEG", qtables=tables, subsampling=2)
    return packed.getvalue()


def _count_written(made: list[Path], earlier: set[Path], result: SimulationResult) -> None:
    """Count the written and replaced files, and remove color JPEGs that the new mono frame leaves behind."""
    result.written += made
    result.replaced += len(earlier.intersection(made))
    for leftover in earlier.difference(made):
        if _is_color_frame(leftover):
            leftover.unlink()
            result.removed += 1


def _is_color_frame(path: Path) -> bool:
    try:
        return read_size(path) == (WQV10.frame_width, WQV10.frame_height)
    except PhotoError:
        return False


def _refuse_replacing_others(out_dir: Path, name: str, watch: Camera) -> None:
    """Refuse to replace or remove a file that is no result; a JPEG is one if the PNG beside it is a color frame."""
    lr, jpeg, target = _list_result_paths(out_dir, name)
    for path in (lr, target):
        refuse_replacing_others(path)
    is_in_danger = isinstance(watch, ColorCamera) or _is_color_frame(jpeg)
    if is_in_danger and not _is_color_frame(lr):
        refuse_replacing_others(jpeg)


def _list_result_folders(out_dir: Path) -> tuple[Path, Path]:
    return out_dir / "lr", out_dir / "target"


def _list_result_paths(out_dir: Path, name: str) -> tuple[Path, ...]:
    """Return all paths to which a frame of either watch may be written."""
    lr, target = _list_result_folders(out_dir)
    return lr / f"{name}.png", lr / f"{name}.jpg", target / f"{name}.png"
