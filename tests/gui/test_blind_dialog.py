"""The blind comparison and the blend of two models in the window "Enlarge photos"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import Qt, QThread
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QApplication, QWidget

from app.enlarge import blind_dialog
from app.enlarge.blind_dialog import BlindDialog
from app.enlarge.named_model import NamedModel
from app.enlarge.trial import BLEND, OTHER_MODEL, THIS_MODEL
from app.enlarge.trial_dialog import TrialDialog
from app.preview.pictures import BICUBIC, read_pixels
from app.system.background import Background
from app.window import Window
from tests.core.networks import network_of, saved
from tests.core.starter_files import use_starters
from tests.gui.audit import find_cut_texts, find_overlaps
from tests.gui.test_accessibility import nameless
from tests.gui.test_deploy import click, opened, wait_for
from tests.gui.window_driver import drop_files, fill_form
from tests.small_runs import make_photos, picture
from trainer_core.blind.session import BlindSession
from trainer_core.model.spec import NetworkSpec
from trainer_core.verbs.upscale import Upscaler

_LONG = 240_000  # milliseconds; a busy machine needs them
UNDO = (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
SPEC = NetworkSpec(4, num_feat=8, num_block=1, num_grow_ch=4)


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    """Two models of the same dimensions."""
    return saved(network_of(SPEC), tmp_path / "a_x4.pth"), saved(network_of(SPEC, 2), tmp_path / "b_x4.pth")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"photo{number}.png" for number in range(4)]
    for number, path in enumerate(paths):
        picture(number).resize((30, 20)).save(path)
    return paths


def trial_with_both(window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path]) -> TrialDialog:
    trial = opened(window, qtbot, models[0])
    trial.models.load_model(OTHER_MODEL, models[1])
    drop_files(trial, *photos)
    qtbot.waitUntil(lambda: trial.photos.list.count() == len(photos), timeout=_LONG)
    wait_for(qtbot, trial, OTHER_MODEL)
    return trial


def compared(trial: TrialDialog, qtbot: Any) -> BlindDialog:
    """The dialog, ready for the first answer, with all photos enlarged."""
    click(qtbot, trial.blind_button)
    dialog = trial.blind_dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.is_asking and not dialog.progress.isVisible(), timeout=_LONG)
    return dialog


def saved_answers(record: Path) -> list[str]:
    return [answer["better"] for answer in json.loads(record.read_text())["answers"]]


def test_two_models_are_compared_blindly_with_the_keyboard(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path]
) -> None:
    trial = trial_with_both(window, qtbot, models, photos)
    dialog = compared(trial, qtbot)
    session = dialog.session
    assert session is not None and len(session.comparison.pairs) == 4
    assert not find_cut_texts(dialog) and not find_overlaps(dialog) and not nameless(dialog)
    assert not any(name in dialog.text.text() for name in ("a_x4", "b_x4"))
    assert not any(shortcut.autoRepeat() for shortcut in dialog.findChildren(QShortcut)), "a held key answers once"
    preferred = []
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left):
        pair = session.comparison.pair
        assert pair is not None and f"Pair {session.comparison.number + 1} of 4" in dialog.text.text()
        shown = dialog.view.pictures
        assert shown is not None
        left = session.images[pair.index][0 if pair.first_is_left else 1]
        color = shown.images["Left"].pixelColor(50, 30)
        assert (color.red(), color.green(), color.blue()) == tuple(left[30, 50])
        entries = [action.text() for action in dialog.view.make_menu("Left").actions()]
        assert not any("save" in text.lower() for text in entries), "nothing that the dialog cannot do"
        if key != Qt.Key.Key_Down:
            preferred.append("first" if (key == Qt.Key.Key_Left) == pair.first_is_left else "second")
        qtbot.keyClick(dialog, key)
    record = models[0].parent / "blind_a_x4_b_x4.json"
    qtbot.waitUntil(lambda: str(record) in dialog.verdict.record.full_text, timeout=_LONG)
    assert dialog.text.text() == "" and dialog.verdict.folder_button.isVisible()
    result = json.loads(record.read_text())["result"]
    assert (result["first"], result["second"], result["equal"]) == (
        preferred.count("first"),
        preferred.count("second"),
        1,
    )
    for pair in session.comparison.pairs:
        photo = next(path for path in photos if path.stem == pair.name)
        assert (
            session.images[pair.index][0] == Upscaler(models[0])(np.asarray(Image.open(photo).convert("RGB")))
        ).all()
    assert dialog.verdict.isVisible() and not dialog.view.isVisible()
    assert not find_cut_texts(dialog) and not find_overlaps(dialog)


def test_while_a_training_runs_a_result_is_copied_and_two_models_are_compared_blindly(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path], tmp_path: Path
) -> None:
    fill_form(window, make_photos(tmp_path / "sharp"), tmp_path / "run", steps=100000, val_interval=1000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    window.controller.start()
    qtbot.waitUntil(lambda: window.session.step > 0, timeout=_LONG)
    trial = trial_with_both(window, qtbot, models, photos)
    QApplication.clipboard().clear()
    copy = trial.trial_view.view.make_menu(THIS_MODEL).actions()[0]
    assert copy.text() == f"Copy image: {THIS_MODEL}"
    copy.trigger()
    copied = read_pixels(QApplication.clipboard().image())
    assert (copied == wait_for(qtbot, trial)).all(), "it is the enlarged photo, pixel by pixel"
    dialog, before = compared(trial, qtbot), window.session.step
    for _ in photos:
        qtbot.keyClick(dialog, Qt.Key.Key_Left)
    record = models[0].parent / "blind_a_x4_b_x4.json"
    qtbot.waitUntil(lambda: str(record) in dialog.verdict.record.full_text, timeout=_LONG)
    assert saved_answers(record).count("equal") == 0 and len(saved_answers(record)) == len(photos)
    qtbot.waitUntil(lambda: window.session.step > before, timeout=_LONG)
    assert window.session.is_active, "the training goes on"


def test_the_verdict_names_both_models_and_the_last_answer_can_be_undone(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path]
) -> None:
    dialog = compared(trial_with_both(window, qtbot, models, photos), qtbot)
    session = dialog.session
    assert session is not None and dialog.windowTitle() == "Blind comparison of a_x4 and b_x4"

    def prefer_first() -> None:
        pair = session.comparison.pair
        assert pair is not None
        qtbot.keyClick(dialog, Qt.Key.Key_Left if pair.first_is_left else Qt.Key.Key_Right)

    for _ in range(3):
        prefer_first()
    qtbot.keyClick(dialog, Qt.Key.Key_Down)
    folder = models[0].parent.name
    assert [tuple(label.text() for label in row) for row in dialog.verdict.rows] == [
        (f"a_x4.pth · folder {folder}", "better in 3 of 4"),
        (f"b_x4.pth · folder {folder}", "better in 0 of 4"),
        ("No difference", "in 1 of 4"),
    ]
    assert dialog.verdict.heading.text().startswith("You preferred a_x4 3 of 3 times; this may be chance.")
    assert "Preferences for a_x4: 100\u00a0% (95\u00a0% interval: " in dialog.verdict.share.text()
    assert "equally good" in dialog.verdict.share.toolTip()
    record = models[0].parent / "blind_a_x4_b_x4.json"
    for undo in (lambda: click(qtbot, dialog.undo_button), lambda: qtbot.keyClick(dialog, *UNDO)):
        undo()
        assert dialog.view.isVisible() and "Pair 4 of 4" in dialog.text.text()
        qtbot.waitUntil(lambda: record.exists() and saved_answers(record) == ["first"] * 3, timeout=_LONG)
        prefer_first()
    qtbot.waitUntil(lambda: saved_answers(record) == ["first"] * 4, timeout=_LONG)
    for _ in range(4):
        qtbot.keyClick(dialog, Qt.Key.Key_Backspace)
    for _ in range(4):
        qtbot.keyClick(dialog, Qt.Key.Key_Down)
    assert dialog.verdict.heading.text() == "You saw no difference."


def test_the_first_pair_is_asked_about_while_the_others_are_enlarged(
    qapp: QApplication, qtbot: Any, models: tuple[Path, Path], photos: list[Path]
) -> None:
    jobs: list[tuple[Any, ...]] = []
    background = Background()
    dialog = BlindDialog(lambda *job: jobs.append(job), background)
    qtbot.addWidget(dialog)
    first, second = (NamedModel(model, model.stem, model.stem) for model in models)
    dialog.open_for((first, second), [(photo, 0) for photo in photos])
    qtbot.waitUntil(lambda: dialog.session is not None, timeout=_LONG)
    session = dialog.session
    assert session is not None

    def enlarge_tile() -> None:
        job, done, _ = jobs.pop()
        done(job())

    def enlarge_pair() -> None:
        before = len(session.images)
        while len(session.images) == before:
            enlarge_tile()

    assert "Enlarging photo 1 of 4" in dialog.text.text() and not dialog.buttons["left"].isEnabled()
    enlarge_pair()
    assert "Pair 1 of 4" in dialog.text.text() and dialog.progress.isVisible() and dialog.view.isVisible()
    shown = dialog.view.pictures
    enlarge_tile()
    assert dialog.view.pictures is shown, "the view would lose its zoom"
    dialog.buttons["left"].setFocus()
    dialog.answer("left")
    assert "Enlarging photo 2 of 4" in dialog.text.text() and dialog.view.pictures is None
    assert dialog.buttons["left"].hasFocus(), "Space would close the dialog"
    dialog.answer("left")
    assert session.comparison.number == 1, "there is no second pair yet"
    dialog.undo()
    assert "Pair 1 of 4" in dialog.text.text()
    dialog.answer("right")
    enlarge_pair()
    assert "Pair 2 of 4" in dialog.text.text() and dialog.view.pictures is not None
    while jobs:
        enlarge_tile()
    assert not dialog.progress.isVisible() and "Pair 2 of 4" in dialog.text.text()
    for _ in range(3):
        dialog.answer("equal")
    assert dialog.verdict.isVisible()
    qtbot.waitUntil(lambda: "The answers are in" in dialog.verdict.record.full_text, timeout=_LONG)
    dialog.close()


def test_an_answer_is_undone_and_a_closed_comparison_saved(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path]
) -> None:
    trial = trial_with_both(window, qtbot, models, photos)
    dialog = compared(trial, qtbot)
    record = models[0].parent / "blind_a_x4_b_x4.json"
    click(qtbot, dialog.buttons["left"])
    click(qtbot, dialog.undo_button)
    assert not dialog.undo_button.isEnabled() and "Pair 1 of 4" in dialog.text.text()
    click(qtbot, dialog.buttons["equal"])
    click(qtbot, dialog.close_button)
    expected = f"You compared 1 of 4 pairs. The answer is in {record}."
    qtbot.waitUntil(lambda: trial.messages.text == expected, timeout=_LONG)
    assert saved_answers(record) == ["equal"]


def test_the_answers_of_a_comparison_that_ends_early_are_named(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path]
) -> None:
    trial = trial_with_both(window, qtbot, models, photos)
    record = models[0].parent / "blind_a_x4_b_x4.json"
    dialog = compared(trial, qtbot)
    click(qtbot, dialog.close_button)
    assert trial.messages.text == "", "no answer"
    dialog = compared(trial, qtbot)
    for count in (1, 2):
        click(qtbot, dialog.buttons["left"])
        qtbot.waitUntil(lambda count=count: record.exists() and len(saved_answers(record)) == count, timeout=_LONG)
    qtbot.waitUntil(lambda: dialog._record == record, timeout=_LONG)
    click(qtbot, dialog.close_button)
    assert trial.messages.text == f"You compared 2 of 4 pairs. The answers are in {record}."
    trial.messages.dismiss()
    dialog = compared(trial, qtbot)
    for _ in range(4):
        click(qtbot, dialog.buttons["left"])
    qtbot.waitUntil(lambda: "The answers are in" in dialog.verdict.record.full_text, timeout=_LONG)
    click(qtbot, dialog.close_button)
    assert trial.messages.text == "", "the comparison has named the file"


def test_the_built_in_model_of_a_watch_is_compared_on_photos_that_suit_it(
    window: Window, qtbot: Any, models: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_starters(monkeypatch, tmp_path / "starters", "wqv1_x4", "wqv10_x4")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name, mode in (("gray1", "L"), ("color", "RGB"), ("gray2", "L")):
        picture(1).convert(mode).resize((30, 20)).save(tmp_path / f"{name}.png")
    trial = opened(window, qtbot)
    drop_files(trial, models[0], *(tmp_path / f"{name}.png" for name in ("gray1", "color", "gray2")))
    qtbot.waitUntil(lambda: trial.photos.list.count() == 3, timeout=_LONG)
    wait_for(qtbot, trial, OTHER_MODEL)
    dialog = compared(trial, qtbot)
    assert dialog.session is not None
    assert {pair.name for pair in dialog.session.comparison.pairs} == {"gray1", "gray2"}
    assert dialog.windowTitle() == "Blind comparison of the built-in model (mono watch, x4) and a_x4"


def test_a_photo_that_cannot_be_read_ends_the_comparison_with_a_sentence(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path]
) -> None:
    trial = trial_with_both(window, qtbot, models, photos)
    photos[1].write_bytes(b"no picture")
    click(qtbot, trial.blind_button)
    dialog = trial.blind_dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: "photo1.png" in dialog.text.text(), timeout=_LONG)
    assert not any(button.isEnabled() for button in dialog.buttons.values())


def test_a_comparison_needs_two_models_and_a_photo(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path]
) -> None:
    trial = opened(window, qtbot, models[0])
    assert not trial.blind_button.isEnabled() and not trial.blend.slider.isEnabled()
    drop_files(trial, photos[0])
    wait_for(qtbot, trial)
    assert not trial.blind_button.isEnabled()
    trial.models.load_model(OTHER_MODEL, models[1])
    qtbot.waitUntil(trial.blind_button.isEnabled, timeout=_LONG)


def test_a_second_comparison_leaves_the_answers_of_the_first(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path]
) -> None:
    trial = trial_with_both(window, qtbot, models, photos)
    dialog = compared(trial, qtbot)
    first = dialog.session
    qtbot.keyClick(dialog, Qt.Key.Key_Left)
    click(qtbot, trial.blind_button)
    qtbot.waitUntil(lambda: dialog.is_asking and dialog.session is not first, timeout=_LONG)
    qtbot.keyClick(dialog, Qt.Key.Key_Down)
    names = ["blind_a_x4_b_x4.json", "blind_a_x4_b_x4_2.json"]
    qtbot.waitUntil(lambda: all((models[0].parent / name).exists() for name in names), timeout=_LONG)
    assert len(saved_answers(models[0].parent / names[0])) == 1


def test_a_comparison_that_is_closed_while_it_upscales_frees_its_models_in_the_training_thread(
    window: Window, qtbot: Any, models: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.png"
    picture(5).resize((300, 260)).save(path)
    trial = trial_with_both(window, qtbot, models, [path])
    closed: list[str] = []

    def iterate(session: BlindSession) -> Iterator[None]:
        try:
            yield from original(session)
        finally:
            closed.append(QThread.currentThread().objectName())

    original = blind_dialog._iterate_upscaling
    monkeypatch.setattr(blind_dialog, "_iterate_upscaling", iterate)
    click(qtbot, trial.blind_button)
    dialog = trial.blind_dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog._tiles is not None, timeout=_LONG)
    click(qtbot, dialog.close_button)
    qtbot.waitUntil(lambda: bool(closed), timeout=_LONG)
    assert closed == ["training"] and dialog.session is None


def test_answers_that_cannot_be_saved_are_reported(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(session: BlindSession) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BlindSession, "save", fail)
    dialog = compared(trial_with_both(window, qtbot, models, photos), qtbot)
    qtbot.keyClick(dialog, Qt.Key.Key_Left)
    problem = "The answers could not be saved: No space left on device."
    qtbot.waitUntil(lambda: problem in dialog.text.text(), timeout=_LONG)
    dialog._refresh()  # as at the end of each tile while a pair is awaited
    assert dialog.text.text().endswith(problem) and "Pair 2 of 4" in dialog.text.text()
    monkeypatch.undo()
    qtbot.keyClick(dialog, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: problem not in dialog.text.text(), timeout=_LONG)
    assert "Pair 3 of 4" in dialog.text.text()


# -- the blend -----------------------------------------------------------------------------------


def blended(models: tuple[Path, Path], share: float, photo: Path) -> np.ndarray:
    """What the mean of the weights makes of a photo."""
    upscaler = Upscaler(models[0])
    other = Upscaler(models[1])._network.state_dict()
    state = {name: (1 - share) * w + share * other[name] for name, w in upscaler._network.state_dict().items()}
    upscaler._network.load_state_dict(state)
    return upscaler(np.asarray(Image.open(photo).convert("RGB")))


def test_the_slider_mixes_both_models_and_the_mixture_is_exported(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path]
) -> None:
    trial = trial_with_both(window, qtbot, models, photos[:1])
    assert trial.blend.slider.isEnabled() and not trial.blend.export_button.isEnabled()
    trial.blend.slider.setValue(40)
    pixels = wait_for(qtbot, trial, BLEND)
    expected = blended(models, 0.4, photos[0])
    assert np.abs(pixels.astype(int) - expected).max() <= 1
    assert np.abs(pixels.astype(int) - trial.trial.result(THIS_MODEL).pixels).max() > 3  # type: ignore[union-attr]
    view = trial.trial_view.view
    assert view.right_view == BLEND and view.side_by_side_views == (BICUBIC, THIS_MODEL, OTHER_MODEL, BLEND)
    click(qtbot, trial.blend.export_button)
    deployment = window.deployment
    qtbot.waitUntil(
        lambda: deployment.export_dialog is not None and deployment.export_dialog.isVisible(), timeout=_LONG
    )
    export = deployment.export_dialog
    assert export is not None
    assert (export.model.path, export.blend.path, export.alpha.value()) == (*models, 0.4)
    export.close()


def test_a_blend_ends_with_the_slider_at_zero_or_with_another_model(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path], tmp_path: Path
) -> None:
    trial = trial_with_both(window, qtbot, models, photos[:1])
    trial.blend.slider.setValue(40)
    wait_for(qtbot, trial, BLEND)
    trial.blend.slider.setValue(0)
    qtbot.waitUntil(lambda: BLEND not in trial.trial.models, timeout=_LONG)
    assert trial.trial.result(BLEND) is None and trial.trial_view.view.right_view == THIS_MODEL
    trial.blend.slider.setValue(40)
    wait_for(qtbot, trial, BLEND)
    larger = saved(network_of(NetworkSpec(4, 12, 1, 4)), tmp_path / "c_x4.pth")
    trial.models.load_model(OTHER_MODEL, larger)
    qtbot.waitUntil(lambda: OTHER_MODEL in trial.trial.models and BLEND not in trial.trial.models, timeout=_LONG)
    qtbot.waitUntil(lambda: trial.trial.models[OTHER_MODEL].path == larger, timeout=_LONG)
    assert not trial.blend.slider.isEnabled() and trial.blend.share == 0
    reason = "To blend, compare with another model of the same training."
    assert trial.blend.toolTip() == reason
    shown = [child for child in trial.blend.findChildren(QWidget) if child.isVisibleTo(trial.blend)]
    assert [getattr(child, "text", str)() for child in shown] == [reason], "the slider takes the room of the reason"
    assert find_cut_texts(trial.blend) == []


def test_a_model_that_is_refused_ends_the_blend_but_leaves_the_slider(
    window: Window, qtbot: Any, models: tuple[Path, Path], photos: list[Path], tmp_path: Path
) -> None:
    trial = trial_with_both(window, qtbot, models, photos[:1])
    trial.blend.slider.setValue(40)
    wait_for(qtbot, trial, BLEND)
    (tmp_path / "broken_x4.pth").write_bytes(b"no weights")
    trial.models.load_model(OTHER_MODEL, tmp_path / "broken_x4.pth")
    assert BLEND not in trial.trial.models and trial.blend.share == 0
    qtbot.waitUntil(lambda: "broken_x4.pth" in trial.messages.text, timeout=_LONG)
    qtbot.waitUntil(trial.blend.slider.isEnabled, timeout=_LONG)
    trial.blend.slider.setValue(40)
    wait_for(qtbot, trial, BLEND)


def test_a_blend_shares_nothing_with_its_models(models: tuple[Path, Path], photos: list[Path]) -> None:
    pixels = np.asarray(Image.open(photos[0]).convert("RGB"))
    first, second = Upscaler(models[0]), Upscaler(models[1])
    before = first(pixels)
    blend = first.blend_with(second, 1.0)
    with torch.inference_mode():
        assert (blend(pixels) == second(pixels)).all()
    assert (first(pixels) == before).all()
