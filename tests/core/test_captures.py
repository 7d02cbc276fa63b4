"""Watch photos in every form they come in, all written here."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer_core.data.captures import could_be_watch_file, find_kinds, read_captures
from trainer_core.errors import UserError
from trainer_core.verbs.picture_files import find_pictures

DATE = (2, 11, 30, 23, 59)
IN_USE, DELETED = 0x40, 0xC0


def _codes(seed: int = 0) -> np.ndarray:
    """Codes as the watch stores them: 0 white, 15 black."""
    return np.random.default_rng(seed).integers(0, 16, (120, 120)).astype(np.uint8)


def _as_levels(codes: np.ndarray) -> np.ndarray:
    return (255 - 17 * codes.astype(int)).astype(np.uint8)


def _dump(codes: np.ndarray, stamp: tuple[int, ...] = DATE, title: bytes = b"harbor") -> bytes:
    pairs = codes.reshape(-1, 2)
    packed: bytes = (pairs[:, 0] | pairs[:, 1] << 4).astype(np.uint8).tobytes()
    return title.ljust(24, b"\0") + bytes(stamp) + packed


def _link_record(codes: np.ndarray, seconds: int = 3_000_000_000) -> bytes:
    pairs = codes.reshape(-1, 2)
    header = b"harbor".ljust(26, b"\0") + struct.pack(">IHHH", seconds, 0, 7200, 800)
    packed: bytes = (pairs[:, 0] << 4 | pairs[:, 1]).astype(np.uint8).tobytes()
    return header + packed + bytes(800)


def _palm(records: list[bytes], name: bytes = b"WQVLinkDB", marks: list[int] | None = None) -> bytes:
    header = name.ljust(32, b"\0") + bytes(28) + b"DATACASI" + bytes(8) + struct.pack(">H", len(records))
    start, table = 78 + 8 * len(records) + 2, b""
    for record, mark in zip(records, marks or [IN_USE] * len(records)):
        table += struct.pack(">II", start, mark << 24)
        start += len(record)
    return header + table + b"\0\0" + b"".join(records)


def _moved(content: bytes, record: int, start: int) -> bytes:
    """The Palm database with another place for a record in its list."""
    place = 78 + 8 * record
    return content[:place] + struct.pack(">I", start) + content[place + 4 :]


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
    (capture,) = read_captures(_save_png(tmp_path / "harbor.png", levels))
    assert (capture.name, capture.kind) == ("harbor", "mono")
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


@pytest.mark.parametrize("title", [b"harbor", b"harbor".ljust(24), b"", bytes(range(0xC0, 0xD8))], ids=repr)
@pytest.mark.parametrize("stamp", [(2, 0, 30, 23, 59), (255,) * 5, (2, 11, 30, 59, 23), (0,) * 5], ids=str)
def test_a_dump_is_read_whatever_date_its_photo_has(stamp: tuple[int, ...], title: bytes, tmp_path: Path) -> None:
    (capture,) = read_captures(_save(tmp_path / "photo.bin", _dump(_codes(), stamp, title)))
    assert np.array_equal(capture.pixels, _as_levels(_codes()))


def test_a_bad_date_or_a_spoiled_header_among_many_photos_loses_none(tmp_path: Path) -> None:
    headers = [(DATE, b"one"), ((2, 13, 0, 0, 0), b"two"), ((99,) * 5, b"\x01\x02"), (DATE, b"\x1b")]
    dump = b"".join(_dump(_codes(seed), *header) for seed, header in enumerate(headers))
    captures = read_captures(_save(tmp_path / "all.bin", dump))
    assert [capture.name for capture in captures] == ["all_001", "all_002", "all_003", "all_004"]
    for seed, capture in enumerate(captures):
        assert np.array_equal(capture.pixels, _as_levels(_codes(seed)))


@pytest.mark.parametrize("stamp", [DATE, (2, 0, 30, 23, 59)], ids=str)
def test_a_dump_that_looks_like_a_palm_database_at_its_beginning_is_none(
    stamp: tuple[int, ...], tmp_path: Path
) -> None:
    gray_sky = np.full((120, 120), 5, np.uint8)  # letters where a database has its type, numbers after them
    gray_beside_white = gray_sky.copy()
    gray_beside_white[0, 90:] = 0
    one_record = gray_sky.copy()
    one_record[0, 94:98] = 0, 0, 1, 0
    for codes in (gray_sky, gray_beside_white, one_record):
        (capture,) = read_captures(_save(tmp_path / "sky.bin", _dump(codes, stamp)))
        assert np.array_equal(capture.pixels, _as_levels(codes))


def test_a_dump_may_have_the_name_of_a_watch_s_database_as_its_title(tmp_path: Path) -> None:
    assert len(read_captures(_save(tmp_path / "a.bin", _dump(_codes(), title=b"WQVLinkDB")))) == 1


def _random(photos: int) -> bytes:
    return np.random.default_rng(3).bytes(7229 * photos)


@pytest.mark.parametrize(
    "content",
    [bytes(7229), b"\xff" * 7229, ("Fünf Grüße, " * 520).encode()[:7229], _random(1), _random(9)],
    ids=["zeros", "erased", "text", "random", "more random"],
)
def test_what_only_has_the_length_of_a_dump_is_none(content: bytes, tmp_path: Path) -> None:
    assert content and len(content) % 7229 == 0
    with pytest.raises(UserError, match=r"is not a watch photo.*raw dump \(7229 bytes per photo"):
        read_captures(_save(tmp_path / "file.bin", content))


def test_each_photo_of_a_dump_has_its_date_if_there_is_such_a_day(tmp_path: Path) -> None:
    stamps = [DATE, (26, 2, 29, 12, 0), (26, 5, 16, 14, 36), (255,) * 5]
    dump = b"".join(_dump(_codes(seed), stamp) for seed, stamp in enumerate(stamps))
    captures = read_captures(_save(tmp_path / "all.bin", dump))
    assert [capture.taken for capture in captures] == ["2002:11:30 23:59:00", "", "2026:05:16 14:36:00", ""]


def test_the_records_of_a_palm_have_their_date_from_the_year_of_the_first_watch_on(tmp_path: Path) -> None:
    new_year = 3_029_529_600  # 2000, in seconds since 1904
    records = [_link_record(_codes(abs(seed)), new_year + seed) for seed in (-1, 0, 61)]
    dates = ["", "2000:01:01 00:00:00", "2000:01:01 00:01:01"]
    assert [c.taken for c in read_captures(_save(tmp_path / "a.pdb", _palm(records)))] == dates
    assert [c.taken for c in read_captures(_save(tmp_path / "a.pdr", b"".join(records)))] == dates


def test_a_color_photo_has_the_date_that_the_watch_wrote_into_its_jpeg(tmp_path: Path) -> None:
    def stamped(*stamp: int) -> bytes:
        header, rest = _jpeg()[:20], _jpeg()[20:]  # the mark of the file and APP0
        return header + b"\xff\xe2" + struct.pack(">H", 31) + b"\xff" * 24 + bytes(stamp) + rest

    contents = [stamped(3, 1, 4, 1, 48), stamped(3, 13, 4, 1, 48), _jpeg()]
    for number, (content, date) in enumerate(zip(contents, ["2003:01:04 01:48:00", "", ""])):
        for path in (tmp_path / f"{number}.jpg", tmp_path / f"{number}.pdb"):
            whole = content if path.suffix == ".jpg" else _palm(_blocks(content), b"CASIJPG0")
            assert read_captures(_save(path, whole))[0].taken == date


def test_a_folder_s_dumps_are_found_by_their_size_whatever_they_are_called(tmp_path: Path) -> None:
    for name in ("photo.bin", "WATCH", "b.wqv", "c.001"):
        _save(tmp_path / name, _dump(_codes()) * (1 + len(name) % 2))
    _save(tmp_path / "other.bin", _dump(_codes())[:-1])
    _save(tmp_path / "empty.bin", b"")
    with open(tmp_path / "huge.bin", "wb") as file:
        file.truncate(7229 * 4000)
    _save(tmp_path / "torn.PDB", b"WQVLinkDB")
    (tmp_path / "folder").mkdir()
    found = [path.name for path in find_pictures([tmp_path])]
    assert found == ["WATCH", "b.wqv", "c.001", "photo.bin", "torn.PDB"]
    with pytest.raises(UserError, match=r"folder and its subfolders contain no photos: no pictures"):
        list(find_pictures([tmp_path / "folder"]))


def test_pictures_of_subfolders_are_found_but_for_the_folder_of_the_results(tmp_path: Path) -> None:
    for name in ("b.png", "camera/old/c.png", "camera/a.png", ".thumbnails/t.png", "large/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / name)

    def find(results: Path | None) -> list[str]:
        return [path.relative_to(tmp_path).as_posix() for path in find_pictures([tmp_path], results=results)]

    photos = ["b.png", "camera/a.png", "camera/old/c.png"]
    assert find(tmp_path / "large") == photos
    assert find(tmp_path / "camera" / ".." / "large") == photos, "under another name"
    assert find(None) == find(tmp_path) == find(tmp_path / "missing") == ["b.png", "large/b.png", *photos[1:]]
    assert list(find_pictures([tmp_path / "large"], results=tmp_path / "large")) == [tmp_path / "large" / "b.png"]
    twice = [tmp_path / "camera" / "a.png", tmp_path / "camera"]
    assert [path.name for path in find_pictures(twice)] == ["a.png", "c.png"]
    (tmp_path / "empty" / "below").mkdir(parents=True)
    with pytest.raises(UserError, match=r"empty and its subfolders contain no photos: .* dumps\. Choose"):
        list(find_pictures([tmp_path / "empty"]))


def test_a_palm_link_database_has_the_high_nibble_left(tmp_path: Path) -> None:
    path = _save(tmp_path / "WQVLinkDB.PDB", _palm([_link_record(_codes(seed)) for seed in range(3)]))
    captures = read_captures(path)
    assert [capture.name for capture in captures] == ["WQVLinkDB_001", "WQVLinkDB_002", "WQVLinkDB_003"]
    for seed, capture in enumerate(captures):
        assert np.array_equal(capture.pixels, _as_levels(_codes(seed)))


def _assert_photos(path: Path, seeds: list[int]) -> None:
    captures = read_captures(path)
    assert [capture.name for capture in captures] == [f"db_{number:03d}" for number in range(1, len(seeds) + 1)]
    for seed, capture in zip(seeds, captures):
        assert np.array_equal(capture.pixels, _as_levels(_codes(seed)))


@pytest.mark.parametrize("gone", [0, 1, 2])
@pytest.mark.parametrize("mark", [IN_USE, DELETED, 0x80])
def test_deleted_and_empty_records_are_left_out(gone: int, mark: int, tmp_path: Path) -> None:
    records, marks = [_link_record(_codes(seed)) for seed in range(3)], [IN_USE] * 3
    seeds = [seed for seed in range(3) if seed != gone]
    if mark != IN_USE:  # its data are kept for an archive
        marks[gone] = mark
        _assert_photos(_save(tmp_path / "db.pdb", _palm(records, marks=marks)), seeds)
    records[gone], marks[gone] = b"", mark
    emptied = _palm(records, marks=marks)
    _assert_photos(_save(tmp_path / "db.pdb", emptied), seeds)
    if mark != IN_USE:  # its place is forgotten
        _assert_photos(_save(tmp_path / "db.pdb", _moved(emptied, gone, 0)), seeds)


def test_a_deleted_record_of_any_form_does_not_spoil_the_photos(tmp_path: Path) -> None:
    records = [b"notes", _link_record(_codes(1)), _link_record(_codes(2))]
    _assert_photos(_save(tmp_path / "db.pdb", _palm(records, marks=[DELETED, IN_USE, IN_USE])), [1, 2])
    blocks = _blocks(_jpeg())
    spoiled = _palm([b"old", *blocks, blocks[0]], b"CASIJPG1", marks=[DELETED, *[IN_USE] * len(blocks), DELETED])
    assert read_captures(_save(tmp_path / "CASIJPG1.PDB", spoiled))[0].kind == "color"


def test_a_palm_jpeg_database_is_put_together_from_its_blocks(tmp_path: Path) -> None:
    content = _jpeg()
    assert len(content) > 2 * 4096
    (capture,) = read_captures(_save(tmp_path / "CASIJPG00257006.PDB", _palm(_blocks(content), b"CASIJPG00257006")))
    assert (capture.name, capture.kind) == ("CASIJPG00257006", "color")
    assert np.array_equal(capture.pixels, np.asarray(Image.open(io.BytesIO(content))))


def test_a_jpeg_of_the_watchs_size_is_a_color_capture(tmp_path: Path) -> None:
    (capture,) = read_captures(_save(tmp_path / "a.jpg", _jpeg()))
    assert capture.kind == "color" and capture.pixels.shape == (144, 176, 3)


FORMS = {"bmp": "BMP", "tif": "TIFF", "webp": "WEBP", "png": "PNG"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_lossless_picture_of_sixteen_grays_is_a_mono_capture_in_any_format(
    form: str, mode: str, tmp_path: Path
) -> None:
    image = Image.fromarray(_as_levels(_codes()))
    options = {"lossless": True} if form == "webp" else {}
    image.convert(mode).save(tmp_path / "a.bin", FORMS[form], **options)
    (capture,) = read_captures(tmp_path / "a.bin")
    assert capture.kind == "mono" and np.array_equal(capture.pixels, _as_levels(_codes()))


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_a_copy_enlarged_by_repeating_pixels_gives_the_watchs_pixels(factor: int, tmp_path: Path) -> None:
    levels = _as_levels(_codes())
    (capture,) = read_captures(_save_png(tmp_path / "a.png", levels.repeat(factor, 0).repeat(factor, 1)))
    assert capture.kind == "mono" and np.array_equal(capture.pixels, levels)
    color = np.random.default_rng(1).integers(0, 256, (144, 176, 3), dtype=np.uint8)
    (capture,) = read_captures(_save_png(tmp_path / "b.png", color.repeat(factor, 0).repeat(factor, 1)))
    assert capture.kind == "color" and np.array_equal(capture.pixels, color)
    smooth = np.asarray(Image.fromarray(levels).resize((120 * factor,) * 2, Image.Resampling.BICUBIC))
    with pytest.raises(UserError, match="not every pixel of the watch is repeated exactly"):
        read_captures(_save_png(tmp_path / "c.png", smooth))


def test_a_rotated_copy_is_refused_by_that_name(tmp_path: Path) -> None:
    rotated = np.random.default_rng(1).integers(0, 256, (176, 144, 3), dtype=np.uint8)
    with pytest.raises(UserError, match=r"144x176 pixels, a rotated copy of .*Use the original file"):
        read_captures(_save_png(tmp_path / "a.png", rotated))


@pytest.mark.parametrize("extra", [b"\0" * 67, b"\x55\xaa\x01", bytes(range(256)) * 20])
def test_bytes_after_the_last_record_of_a_dump_do_not_matter(extra: bytes, tmp_path: Path) -> None:
    path = _save(tmp_path / "dump.bin", _dump(_codes(0)) + _dump(_codes(1)) + extra)
    for seed, capture in enumerate(read_captures(path)):
        assert np.array_equal(capture.pixels, _as_levels(_codes(seed)))
    assert list(find_pictures([tmp_path])) == [path]


def test_what_is_longer_than_a_dump_and_has_no_date_is_none(tmp_path: Path) -> None:
    archive = b"holiday.txt".ljust(100, b"\0") + b"0000644".ljust(412, b"\0") + np.random.default_rng(0).bytes(9000)
    for content in (archive, b"MZ" + np.random.default_rng(1).bytes(9000)):
        with pytest.raises(UserError, match="is not a watch photo"):
            read_captures(_save(tmp_path / "file.bin", content))
        assert not [path for path in tmp_path.iterdir() if could_be_watch_file(path)]


def test_single_records_of_the_palm_database_are_read(tmp_path: Path) -> None:
    (capture,) = read_captures(_save(tmp_path / "000.40.8151044.pdr", _link_record(_codes())))
    assert capture.name == "000.40.8151044" and np.array_equal(capture.pixels, _as_levels(_codes()))
    captures = read_captures(_save(tmp_path / "two.pdr", _link_record(_codes(0)) + _link_record(_codes(1))))
    assert [capture.name for capture in captures] == ["two_001", "two_002"]
    assert np.array_equal(captures[1].pixels, _as_levels(_codes(1)))
    assert len(list(find_pictures([tmp_path]))) == 2


@pytest.mark.parametrize("title", [b"harbor", b"a title of 26 letters \x1a\x01\x02\x03"])
def test_what_follows_the_photo_of_a_single_record_does_not_matter(title: bytes, tmp_path: Path) -> None:
    record = title.ljust(26, b"\0") + _link_record(_codes())[26:]  # some titles hold the date of a dump
    for number, content in enumerate((record + bytes(67), record[:-10], record[:7236])):
        (capture,) = read_captures(_save(tmp_path / f"{number}.pdr", content))
        assert np.array_equal(capture.pixels, _as_levels(_codes()))
    assert len(list(find_pictures([tmp_path]))) == 3
    captures = read_captures(_save(tmp_path / "two.pdr", record + _link_record(_codes(1)) + b"rest"))
    assert np.array_equal(captures[1].pixels, _as_levels(_codes(1))) and len(captures) == 2
    with pytest.raises(UserError, match="is not a watch photo"):
        read_captures(_save(tmp_path / "cut.pdr", _link_record(_codes())[:7000]))


def test_bare_pixels_are_read_in_the_order_of_the_palm_or_in_the_one_that_fits(tmp_path: Path) -> None:
    noise = _link_record(_codes())[36:7236]
    (capture,) = read_captures(_save(tmp_path / "a.pdr", noise))
    assert np.array_equal(capture.pixels, _as_levels(_codes()))
    steps = np.random.default_rng(0).integers(-1, 2, (120, 120)).cumsum(1)
    smooth = np.clip(8 + steps, 0, 15).astype(np.uint8)
    for content in (_link_record(smooth)[36:7236], _dump(smooth)[29:]):
        (capture,) = read_captures(_save(tmp_path / "b.bin", content))
        assert np.array_equal(capture.pixels, _as_levels(smooth))
    for content in (bytes(7200), b"dear watch, " * 600):
        with pytest.raises(UserError, match="is not a watch photo"):
            read_captures(_save(tmp_path / "c.bin", content))


@pytest.mark.parametrize("first", [500, 4096])
def test_headers_of_palm_records_in_a_jpeg_are_removed(first: int, tmp_path: Path) -> None:
    whole = _jpeg()
    (expected,) = read_captures(_save(tmp_path / "whole.jpg", whole))
    blocks = _blocks(whole, first)
    for content in (b"".join(blocks), b"".join(blocks)[8:]):
        assert content.count(b"DBLK") >= 2
        (capture,) = read_captures(_save(tmp_path / "a.jpg", content))
        assert capture.kind == "color" and np.array_equal(capture.pixels, expected.pixels)


def test_a_dump_whose_title_begins_like_a_bmp_is_a_dump(tmp_path: Path) -> None:
    (capture,) = read_captures(_save(tmp_path / "a.bin", _dump(_codes(), title=b"BMW 2002")))
    assert np.array_equal(capture.pixels, _as_levels(_codes()))


def _half_jpeg() -> bytes:
    return _jpeg()[:6000]


def _broken_list() -> bytes:
    return _palm([_link_record(_codes())])[:80]


def _two() -> bytes:
    return _palm([_link_record(_codes(0)), _link_record(_codes(1))])


def _of_deleted() -> bytes:
    return _palm([_link_record(_codes()), b""], marks=[DELETED, DELETED])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"hello", "is not a watch photo"),
        (_dump(_codes())[:-1], "is not a watch photo.* this file has 7228 bytes"),
        (_half_jpeg(), "damaged|cannot be read|truncated"),
        (_jpeg((640, 480)), "640x480"),
        (_jpeg((120, 120)), "16 levels"),
        (_jpeg((170, 140)), "170x140"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "is not a watch photo"),
        (_palm([]), "without photos"),
        (_of_deleted(), "without photos"),
        (_broken_list(), "damaged Palm database: the list of its 1 records is truncated"),
        (_palm([_link_record(_codes())])[:-100], "unknown format"),
        (_palm([_link_record(_codes()), b"notes"]), "record 2 of 2 has an unknown format"),
        (_palm([b"notes"], b"MemoDB"), "does not come from a watch"),
        (_moved(_two(), 1, 90), "overlap"),
        (_moved(_two(), 0, 80), "overlap"),
        (_moved(_two(), 0, 0), "overlap"),
        (_moved(_two(), 1, 1 << 31), "beyond the end"),
        (_two()[:6000], "beyond the end"),
        (_palm([bytes(6400)], b"WQVColorDB"), "only thumbnails"),
        (_palm([bytes(6400), b"one more"], b"WQVColorDB"), "only thumbnails"),
        (_palm([], b"WQVColorDB"), "only thumbnails"),
        (_palm(_blocks(_jpeg()))[:-40], "is truncated"),
        (_palm([_blocks(_jpeg())[0], b"XXXX" + bytes(20)]), "lacks its mark"),
        (_palm(_blocks(_jpeg())[1:]), "cannot be used"),
    ],
)
def test_a_broken_or_foreign_file_is_refused_with_the_reason(content: bytes, said: str, tmp_path: Path) -> None:
    path = _save(tmp_path / "file.pdb", content)
    with pytest.raises(UserError, match=said) as caught:
        read_captures(path)
    assert "file.pdb" in str(caught.value)


def _picture(form: str, mode: str) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (120, 120), 0x555555 if mode == "RGB" else 0x55).save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        _picture("GIF", "L"),
        b"\0\0\0\x01Bud1\0\0\x10\0" + bytes(6136),  # .DS_Store
        b"some words\0" + b"text " * 100,
        _palm([b"notes"], b"words").replace(b"DATACASI", bytes(range(8))),
        b"WQVLinkDB\0",
    ],
    ids=["gif", "folder notes", "words", "no type", "a name alone"],
)
def test_another_file_with_a_nul_near_its_beginning_is_not_called_a_palm_database(
    content: bytes, tmp_path: Path
) -> None:
    assert b"\0" in content[:32]
    with pytest.raises(UserError, match=r"is not a watch photo\. Choose a PNG, JPEG or BMP file"):
        read_captures(_save(tmp_path / "file.bin", content))


def test_a_file_changed_anywhere_near_its_beginning_never_raises_anything_else(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    deleted = _palm([_link_record(_codes()), b"", _link_record(_codes())], marks=[IN_USE, DELETED, DELETED])
    for whole in (deleted, _palm(_blocks(_jpeg())), _dump(_codes())):
        for _ in range(150):
            content = bytearray(whole)
            for place in generator.integers(0, 120, 3):
                content[place] = generator.integers(256)
            try:
                captures = read_captures(_save(tmp_path / "file.pdb", bytes(content)))
            except UserError:
                continue
            assert captures and all(capture.pixels.dtype == np.uint8 for capture in captures)


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


def test_the_kinds_of_files_leave_out_what_is_no_capture(tmp_path: Path) -> None:
    mono, color, other = tmp_path / "mono.bin", tmp_path / "color.png", tmp_path / "other.png"
    mono.write_bytes(_dump(_codes()))
    Image.new("RGB", (176, 144), (200, 30, 90)).save(color)
    Image.new("RGB", (50, 50)).save(other)
    assert find_kinds([mono, other, tmp_path / "missing.png"]) == {"mono"}
    assert find_kinds([mono, color]) == {"mono", "color"}


def test_real_captures_are_recognized() -> None:
    folder = Path(__file__).parents[3] / "shared" / "wqv"
    if not folder.is_dir():
        pytest.skip("the captures of real watches are not on this machine")
    for kind in ("mono", "color"):
        for path in sorted((folder / kind).iterdir()):
            (capture,) = read_captures(path)
            assert capture.kind == kind


def test_bytes_after_the_last_record_of_a_database_change_nothing(tmp_path: Path) -> None:
    content = _palm([_link_record(_codes(seed)) for seed in range(2)])
    captures = read_captures(_save(tmp_path / "a.pdb", content + b"more"))
    assert [np.array_equal(capture.pixels, _as_levels(_codes(seed))) for seed, capture in enumerate(captures)] == [
        True
    ] * 2
