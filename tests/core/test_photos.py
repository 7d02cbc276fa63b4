"""Photos: what is found under a source folder, what is refused and why, and that decoding tells the truth."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngImageFile

from tests.small_runs import make_photos
from trainer_core.data.decoding import MAX_SIDE, check_photo, decode_bytes, read_size
from trainer_core.data.photos import PhotoError, ScanCanceled, decode, scan_photos
from trainer_core.errors import UserError
from trainer_core.verbs.picture_files import read_pictures


def picture(seed: int = 0, width: int = 24, height: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, seed: int = 0, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed)).save(path, **options)
    return path


def png(width: int, height: int, rows: bytes, depth: int = 8, color: int = 2, *more: tuple[bytes, bytes]) -> bytes:
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)), *more]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    packed = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def names(root: Path, **options: Any) -> list[str]:
    return [photo.name for photo in scan_photos(root, **options).photos]


def reasons(root: Path) -> dict[str, str]:
    return {entry.name: entry.reason for entry in scan_photos(root).rejected}


# What is found.


def test_photos_of_every_format_are_found_in_subfolders_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number, name in enumerate(["b/z.PNG", "a.jpg", "b/c/d.tiff", "e.webp", "f.bmp", "Z.jpeg"]):
        save(tmp_path / name, number)
    (tmp_path / "notes.txt").write_text("no photo")
    found = scan_photos(tmp_path)
    assert [photo.name for photo in found.photos] == ["Z.jpeg", "a.jpg", "b/c/d.tiff", "b/z.PNG", "e.webp", "f.bmp"]
    assert all((photo.width, photo.height) == (24, 16) and photo.path.is_file() for photo in found.photos)
    assert not found.rejected


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1)
    save(tmp_path / ".b.png", 2)
    save(tmp_path / ".cache" / "c.png", 3)
    assert names(tmp_path) == ["a.png"]


def test_a_folder_can_be_left_out(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1)
    save(tmp_path / "workspace" / "previews" / "b.png", 2)
    assert names(tmp_path, exclude=[tmp_path / "workspace"]) == ["a.png"]


def test_the_content_decides_about_the_format_not_the_extension(tmp_path: Path) -> None:
    save(tmp_path / "really_a_png.jpg", format="PNG")
    assert decode(scan_photos(tmp_path).photos[0].path).tolist() == picture().tolist()


@pytest.mark.skipif(os.name == "nt", reason="links need privileges on Windows")
def test_link_loops_end_and_a_linked_folder_is_known_by_its_own_name(tmp_path: Path) -> None:
    save(tmp_path / "m" / "a.png")
    (tmp_path / "m" / "up").symlink_to(tmp_path, target_is_directory=True)
    for alias in ("alias", "z_alias"):
        (tmp_path / alias).symlink_to(tmp_path / "m", target_is_directory=True)
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert names(tmp_path) == ["m/a.png"]
    assert reasons(tmp_path) == {"gone.png": "a broken link or not a regular file"}


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="the file system refuses such names")
def test_odd_names_are_found_and_open(tmp_path: Path) -> None:
    odd = ["\N{CAMERA}.png", "two\nlines.png", "bad\udcff.png", "e\u0301.png", "\u00e9.png", "x" * 250 + ".png"]
    for number, name in enumerate(odd):
        save(tmp_path / "folder", number, format="PNG").rename(tmp_path / name)
    found = scan_photos(tmp_path)
    assert sorted(photo.name for photo in found.photos) == sorted(odd)
    assert all(decode(photo.path).shape == (16, 24, 3) for photo in found.photos)


def test_the_source_stays_as_it_was(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.jpg", number // 2)
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}
    for photo in scan_photos(tmp_path).photos:
        decode(photo.path)
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()} == before


# What is refused.


def test_a_twin_is_refused_naming_the_first_and_a_name_to_keep_goes_first(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "c/a.png"):
        save(tmp_path / name, 5)
    assert reasons(tmp_path) == {"b.png": "a duplicate of a.png", "c/a.png": "a duplicate of a.png"}
    assert names(tmp_path, preferred_names={"b.png"}) == ["b.png"]


def test_files_of_equal_size_but_other_content_are_both_used(tmp_path: Path) -> None:
    for number in (1, 2):
        Image.fromarray(picture(number)).save(tmp_path / f"{number}.bmp")
    assert names(tmp_path) == ["1.bmp", "2.bmp"]


def test_unusable_files_are_listed_with_the_reason(tmp_path: Path) -> None:
    save(tmp_path / "good.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("<html>not found</html>")
    (tmp_path / "vector.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "animation.png").write_bytes(b"GIF89a" + bytes(40))
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:20])
    (tmp_path / "bomb.png").write_bytes(png(12_000, 12_000, b"", 1, 0))
    (tmp_path / "ribbon.png").write_bytes(png(MAX_SIDE + 1, 8, b""))
    (tmp_path / "dot.png").write_bytes(png(7, 700, b""))
    (tmp_path / "folder.png").mkdir()
    found = reasons(tmp_path)
    assert names(tmp_path) == ["good.png"]
    assert "empty" in found["empty.png"] and "too small" in found["dot.png"]
    assert "a web page" in found["text.jpg"] and "a GIF picture; export it" in found["animation.png"]
    assert "PostScript" in found["vector.jpg"]
    assert "too large" in found["bomb.png"] and "too large" in found["ribbon.png"]
    assert len(found) == 8


def test_a_source_without_photos_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        scan_photos(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no file"):
        scan_photos(tmp_path)
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(UserError, match=r"no photos \(other files: 1\)"):
        scan_photos(tmp_path)
    with pytest.raises(UserError, match="is a file"):
        scan_photos(tmp_path / "a.txt")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"Rejected files: 1; the first: a\.png \(the file is empty"):
        scan_photos(tmp_path)


ADVICE = "Copy it again from where it came"


def test_a_truncated_photo_is_refused_in_the_same_words_by_the_scan_and_by_decoding(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.webp", "a.tif", "a.bmp"):
        path = save(tmp_path / name)
        path.write_bytes(path.read_bytes()[:-300])
        for read in (check_photo, decode, _decode_content):
            with pytest.raises(PhotoError, match=f"truncated: its end is missing. {ADVICE}") as error:
                read(path)
            assert not error.value.is_momentary
        with pytest.raises(UserError, match=ADVICE):
            read_pictures(path)


def _decode_content(path: Path) -> np.ndarray:
    return decode_bytes(path.read_bytes())


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_bit_flips_raise_nothing_but_photo_errors(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("a.png", "a.jpg", "a.webp", "a.tif", "a.bmp"):
        good = np.frombuffer(save(tmp_path / name).read_bytes(), np.uint8)
        for _ in range(60):
            bad = good.copy()
            bad[rng.integers(0, min(len(bad), 400), 3)] ^= np.uint8(1 << rng.integers(0, 8))
            (tmp_path / name).write_bytes(bad.tobytes())
            refused = pixels = None
            try:
                width, height = read_size(tmp_path / name)
                pixels = decode(tmp_path / name)
            except PhotoError as error:
                refused = error
            if pixels is None:
                assert refused is not None and refused.message
            else:
                assert pixels.shape == (height, width, 3)


def test_whatever_a_decoder_says_of_damaged_content_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.png")
    for error, words in (
        (OSError("broken data stream when reading image file"), "broken data stream when reading image file"),
        (OSError(-2), "OSError"),  # as the decoder of TIFF raises it
        (SyntaxError("broken PNG file"), "broken PNG file"),
        (KeyError("0"), "KeyError"),
    ):
        monkeypatch.setattr(PngImageFile, "load", lambda image, error=error: (_ for _ in ()).throw(error))
        with pytest.raises(PhotoError) as refusal:
            decode(path)
        assert refusal.value.message == f"the file is damaged ({words}). Copy it again from where it came"
        assert not refusal.value.is_momentary
    monkeypatch.setattr(PngImageFile, "load", lambda image: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.raises(PhotoError, match="cannot be read: Input/output error") as refusal:
        decode(path)
    assert refusal.value.is_momentary


# What is decoded.


@pytest.mark.parametrize("extension", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_in_size_and_pixels(tmp_path: Path, extension: str, orientation: int) -> None:
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16] = 250  # only the top left quarter is bright
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright[::-1]),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{extension}"
    lossless: dict[str, Any] = {"lossless": True} if extension == "webp" else {}
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, **lossless)
    assert read_size(path) == (32, 16)
    assert np.abs(decode(path).astype(int) - upright).max() <= 2


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_sixteen_bit_gray_keeps_all_levels_and_never_clips(tmp_path: Path, extension: str) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint16)[None] * 257, 8, axis=0)
    path = tmp_path / f"a.{extension}"
    Image.fromarray(ramp).save(path)
    assert decode(path)[0, :, 0].tolist() == list(range(256))


def test_sixteen_bit_color_is_within_one_level(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (8, 8, 3), dtype=np.uint16)
    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in values)
    (tmp_path / "a.png").write_bytes(png(8, 8, rows, 16))
    assert np.abs(decode(tmp_path / "a.png") - values / 257).max() <= 1


def test_gray_palette_and_two_tone_become_rgb(tmp_path: Path) -> None:
    gray = picture()[..., 0]
    Image.fromarray(gray).save(tmp_path / "l.png")
    assert np.array_equal(decode(tmp_path / "l.png"), np.repeat(gray[..., None], 3, axis=2))
    Image.fromarray(gray > 99).save(tmp_path / "1.png")
    assert np.array_equal(decode(tmp_path / "1.png")[..., 1], (gray > 99) * 255)
    palette = Image.fromarray(picture()).quantize(16)
    palette.save(tmp_path / "p.png")
    assert np.array_equal(decode(tmp_path / "p.png"), np.asarray(palette.convert("RGB")))


def test_transparency_lies_over_middle_gray(tmp_path: Path) -> None:
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[..., 0] = 255
    rgba[:4, :, 3] = 255
    rgba[4:6, :, 3] = 128
    Image.fromarray(rgba).save(tmp_path / "a.png")
    pixels = decode(tmp_path / "a.png")
    assert pixels[0, 0].tolist() == [255, 0, 0] and pixels[7, 0].tolist() == [128, 128, 128]
    assert np.abs(pixels[4, 0].astype(int) - [192, 64, 64]).max() <= 1
    Image.fromarray(rgba[..., ::3].copy()).save(tmp_path / "la.png")
    assert decode(tmp_path / "la.png")[[0, 7], 0].tolist() == [[255, 255, 255], [128, 128, 128]]
    rgba[..., 3] = 0
    Image.fromarray(rgba).save(tmp_path / "b.png")
    with pytest.raises(PhotoError, match="transparent"):
        decode(tmp_path / "b.png")


def test_cmyk_jpeg_shows_the_same_colors(tmp_path: Path) -> None:
    flat = Image.new("RGB", (16, 16), (200, 60, 30))
    flat.convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    assert np.abs(decode(tmp_path / "a.jpg").astype(int) - [200, 60, 30]).max() <= 4


def test_an_icc_profile_is_converted_to_srgb_and_a_broken_one_passed_over(tmp_path: Path) -> None:
    linear = _linear_profile()
    flat = Image.new("RGB", (16, 16), (128, 64, 32))
    flat.save(tmp_path / "a.png", icc_profile=linear)
    expected = [255 * _encoded(value / 255) for value in (128, 64, 32)]
    assert np.abs(decode(tmp_path / "a.png")[0, 0] - expected).max() <= 2
    flat.save(tmp_path / "b.png", icc_profile=b"no profile")
    assert decode(tmp_path / "b.png")[0, 0].tolist() == [128, 64, 32]
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    flat.save(tmp_path / "c.png", icc_profile=srgb)
    assert decode(tmp_path / "c.png")[0, 0].tolist() == [128, 64, 32]


def _encoded(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def _linear_profile() -> bytes:
    """Pillow's own sRGB profile with its tone curves replaced by straight lines and another description."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    for entry in range(count):
        tag, offset, size = struct.unpack(">4sII", data[132 + 12 * entry : 144 + 12 * entry])
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset : offset + 12] = b"curv" + bytes(8)
        if tag == b"desc":
            text = bytes(data[offset : offset + size]).replace("sRGB".encode("utf-16-be"), "flat".encode("utf-16-be"))
            data[offset : offset + size] = text
    return bytes(data)


def test_pictures_without_defined_white_are_refused_by_their_headers_as_by_decoding(tmp_path: Path) -> None:
    Image.fromarray(np.ones((8, 8), np.float32)).save(tmp_path / "float.tif")
    Image.fromarray(np.ones((8, 8), np.int32)).save(tmp_path / "integer.tif")
    (tmp_path / "hdr.png").write_bytes(png(8, 8, b"\0" * 200, 8, 2, (b"cICP", bytes((9, 16, 0, 1)))))
    save(tmp_path / "fine.png")
    scan = scan_photos(tmp_path)
    assert [photo.name for photo in scan.photos] == ["fine.png"]
    for entry in scan.rejected:
        with pytest.raises(PhotoError, match="no defined white") as error:
            decode(tmp_path / entry.name)
        assert error.value.message == entry.reason


def tiff(bits: int, photometric: int, samples: int, values: bytes, *more: tuple[int, int]) -> bytes:
    """A TIFF file of 16x16 pixels; `more` are additional tags with a short value."""
    tags = {256: 16, 257: 16, 259: 1, 262: photometric, 277: samples, 278: 16, 279: len(values), **dict(more)}
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    entries = [(tag, struct.pack("<HHIHH", tag, 3, 1, value, 0)) for tag, value in tags.items()]
    entries.append((258, struct.pack("<HHI4s", 258, 3, samples, struct.pack("<HH", bits, bits * (samples > 1)))))
    if samples > 2:
        entries[-1] = (258, struct.pack("<HHII", 258, 3, samples, start))
        start += 2 * samples
    entries.append((273, struct.pack("<HHII", 273, 4, 1, start)))
    depths = struct.pack("<H", bits) * samples if samples > 2 else b""
    directory = struct.pack("<H", len(entries)) + b"".join(entry for _, entry in sorted(entries)) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + depths + values


def test_a_16_bit_tiff_whose_zero_is_white_is_no_negative(tmp_path: Path) -> None:
    for bits, values in ((8, bytes([55]) * 256), (16, struct.pack("<H", 55 * 257) * 256)):
        (tmp_path / "a.tif").write_bytes(tiff(bits, 0, 1, values))
        assert (decode(tmp_path / "a.tif") == 200).all()


def test_a_fourth_channel_that_nothing_calls_alpha_hides_no_picture(tmp_path: Path) -> None:
    pixels = bytes((200, 100, 50, 0)) * 256
    (tmp_path / "a.tif").write_bytes(tiff(8, 2, 4, pixels))
    assert (decode(tmp_path / "a.tif") == (200, 100, 50)).all()
    (tmp_path / "a.tif").write_bytes(tiff(8, 2, 4, pixels, (338, 2)))
    with pytest.raises(PhotoError, match="transparent"):
        decode(tmp_path / "a.tif")


def test_a_tiff_that_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(32, 2, 3, bytes(16 * 16 * 12)))
    with pytest.raises(PhotoError, match="unusual kind of TIFF; save it"):
        decode(tmp_path / "a.tif")


def test_a_truncated_webp_is_called_truncated(tmp_path: Path) -> None:
    content = save(tmp_path / "a.webp").read_bytes()
    (tmp_path / "a.webp").write_bytes(content[:-20])
    with pytest.raises(PhotoError, match="truncated"):
        decode(tmp_path / "a.webp")


def test_of_an_animation_the_first_frame_is_used(tmp_path: Path) -> None:
    first, second = (Image.fromarray(picture(number)) for number in (1, 2))
    cases: tuple[tuple[str, dict[str, Any]], ...] = (("a.png", {}), ("a.webp", {"lossless": True}), ("a.tif", {}))
    for name, options in cases:
        first.save(tmp_path / name, save_all=True, append_images=[second], **options)
        assert np.array_equal(decode(tmp_path / name), picture(1))


def test_a_missing_or_hostile_file_gives_a_reason_instead_of_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="No such file"):
        decode(tmp_path / "gone.png")
    noise = io.BytesIO()
    Image.fromarray(picture()).save(noise, "PNG")
    (tmp_path / "a.png").write_bytes(noise.getvalue().replace(b"IDAT", b"IDAX"))
    with pytest.raises(PhotoError):
        decode(tmp_path / "a.png")


def test_a_scan_that_nobody_waits_for_is_given_up(tmp_path: Path) -> None:
    make_photos(tmp_path, 12)
    for first_refusal in (1, 12, 15):  # while files are listed, and while they are read
        answers: list[bool] = []

        def wanted(first_refusal: int = first_refusal, answers: list[bool] = answers) -> bool:
            answers.append(len(answers) + 1 < first_refusal)
            return answers[-1]

        with pytest.raises(ScanCanceled):
            scan_photos(tmp_path, should_continue=wanted)
        assert answers.count(False) == 1, "it was asked again"
