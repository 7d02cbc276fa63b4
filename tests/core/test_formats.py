"""Pictures of formats that cannot be read are named with what to do; truncated files and own results are no photos."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from tests.small_runs import make_photos, picture
from trainer_core.data.decoding import PhotoError, check_photo, decode
from trainer_core.data.photos import scan_photos
from trainer_core.errors import UserError
from trainer_core.events import PreviewImage
from trainer_core.pixels import png_bytes
from trainer_core.previews.files import write_preview
from trainer_core.verbs.output_files import save_png
from trainer_core.verbs.picture_files import find_pictures, read_pictures


def reasons(root: Path) -> dict[str, str]:
    return {entry.name: entry.reason for entry in scan_photos(root).rejected}


def encoded(form: str, **options: Any) -> bytes:
    packed = io.BytesIO()
    picture(1, 64, 48).save(packed, form, **options)
    return packed.getvalue()


FOREIGN = {
    "a.heic": (b"\0\0\0\x18ftypheic", "HEIC"),
    "b.HEIF": (b"unknown", "HEIC"),
    "c.avif": (b"\0\0\0\x1cftypavif", "AVIF"),
    "d.jxl": (b"\xff\x0a", "JPEG XL"),
    "e.psd": (b"8BPS", "Photoshop"),
    "f.gif": (b"GIF89a", "GIF"),
    "g.mp4": (b"\0\0\0\x18ftypmp42", "video"),
    "h.NEF": (b"MM\0*", "RAW file of a camera (NEF)"),
    "i.dng": (encoded("TIFF"), "RAW file of a camera (DNG)"),
    "hidden_heic.jpg": (b"\0\0\0\x18ftypheic", "HEIC"),
    "hidden_jxl.png": (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    "hidden_avif.webp": (b"\0\0\0\x1cftypavif", "AVIF"),
    "hidden_cr2.tif": (b"II*\0\x10\0\0\0CR\2\0", "RAW file of a camera (CR2)"),
    "hidden_video.jpg": (b"\0\0\0\x14ftypqt  ", "video"),
}


def test_pictures_of_other_formats_are_named_with_what_to_do(tmp_path: Path) -> None:
    make_photos(tmp_path, 1)
    for name, (start, _) in FOREIGN.items():
        (tmp_path / name).write_bytes(start + bytes(200))
    (video,) = scan_photos(tmp_path).passed_over
    found = {**reasons(tmp_path), video.name: video.reason}
    assert video.name == "g.mp4" and found.keys() == FOREIGN.keys()
    for name, (_, said) in FOREIGN.items():
        assert said in found[name] and ("export it" in found[name] or "as PNG" in found[name]), found[name]


def test_a_picture_to_upscale_is_named_as_well(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(200))
    (tmp_path / "b.NEF").write_bytes(encoded("TIFF"))
    for path, said in zip(find_pictures([tmp_path]), ("a HEIC picture; export it", "a RAW file of a camera")):
        with pytest.raises(UserError, match=f"{path.name} cannot be used: {said}"):
            read_pictures(path)


def test_a_picture_under_the_extension_of_another_format_is_used(tmp_path: Path) -> None:
    (tmp_path / "from_a_phone.HEIC").write_bytes(encoded("JPEG"))
    assert [photo.name for photo in scan_photos(tmp_path).photos] == ["from_a_phone.HEIC"]


def test_the_thumbnail_of_a_raw_file_is_no_photo(tmp_path: Path) -> None:
    tags = ImageFileDirectory_v2()
    tags[254] = 1
    picture(1).save(tmp_path / "a.tif", tiffinfo=tags)
    with pytest.raises(PhotoError, match="RAW file of a camera"):
        check_photo(tmp_path / "a.tif")


WHOLE = {
    "png": encoded("PNG"),
    "jpg": encoded("JPEG", quality=95),
    "progressive": encoded("JPEG", progressive=True),
    "webp": encoded("WEBP"),
    "bmp": encoded("BMP"),
    "tif": encoded("TIFF"),
    "packed": encoded("TIFF", compression="tiff_lzw"),
}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("form", WHOLE)
def test_a_truncated_file_is_no_photo_and_a_whole_one_with_bytes_behind_it_is(form: str, tmp_path: Path) -> None:
    path, content = tmp_path / "a.jpg", WHOLE[form]
    for end in (len(content) - 40, len(content) * 3 // 4):
        path.write_bytes(content[:end])
        with pytest.raises(
            PhotoError, match="truncated" if form not in ("webp", "packed") else "damaged|cannot be read|truncated"
        ):
            check_photo(path)
    for tail in (b"", b"\0" * 100, os.urandom(1 << 18).replace(b"\xff\xd9", b"")):
        path.write_bytes(content + tail)
        assert check_photo(path) == (64, 48)
        assert decode(path).shape == (48, 64, 3)


def test_the_thumbnail_in_a_truncated_jpeg_does_not_pass_for_its_end(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x9286] = WHOLE["jpg"]
    content = encoded("JPEG", exif=exif)
    assert content.count(b"\xff\xd9") == 2
    (tmp_path / "a.jpg").write_bytes(content[:-20])
    with pytest.raises(PhotoError, match="truncated"):
        check_photo(tmp_path / "a.jpg")


def test_the_limit_of_webp_is_lower_because_its_decoder_needs_more_memory(tmp_path: Path) -> None:
    image = Image.new("RGB", (6000, 5400))
    for name, accepted in (("a.webp", False), ("a.png", True)):
        image.save(tmp_path / name)
        if accepted:
            assert check_photo(tmp_path / name) == (6000, 5400)
        else:
            with pytest.raises(PhotoError, match="32 megapixels"):
                check_photo(tmp_path / name)


def test_results_of_this_program_are_no_photos_under_any_name(tmp_path: Path) -> None:
    make_photos(tmp_path, 1)
    pixels = decode(tmp_path / "photo0.png")
    save_png(pixels[:64], tmp_path / "holiday.png")
    write_preview(
        PreviewImage("a", pixels, pixels, pixels, pixels, 1.0, 1.0),
        tmp_path / "beach.png",
        made_by="the network at step 5",
        weights="5ab1",
    )
    (tmp_path / "scene.png").write_bytes(png_bytes(pixels[:80]))
    assert [photo.name for photo in scan_photos(tmp_path).photos] == ["photo0.png", "scene.png"]
    assert reasons(tmp_path) == dict.fromkeys(("beach.png", "holiday.png"), "a result of this program, not a photo")
