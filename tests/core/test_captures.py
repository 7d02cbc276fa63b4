"""Watch photos in every form they come in, all written here."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer_core.data.captures import read_captures
from trainer_core.errors import UserError


def _codes(seed: int = 0) -> np.ndarray:
    """Codes as the watch stores them: 0 white, 15 black."""
    return np.random.default_rng(seed).integers(0, 16, (120, 120)).astype(np.uint8)


def _as_levels(codes: np.ndarray) -> np.ndarray:
    return (255 - 17 * codes.astype(int)).astype(np.uint8)


def _dump(codes: np.ndarray, stamp: tuple[int, ...] = (2, 11, 30, 23, 59)) -> bytes:
    pairs = codes.reshape(-1, 2)
    return b"harbour".ljust(24, b"\0") + bytes(stamp) + (pairs[:, 0] | pairs[:, 1] << 4).astype(np.uint8).tobytes()


def _link_record(codes: np.ndarray) -> bytes:
    pairs = codes.reshape(-1, 2)
    header = b"harbour".ljust(26, b"\0") + struct.pack(">IHHH", 3_000_000_000, 0, 7200, 800)
    return header + (pairs[:, 0] << 4 | pairs[:, 1]).astype(np.uint8).tobytes() + bytes(800)


def _palm(records: list[bytes], name: bytes = b"WQVLinkDB") -> bytes:
    header = name.ljust(32, b"\0") + bytes(28) + b"DATACASI" + bytes(8) + struct.pack(">H", len(records))
    start, table = 78 + 8 * len(records) + 2, b""
    for record in records:
        table += struct.pack(">II", start, 0x40000000)
        start += len(record)
    return header + table + b"\0\0" + b"".join(records)


def _blocks(content: bytes, size: int = 4096) -> list[bytes]:
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return [b"DBLK" + struct.pack(">HH", 0, len(piece)) + piece for piece in pieces]


def _jpeg(size: tuple[int, int] = (176, 144)) -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=60, subsampling=2)
    return buffer.getvalue()


def _save(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _save_png(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def test_a_png_of_sixteen_grays_comes_back_as_it_is(tmp_path: Path) -> None:
    levels = _as_levels(_codes())
    (capture,) = read_captures(_save_png(tmp_path / "harbour.png", levels))
    assert (capture.name, capture.kind) == ("harbour", "mono")
    assert capture.pixels.dtype == np.uint8 and np.array_equal(capture.pixels, levels)


@pytest.mark.parametrize("scale", ["16k", "255-16k"])
def test_other_programs_grays_are_brought_to_multiples_of_17(scale: str, tmp_path: Path) -> None:
    codes = _codes()
    foreign = 16 * (15 - codes.astype(int)) if scale == "16k" else 255 - 16 * codes.astype(int)
    (capture,) = read_captures(_save_png(tmp_path / "a.png", foreign.astype(np.uint8)))
    assert np.array_equal(capture.pixels, _as_levels(codes))


def test_a_cropped_rgb_png_of_sixteen_grays_is_a_mono_capture(tmp_path: Path) -> None:
    levels = _as_levels(_codes())[:118, :117]
    (capture,) = read_captures(_save_png(tmp_path / "a.png", np.repeat(levels[..., None], 3, 2)))
    assert capture.kind == "mono" and np.array_equal(capture.pixels, levels)


def test_a_raw_dump_has_the_low_nibble_left(tmp_path: Path) -> None:
    codes = _codes()
    (capture,) = read_captures(_save(tmp_path / "photo.bin", _dump(codes)))
    assert (capture.name, capture.kind) == ("photo", "mono")
    assert np.array_equal(capture.pixels, _as_levels(codes))


def test_a_dump_of_several_photos_numbers_them(tmp_path: Path) -> None:
    captures = read_captures(_save(tmp_path / "all.bin", _dump(_codes(0)) + _dump(_codes(1))))
    assert [capture.name for capture in captures] == ["all_001", "all_002"]
    assert np.array_equal(captures[1].pixels, _as_levels(_codes(1)))


def test_a_palm_link_database_has_the_high_nibble_left(tmp_path: Path) -> None:
    path = _save(tmp_path / "WQVLinkDB.PDB", _palm([_link_record(_codes(seed)) for seed in range(3)]))
    captures = read_captures(path)
    assert [capture.name for capture in captures] == ["WQVLinkDB_001", "WQVLinkDB_002", "WQVLinkDB_003"]
    for seed, capture in enumerate(captures):
        assert np.array_equal(capture.pixels, _as_levels(_codes(seed)))


def test_a_palm_jpeg_database_is_put_together_from_its_blocks(tmp_path: Path) -> None:
    content = _jpeg()
    assert len(content) > 2 * 4096
    (capture,) = read_captures(_save(tmp_path / "CASIJPG00257006.PDB", _palm(_blocks(content), b"CASIJPG00257006")))
    assert (capture.name, capture.kind) == ("CASIJPG00257006", "color")
    assert np.array_equal(capture.pixels, np.asarray(Image.open(io.BytesIO(content))))


def test_a_jpeg_of_the_watchs_size_is_a_color_capture(tmp_path: Path) -> None:
    (capture,) = read_captures(_save(tmp_path / "a.jpg", _jpeg()))
    assert capture.kind == "color" and capture.pixels.shape == (144, 176, 3)


def _half_jpeg() -> bytes:
    return _jpeg()[:6000]


def _broken_list() -> bytes:
    return _palm([_link_record(_codes())])[:80]


def _overlapping() -> bytes:
    content = bytearray(_palm([_link_record(_codes(0)), _link_record(_codes(1))]))
    content[86:90] = struct.pack(">I", 90)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"hello", "is not a watch photo"),
        (bytes(7229), "is not a watch photo|Palm database"),
        (_dump(_codes())[:-1], "is not a watch photo|Palm database"),
        (_dump(_codes(), (2, 13, 30, 23, 59)), "is not a watch photo|Palm database"),
        (_half_jpeg(), "damaged|cannot be read|truncated"),
        (_jpeg((640, 480)), "640x480"),
        (_jpeg((120, 120)), "16 grays"),
        (_jpeg((170, 140)), "170x140"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "is not a watch photo"),
        (_palm([]), "record list"),
        (_broken_list(), "record list|beyond the end"),
        (_palm([_link_record(_codes())])[:-100], "unknown form"),
        (_palm([_link_record(_codes()), b"notes"]), "unknown form"),
        (_overlapping(), "overlap"),
        (_palm([bytes(6400)], b"WQVColorDB"), "thumbnails only"),
        (_palm(_blocks(_jpeg()))[:-40], "cut off"),
        (_palm([_blocks(_jpeg())[0], b"XXXX" + bytes(20)]), "missing its mark"),
        (_palm(_blocks(_jpeg())[1:]), "cannot be used"),
    ],
)
def test_a_broken_or_foreign_file_is_refused_with_the_reason(content: bytes, said: str, tmp_path: Path) -> None:
    path = _save(tmp_path / "file.pdb", content)
    with pytest.raises(UserError, match=said) as caught:
        read_captures(path)
    assert "file.pdb" in str(caught.value)


def test_a_file_cut_anywhere_never_raises_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "cut.pdb"
    for whole in (_palm([_link_record(_codes())]), _palm(_blocks(_jpeg())), _dump(_codes())):
        for end in range(1, len(whole), len(whole) // 23):
            path.write_bytes(whole[:end])
            with pytest.raises(UserError):
                read_captures(path)


def test_a_missing_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Cannot read"):
        read_captures(tmp_path / "none.png")
    with pytest.raises(UserError, match="too large"):
        read_captures(_save(tmp_path / "huge.bin", bytes((16 << 20) + 1)))


def test_real_captures_are_recognised() -> None:
    folder = Path(__file__).parents[3] / "shared" / "wqv"
    if not folder.is_dir():
        pytest.skip("the captures of real watches are not on this machine")
    for kind in ("mono", "color"):
        for path in sorted((folder / kind).iterdir()):
            (capture,) = read_captures(path)
            assert capture.kind == kind
