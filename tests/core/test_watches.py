"""trainer_core.watches: what everything else takes the geometry of the watches from."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from trainer_core.data.captures import read_captures
from trainer_core.settings.config import TrainerConfig
from trainer_core.watches import WATCHES, WQV1, WQV10, Watch, select_watch

CORE = Path(__file__).resolve().parents[2] / "trainer_core"


def test_the_mono_watch_takes_120x120_in_16_grays_and_the_color_watch_jpegs_of_176x144() -> None:
    assert (WQV1.frame_width, WQV1.frame_height, WQV1.gray_levels, WQV1.jpeg_grid) == (120, 120, 16, 1)
    assert (WQV10.frame_width, WQV10.frame_height, WQV10.gray_levels, WQV10.jpeg_grid) == (176, 144, 256, 16)
    assert WQV10.description == "color watch (WQV-3, WQV-10)"


def test_a_watch_is_found_by_its_kind() -> None:
    assert {kind: watch.profile for kind, watch in WATCHES.items()} == {"mono": "wqv1", "color": "wqv10"}
    assert (select_watch(mono=True), select_watch(mono=False)) == (WQV1, WQV10)


@pytest.mark.parametrize("watch", WATCHES.values(), ids=lambda watch: watch.profile)
def test_the_built_in_camera_of_a_watch_has_its_frame(watch: Watch) -> None:
    pytest.importorskip("torch")
    from trainer_core.camera import CameraProfile, build_camera

    profile = CameraProfile.builtin(watch.profile)
    assert profile.kind == watch.kind
    camera = build_camera(profile, 2)
    assert (camera.frame_width, camera.frame_height) == (watch.frame_width, watch.frame_height)
    assert camera.region_multiple == watch.jpeg_grid


def test_the_defaults_of_a_mono_training_are_the_watch_s() -> None:
    config = TrainerConfig()
    assert (config.base_resolution, config.monochrome_levels) == (WQV1.frame_width, WQV1.gray_levels)


def test_a_raw_dump_holds_frames_of_the_mono_watch(tmp_path: Path) -> None:
    (tmp_path / "dump.bin").write_bytes(b"harbor".ljust(24) + bytes([1, 5, 20, 9, 30]) + bytes(range(240)) * 30)
    (capture,) = read_captures(tmp_path / "dump.bin")
    assert capture.pixels.shape == (WQV1.frame_height, WQV1.frame_width) and capture.kind == WQV1.kind


def test_no_other_module_of_the_core_states_a_frame_s_size() -> None:
    sizes = {WQV1.frame_width, WQV10.frame_width, WQV10.frame_height}
    found = []
    for path in sorted(CORE.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        lengths_of_texts = {end for node in nodes if isinstance(node, ast.Slice) for end in ast.walk(node)}
        numbers = {node for node in nodes if isinstance(node, ast.Constant) and node.value in sizes}
        found += [f"{path.relative_to(CORE).as_posix()}:{node.lineno}" for node in numbers - lengths_of_texts]
    tables = ("camera/jpeg.py:",)  # quantization steps
    assert {place.split(":")[0] for place in found if not place.startswith(tables)} == {"watches.py"}
