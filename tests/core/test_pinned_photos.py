"""The user's own watch photos: pinned to a workspace, enlarged with every preview, never moved by a run."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos, picture
from trainer_core.control import RunControl, RunRequest
from trainer_core.errors import UserError
from trainer_core.events import Event, Notice, PreviewImage, PreviewReady, RunFinished, StepDone
from trainer_core.planning.plan import make_plan
from trainer_core.planning.recognition import PathKind, classify_content, classify_path
from trainer_core.previews.files import (
    PreviewInfo,
    file_name,
    find_previews,
    image_keys,
    parse_file_name,
    pinned_name,
    read_preview_info,
    read_provenance,
    write_preview,
)
from trainer_core.previews.pinned_photos import MAX_PINNED, pin_photo, read_pinned_photos, unpin_photo
from trainer_core.sinks.tensorboard import TensorBoardSink
from trainer_core.training.trainer import Trainer
from trainer_core.workspace.layout import Workspace


def mono_photo(path: Path, seed: int = 0, width: int = 120, height: int = 120) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(seed).integers(0, 16, (height, width)).astype(np.uint8) * 17
    Image.fromarray(levels).save(path)
    return path


def color_photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(5, 176, 144).save(path, quality=70)
    return path


def dump(path: Path, count: int = 1) -> Path:
    """As the watch sends it: 7229 bytes a photo."""
    record = b"harbor".ljust(24, b"\0") + bytes((2, 11, 30, 23, 59))
    path.write_bytes(b"".join(record + bytes([number] * 7200) for number in range(count)))
    return path


def palm(path: Path) -> Path:
    header = b"WQVLinkDB".ljust(32, b"\0") + bytes(28) + b"DATACASI" + bytes(8) + struct.pack(">H", 1)
    record = bytes(26) + struct.pack(">IHHH", 3_000_000_000, 0, 7200, 800) + bytes(8000)
    path.write_bytes(header + struct.pack(">II", 88, 0x40000000) + b"\0\0" + record)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


def train(photos: Path, workspace: Path, listener: Any = None, **given: Any) -> list[Event]:
    control, events = RunControl(), []

    def sink(event: Event) -> None:
        events.append(event)
        if listener:
            listener(event, control)

    settings = {**TINY, "source_dir": str(photos), "workspace": str(workspace), **given}
    assert Trainer(make_plan(settings), sink, control).run().outcome == "completed"
    return events


def previews(events: list[Event]) -> list[PreviewReady]:
    return [event for event in events if isinstance(event, PreviewReady)]


def pinned(event: PreviewReady) -> list[PreviewImage]:
    return [sample for sample in event.images if sample.hr is None]


# -- in a run ----------------------------------------------------------------------------------


def test_each_preview_shows_the_pinned_photos_after_the_validation_frames(photos: Path, tmp_path: Path) -> None:
    folder = Workspace(tmp_path).preview_photos
    mono_photo(folder / "harbor.png")
    events = train(photos, tmp_path, steps=4, val_interval=2)
    for event in previews(events):
        assert [sample.hr is None for sample in event.images] == [False, True]
        (sample,) = pinned(event)
        assert (sample.name, sample.psnr, sample.bicubic_psnr) == ("harbor", None, None)
        assert np.array_equal(sample.lr[..., 0], np.asarray(Image.open(folder / "harbor.png")))
        assert sample.sr.shape == sample.bicubic.shape == (480, 480, 3)
    strip = Image.open(tmp_path / "previews" / "step00000004_pinned_harbor.png")
    assert strip.size == (3 * 480, 480)  # LR, bicubic, SR
    last = pinned(previews(events)[-1])[0]
    assert np.array_equal(np.asarray(strip)[:, 960:], last.sr)
    first = pinned(previews(events)[0])[0]
    assert not np.array_equal(first.sr, last.sr), "the network learns, so its picture changes"
    assert find_previews(tmp_path / "previews") == dict.fromkeys((0, 2, 4), ("1", "pinned_harbor"))


def test_a_preview_file_says_what_it_shows_and_others_go_by_their_names(tmp_path: Path) -> None:
    gray = np.full((8, 8, 3), 90, np.uint8)
    frame, own = tmp_path / file_name(3, "2"), tmp_path / file_name(3, "pinned_harbor")
    write_preview(
        PreviewImage("Hafen 中文.jpg", gray[:2, :2], gray, gray, gray, 23.45678, 22.0),
        frame,
        made_by="the network at step 5",
        weights="5ab1",
    )
    write_preview(
        PreviewImage("harbor", gray[:2, :2], gray, None, gray, None, None),
        own,
        made_by="the network at step 5",
        weights="5ab1",
    )
    assert read_preview_info(frame) == PreviewInfo("Hafen 中文.jpg", 23.4568, 22.0) and read_preview_info(
        own
    ) == PreviewInfo("harbor")
    assert read_provenance(own)["Weights SHA-256"] == "5ab1", "for single pictures that are saved of it"
    with Image.open(frame) as strip:
        assert strip.size == (32, 8)
    Image.fromarray(gray).save(frame)  # as earlier versions left it
    own.write_bytes(own.read_bytes()[:40])
    assert read_preview_info(frame) == PreviewInfo("picture 2") and read_preview_info(own) == PreviewInfo("harbor")
    assert read_preview_info(tmp_path / file_name(9, "1")) == PreviewInfo("picture 1")


@pytest.mark.parametrize("scale", [2, 8])
def test_a_cut_out_piece_of_any_size_is_enlarged(photos: Path, tmp_path: Path, scale: int) -> None:
    mono_photo(tmp_path / "preview_photos" / "piece.png", width=45, height=31)
    events = train(photos, tmp_path, steps=1, scale=scale)
    assert pinned(previews(events)[-1])[0].sr.shape == (31 * scale, 45 * scale, 3)


def test_a_color_watch_s_photos_are_shown_to_a_color_network(photos: Path, tmp_path: Path) -> None:
    color_photo(tmp_path / "preview_photos" / "beach.jpg")
    events = train(photos, tmp_path, steps=1, monochrome_style=False)
    assert pinned(previews(events)[-1])[0].sr.shape == (576, 704, 3)


def test_an_unreadable_photo_is_reported_once_and_left_out(photos: Path, tmp_path: Path) -> None:
    folder = Workspace(tmp_path).preview_photos
    mono_photo(folder / "good.png")
    color_photo(folder / "beach.jpg")
    (folder / "torn.pdb").write_bytes(b"WQVLinkDB".ljust(78, b"\0"))
    picture(3).save(folder / "holiday.png")
    (folder / ".hidden").write_bytes(b"x")
    events = train(photos, tmp_path, steps=3, val_interval=1)
    assert all([sample.name for sample in pinned(event)] == ["good"] for event in previews(events))
    (notice,) = [e for e in events if isinstance(e, Notice) and "Not shown" in e.text]
    assert "beach.jpg is from a color watch (WQV-3, WQV-10), but this run is for a mono watch" in notice.text
    assert "torn.pdb" in notice.text and "holiday.png" in notice.text and ".hidden" not in notice.text


def test_photos_may_come_and_go_while_the_training_runs(photos: Path, tmp_path: Path) -> None:
    folder = Workspace(tmp_path).preview_photos

    def at(event: Event, control: RunControl) -> None:
        if isinstance(event, StepDone) and event.step == 1:
            mono_photo(folder / "late.png")
            control.request(RunRequest.PREVIEW)
        if isinstance(event, StepDone) and event.step == 2:
            (folder / "late.png").unlink()
            control.request(RunRequest.PREVIEW)

    events = train(photos, tmp_path, at, steps=3, val_interval=100, image_log_interval=100)
    assert [len(pinned(event)) for event in previews(events)] == [0, 1, 0, 0]


def test_the_pinned_photos_are_shown_even_where_no_validation_frame_is(photos: Path, tmp_path: Path) -> None:
    mono_photo(tmp_path / "preview_photos" / "harbor.png")
    events = train(photos, tmp_path, steps=4, val_interval=2, image_log_max_samples=0)
    assert [e.step for e in previews(events)] == [0, 2, 4]
    assert all(image_keys(e.images) == ("pinned_harbor",) for e in previews(events))


def test_a_run_without_validation_photos_previews_them(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer_core.training.evaluation.validation_frames", lambda *args, **options: [])
    mono_photo(tmp_path / "preview_photos" / "harbor.png")
    events = train(photos, tmp_path, steps=4, val_interval=2)
    assert any(isinstance(event, Notice) and "no validation photos" in event.text for event in events)
    assert [(event.step, image_keys(event.images)) for event in previews(events)] == [
        (0, ("pinned_harbor",)),
        (2, ("pinned_harbor",)),
        (4, ("pinned_harbor",)),
    ]


def test_a_new_run_keeps_the_pinned_photos(photos: Path, tmp_path: Path) -> None:
    kept = mono_photo(tmp_path / "preview_photos" / "harbor.png")
    for _ in range(2):
        events = train(photos, tmp_path, steps=1)
        assert [sample.name for sample in pinned(previews(events)[-1])] == ["harbor"]
    assert kept.is_file()
    (earlier,) = (tmp_path / "previous_runs").iterdir()
    assert (earlier / "previews" / "step00000001_pinned_harbor.png").is_file()
    assert not (earlier / "preview_photos").exists()


def test_tensorboard_names_them(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    large = np.full((32, 32, 3), 150, np.uint8)
    sink = TensorBoardSink(tmp_path, 0)
    sink(PreviewReady(1, (PreviewImage("harbor", np.full((8, 8, 3), 10, np.uint8), large, None, large, None, None),)))
    sink(RunFinished("completed", 1))
    image = accumulator.EventAccumulator(str(tmp_path)).Reload().Images("pinned/harbor")[0]
    assert (image.width, image.height) == (2 * 32 + 4, 32)


# -- the folder --------------------------------------------------------------------------------


def test_every_form_of_watch_photo_can_be_pinned(tmp_path: Path) -> None:
    folder = tmp_path / "preview_photos"
    sources = [mono_photo(tmp_path / "a.png"), dump(tmp_path / "b.bin", 2), palm(tmp_path / "c.PDB")]
    for source in sources:
        assert classify_content(source) is PathKind.WATCH_PHOTO
        before = source.read_bytes()
        assert pin_photo(source, folder, mono=True).read_bytes() == before == source.read_bytes()
    assert [photo.name for photo in read_pinned_photos(folder, mono=True).photos] == ["a", "b_001", "b_002", "c"]
    assert classify_content(color_photo(tmp_path / "beach.jpg")) is PathKind.WATCH_PHOTO


def test_a_dump_without_a_date_can_be_pinned(tmp_path: Path) -> None:
    content = bytearray(dump(tmp_path / "a.bin", 2).read_bytes())
    content[24:29] = bytes(5)
    (tmp_path / "a.bin").write_bytes(content)
    assert classify_content(tmp_path / "a.bin") is PathKind.WATCH_PHOTO
    pin_photo(tmp_path / "a.bin", tmp_path / "preview_photos", mono=True)
    assert len(read_pinned_photos(tmp_path / "preview_photos", mono=True).photos) == 2


def test_an_ordinary_photo_is_no_watch_photo(tmp_path: Path) -> None:
    picture(1).save(tmp_path / "holiday.png")
    picture(1, 120, 120).save(tmp_path / "colors.png")
    (tmp_path / "letter.txt").write_text("dear watch")
    kinds = [classify_content(tmp_path / name) for name in ("holiday.png", "colors.png", "letter.txt")]
    assert kinds == [PathKind.PICTURE, PathKind.PICTURE, PathKind.OTHER]
    assert classify_path(mono_photo(tmp_path / "watch.png")) is PathKind.PICTURE, "names do not tell"
    assert classify_content(tmp_path) is PathKind.PHOTOS and classify_content(tmp_path / "gone.png") is PathKind.OTHER
    with pytest.raises(UserError, match=r"colors\.png is not a watch photo: it has colors"):
        pin_photo(tmp_path / "colors.png", tmp_path / "preview_photos", mono=True)
    assert not (tmp_path / "preview_photos").exists()


def test_pinning_never_overwrites_another_photo_of_the_same_name(tmp_path: Path) -> None:
    folder = tmp_path / "preview_photos"
    first = pin_photo(mono_photo(tmp_path / "a" / "harbor.png", 1), folder, mono=True)
    second = pin_photo(mono_photo(tmp_path / "b" / "harbor.png", 2), folder, mono=True)
    other_form = pin_photo(dump(tmp_path / "HARBOR"), folder, mono=True)
    again = pin_photo(tmp_path / "a" / "harbor.png", folder, mono=True)
    assert [path.name for path in (first, second, other_form, again)] == [
        "harbor.png",
        "harbor_2.png",
        "HARBOR_3",
        "harbor.png",
    ]
    assert first.read_bytes() == (tmp_path / "a" / "harbor.png").read_bytes()
    assert len(list(folder.iterdir())) == 3


def test_the_other_kind_of_watch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is from a mono watch"):
        pin_photo(mono_photo(tmp_path / "a.png"), tmp_path / "preview_photos", mono=False)
    with pytest.raises(UserError, match="is from a color watch"):
        pin_photo(color_photo(tmp_path / "a.jpg"), tmp_path / "preview_photos", mono=True)


def test_more_than_a_preview_shows_are_refused_or_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "preview_photos"
    for number in range(MAX_PINNED):
        pin_photo(mono_photo(tmp_path / f"p{number:02d}.png", number), folder, mono=True)
    with pytest.raises(UserError, match="Unpin one first"):
        pin_photo(mono_photo(tmp_path / "more.png", 99), folder, mono=True)
    mono_photo(folder / "more.png", 99)
    found = read_pinned_photos(folder, mono=True)
    assert len(found.photos) == MAX_PINNED


def test_unpinning_deletes_the_copy_only(tmp_path: Path) -> None:
    folder, source = tmp_path / "preview_photos", mono_photo(tmp_path / "harbor.png")
    copy = pin_photo(source, folder, mono=True)
    assert unpin_photo("harbor", folder) == copy
    assert not copy.exists() and source.is_file()
    assert unpin_photo("harbor", folder) is None


def test_names_become_safe_and_stay_apart(tmp_path: Path) -> None:
    folder = tmp_path / "preview_photos"
    for name in ("a:b?.png", "A_b_.png", "é" * 100 + ".png"):
        mono_photo(folder / name)
    names = [photo.name for photo in read_pinned_photos(folder, mono=True).photos]
    assert names == ["A_b_", "a_b__2", "é" * 50]
    for name in names:
        image = np.zeros((1, 1, 3), np.uint8)
        key = image_keys([PreviewImage(name, image, image, None, np.zeros(1), None, None)])[0]
        assert parse_file_name(Path(file_name(7, key))) == (7, key) and pinned_name(key) == name
    assert pinned_name("12") == ""
