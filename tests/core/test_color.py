"""Colors: profiles by what they do, PNG chunks and camera marks, Lab, alpha that no viewer shows, long texts."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from trainer_core.data.color_profiles import Primaries, build_profile
from trainer_core.data.decoding import PhotoError, decode, decode_bytes

SRGB: Primaries = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
P3: Primaries = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
LINEAR_MIDDLE, MIDDLE = 55, 128  # 55 / 255 of the light is encoded as 128


def srgb_curve(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def named(profile: bytes, name: bytes) -> bytes:
    return profile.replace(b"described by the file", name.ljust(21)[:21])


def png(image: Image.Image, *chunks: tuple[bytes, bytes], profile: bytes | None = None) -> bytes:
    """A PNG file with more chunks before its pixels."""
    packed = io.BytesIO()
    image.save(packed, "PNG", icc_profile=profile)
    content = packed.getvalue()
    more = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return content[:33] + b"".join(more) + content[33:]


def flat(red: int, green: int | None = None, blue: int | None = None) -> Image.Image:
    return Image.new("RGB", (16, 16), (red, red if green is None else green, red if blue is None else blue))


def gray_profile(gamma: float) -> bytes:
    """A gray profile: that of RGB with only white point and curve left, and the color space replaced."""
    name = b"gray\0"
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78 + -(12 + len(name) + 78) % 4)),
        (b"cprt", b"text\0\0\0\0none\0\0\0\0"),
        (b"wtpt", b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)),
        (b"kTRC", curve),
    ]
    start, directory, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for key, content in tags:
        directory += key + struct.pack(">II", start + len(body), len(content))
        body += content
    head = build_profile(SRGB, srgb_curve)[4:128].replace(b"RGB ", b"GRAY")
    return struct.pack(">I", start + len(body)) + head + directory + body


@pytest.mark.parametrize("name", [b"GIMP built-in Linear sRGB", b"sRGB-elle-V2-g10.icc", b"linear Rec709 RGB"])
def test_linear_light_is_converted_whatever_the_profile_is_called(name: bytes) -> None:
    linear = named(build_profile(SRGB, lambda encoded: encoded), name)
    assert np.abs(decode_bytes(png(flat(LINEAR_MIDDLE), profile=linear)).astype(int) - MIDDLE).max() <= 1


def test_a_profile_that_is_srgb_under_any_name_leaves_every_value(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    for profile in (
        build_profile(SRGB, srgb_curve),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    ):
        noise.save(tmp_path / "a.png", icc_profile=named(profile, b"c2"))
        assert np.array_equal(decode(tmp_path / "a.png"), np.asarray(noise))


def test_gray_profiles_and_rgb_profiles_of_gray_pictures_are_converted() -> None:
    gray = Image.new("L", (16, 16), LINEAR_MIDDLE)
    for profile in (gray_profile(1.0), build_profile(SRGB, lambda encoded: encoded)):
        pixels = decode_bytes(png(gray, profile=profile))
        assert np.abs(pixels.astype(int) - MIDDLE).max() <= 1 and pixels.shape == (16, 16, 3)


def test_wide_gamut_is_converted_from_profile_chunk_and_camera_mark_alike(tmp_path: Path) -> None:
    wide = flat(200, 100, 50)
    expected = decode_bytes(png(wide, profile=build_profile(P3, srgb_curve)))[0, 0].astype(int)
    assert expected[0] > 205 and expected[2] < 50, "more saturated in sRGB's smaller space"
    assert np.abs(decode_bytes(png(wide, (b"cICP", bytes((12, 13, 0, 1)))))[0, 0] - expected).max() <= 1
    chromaticity = struct.pack(">8I", *(round(value * 100000) for value in P3))
    chunks = ((b"gAMA", struct.pack(">I", 45455)), (b"cHRM", chromaticity))
    assert np.abs(decode_bytes(png(wide, *chunks))[0, 0] - expected).max() <= 1
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA001: 0xFFFF, 0xA005: {1: "R03"}})
    wide.save(tmp_path / "adobe.jpg", quality=100, subsampling=0, exif=exif)
    assert decode(tmp_path / "adobe.jpg")[0, 0, 0] > 210


def test_png_gamma_is_applied_unless_srgb_or_a_profile_is_stated() -> None:
    linear = (b"gAMA", struct.pack(">I", 100000))
    assert np.abs(decode_bytes(png(flat(LINEAR_MIDDLE), linear)).astype(int) - MIDDLE).max() <= 1
    assert (decode_bytes(png(flat(LINEAR_MIDDLE), linear, (b"sRGB", b"\0"))) == LINEAR_MIDDLE).all()
    assert (decode_bytes(png(flat(LINEAR_MIDDLE), (b"gAMA", struct.pack(">I", 45455)))) == LINEAR_MIDDLE).all()
    assert (decode_bytes(png(flat(LINEAR_MIDDLE), (b"gAMA", struct.pack(">I", 1)))) == LINEAR_MIDDLE).all()
    impossible = (b"cHRM", struct.pack(">8I", *[0] * 8))
    assert (decode_bytes(png(flat(LINEAR_MIDDLE), impossible)) == LINEAR_MIDDLE).all()


def test_a_coding_chunk_precedes_the_profile_and_hdr_is_refused() -> None:
    linear = build_profile(SRGB, lambda encoded: encoded)
    assert (decode_bytes(png(flat(77), (b"cICP", bytes((1, 13, 0, 1))), profile=linear)) == 77).all()
    assert (
        np.abs(decode_bytes(png(flat(LINEAR_MIDDLE), (b"cICP", bytes((1, 8, 0, 1))))).astype(int) - MIDDLE).max() <= 1
    )
    unspecified = (b"cICP", bytes((2, 2, 0, 1)))
    assert np.abs(decode_bytes(png(flat(LINEAR_MIDDLE), unspecified, profile=linear)).astype(int) - MIDDLE).max() <= 1
    for transfer in (16, 18):
        with pytest.raises(PhotoError, match="HDR"):
            decode_bytes(png(flat(77), (b"cICP", bytes((9, transfer, 0, 1)))))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_narrow_range_of_video_is_expanded_or_refused_by_name(mode: str) -> None:
    levels = np.arange(256)
    ramp = Image.fromarray(np.tile(levels.astype(np.uint8), (16, 1))).convert(mode)
    expanded = np.clip((levels - 16) * 255 / 219, 0, 255).round()
    found = decode_bytes(png(ramp, (b"cICP", bytes((1, 13, 0, 0)))))[0].astype(int)
    assert np.abs(found - expanded[:, None]).max() <= 1
    assert found[16].max() == 0 and found[235].min() == 255
    assert np.array_equal(decode_bytes(png(ramp, (b"cICP", bytes((1, 13, 0, 1)))))[0, :, 0], levels)
    with pytest.raises(PhotoError, match="narrow range of video"):
        decode_bytes(png(ramp, (b"cICP", bytes((2, 2, 0, 0)))))


def test_a_lab_picture_becomes_rgb(tmp_path: Path) -> None:
    Image.new("LAB", (16, 16), (137, 128, 128)).save(tmp_path / "a.tif")
    assert np.abs(decode(tmp_path / "a.tif").astype(int) - MIDDLE).max() <= 2


def bitfields_bmp(pixels: np.ndarray) -> bytes:
    """A 32-bit BMP whose header has a mask for alpha."""
    height, width = pixels.shape[:2]
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 32, 3, width * height * 4, 2835, 2835, 0, 0)
    header += masks + b"BGRs" + bytes(64)
    size = 14 + len(header) + width * height * 4
    return b"BM" + struct.pack("<IHHI", size, 0, 0, 14 + len(header)) + header + pixels[::-1].tobytes()


def test_a_bmp_whose_alpha_is_0_everywhere_is_opaque_and_another_is_not() -> None:
    values = np.random.default_rng(0).integers(0, 256, (16, 16, 4), dtype=np.uint8)
    values[..., 3] = 0
    assert np.array_equal(decode_bytes(bitfields_bmp(values)), values[..., 2::-1])
    values[:8, :, 3] = 255
    pixels = decode_bytes(bitfields_bmp(values))
    assert np.array_equal(pixels[:8], values[:8, :, 2::-1]) and (pixels[8:] == 128).all()


LONG = b"x" * 3_000_000
TEXTS = {
    "zTXt": (b"zTXt", b"Software\0\0" + zlib.compress(LONG)),
    "packed iTXt": (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LONG)),
    "iTXt": (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + LONG),
    "tEXt": (b"tEXt", b"Comment\0" + LONG),
    "zTXt bomb": (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 1)),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_long_texts_of_a_png_do_not_matter(kind: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    content = png(noise, TEXTS[kind], (b"tEXt", b"Title\0short"))
    assert np.array_equal(decode_bytes(content), np.asarray(noise))
    kind_, data = TEXTS[kind]
    late = struct.pack(">I", len(data)) + kind_ + data + struct.pack(">I", zlib.crc32(kind_ + data))
    plain = png(noise)
    assert np.array_equal(decode_bytes(plain[:-12] + late + plain[-12:]), np.asarray(noise))


def test_a_large_color_profile_of_a_png_does_not_matter() -> None:
    assert (decode_bytes(png(flat(77), (b"iCCP", b"big\0\0" + zlib.compress(os.urandom(2_000_000))))) == 77).all()


def test_conversion_in_strips_changes_nothing() -> None:
    values = np.random.default_rng(0).integers(0, 256, (1100, 1001, 3), dtype=np.uint8)
    assert np.array_equal(decode_bytes(png(Image.fromarray(values))), values)
    wide = (b"iccp", build_profile(P3, srgb_curve))[1]
    whole, parts = decode_bytes(png(Image.fromarray(values), profile=wide)), values[:40]
    assert np.array_equal(whole[:40], decode_bytes(png(Image.fromarray(parts), profile=wide)))
