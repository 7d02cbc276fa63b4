"""Make pictures of the window in its states, with a real training.

    python docs/screenshots/make.py                                  # those of this folder, which the documents show
    python docs/screenshots/make.py --out DIR [--only NAME ...]      # all of them, or some, to look at
    python docs/screenshots/make.py --out DIR --size 1024x700 --theme dark --scale 2 --points 16

The states follow each other in one process, as `Photographer.STATES` lists them. The training is the nano preset on
the built-in scenes, or on --photos; on two idle processor cores 300 steps take some three minutes. --workspace shows
the finished run of that workspace instead of training to the end. Without a display it runs itself under xvfb-run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

from PIL import Image
from PySide6.QtCore import QEventLoop, QSettings, QStandardPaths, Qt, QTimer
from PySide6.QtGui import QFont
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from app.enlarge.save_all_dialog import SaveAllDialog
from app.enlarge.trial import OTHER_MODEL
from app.enlarge.trial_dialog import TrialDialog
from app.form.entries import NumberEntry
from app.help.windows import Help
from app.preview.compare import SIDE_BY_SIDE, SLIDER
from app.preview.full_screen import FullScreen
from app.run.queue_dialog import QueueDialog
from app.run.session import SessionState
from app.runs.recent_workspaces import add_recent_workspace, write_note
from app.start import make_application, make_window
from app.widgets.theme import theme
from trainer_core import environment
from trainer_core.scenes.painter import write_scenes
from trainer_core.verbs.simulate import simulate

_HERE = Path(__file__).resolve().parent
_SHOWN = ("recent", "enlarge", "training", "resume", "paused")  # by the documents
_PLACE = Path(tempfile.gettempdir(), "wqv")  # short, because the pictures show it
_LONG = 1800  # seconds
_SCENES, _SCENES_SEED = 14, 92  # no built-in model has seen them
_LISTED = 6  # of them, to be enlarged
_PORTRAIT = 2  # number of the one with a face


class Photographer:
    """One window that is brought from state to state; `save_picture` saves what it shows."""

    STATES = (
        "start",
        "enlarge",
        "help",
        "invalid",
        "watch",
        "calibration",
        "training",
        "queue",
        "paused",
        "resume",
        "finished",
        "blind",
        "export",
        "recent",
    )

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._out: Path = arguments.out
        self._names = arguments.only or (_SHOWN if arguments.out == _HERE else ())
        self._run = _PLACE / "runs" / "scenes"
        self._captures = _PLACE / "captures"
        scenes = _PLACE / "scenes"
        write_scenes(scenes, seed=_SCENES_SEED, train=0, val=_SCENES, test=0, size=512)
        simulate([scenes], _PLACE / "watch", camera="wqv1", scale=4)
        (_PLACE / "watch" / "lr").rename(self._captures)
        self._open_window()

    def _open_window(self) -> None:
        self.window = make_window()
        self.window.resize(*self._arguments.size)
        self.window.show()
        self.window.start_background_work()
        self.wait(lambda: self.window.status_line.text("device"))

    def wait(self, until: Callable[[], Any], then: int = 400) -> None:
        """Let the window work until something holds, and `then` milliseconds more."""
        began = time.monotonic()
        while not until():
            _process_events(20)
            if time.monotonic() - began > _LONG:
                raise TimeoutError("the window did not reach the state in time")
        _process_events(then)

    def save_picture(self, name: str, widget: QWidget | None = None) -> None:
        """Save the window, or another widget, as NAME.png."""
        if self._names and name not in self._names:
            return
        focused = QApplication.focusWidget()
        if focused is not None:
            focused.clearFocus()
        _process_events(100)
        file = self._out / f"{name}.png"
        (widget or self.window).grab().save(str(file))
        with Image.open(file) as picture:
            opaque = picture.convert("RGB")
        opaque.save(file, optimize=True)
        print(name, flush=True)

    def _save_dialog(self, name: str, dialog: QDialog) -> None:
        """Save a dialog in the size that it has, or that of the screen, and close it."""
        width, height = self._arguments.size
        dialog.resize(min(dialog.width(), width), min(dialog.height(), height))
        self.wait(dialog.isVisible)
        self.save_picture(name, dialog)
        dialog.close()

    # -- the states, in their order

    def start(self) -> None:
        """Show the first start."""
        self.save_picture("start")

    def _open_enlarging(self) -> TrialDialog:
        """Open the window that enlarges some of the watch photos with a built-in model."""
        deployment = self.window.deployment
        deployment.open_enlarging()
        self.wait(lambda: deployment.trial_dialog is not None and deployment.trial_dialog.isVisible())
        dialog = deployment.trial_dialog
        assert dialog is not None
        dialog.photos.add(sorted(self._captures.iterdir())[:_LISTED])
        self.wait(lambda: dialog.photos.list.count() == _LISTED)
        dialog.photos.list.setCurrentRow(_PORTRAIT)
        self.wait(dialog.save_button.isEnabled)
        return dialog

    def enlarge(self) -> None:
        """Enlarge built-in scenes as the mono watch would take them, and ask where to save all."""
        dialog = self._open_enlarging()
        width, height = self._arguments.size
        dialog.resize(min(dialog.width(), width), min(dialog.height(), height))
        self.wait(lambda: True)
        self.save_picture("enlarge", dialog)
        saving = SaveAllDialog(_LISTED, 0, dialog)
        saving.show()
        self._save_dialog("save_all", saving)
        dialog.close()

    def help(self) -> None:
        """Open the manual at its glossary."""
        Help(self.window).open_glossary()
        self._save_dialog("help", self._find_dialog("Manual"))

    def _find_dialog(self, title: str) -> Any:
        """Find a visible window by the beginning of its title."""
        found = [each for each in QApplication.topLevelWidgets() if each.isVisible()]
        return next(each for each in found if each.windowTitle().startswith(title))

    def invalid(self) -> None:
        """Enter a folder that does not exist, and text for a number."""
        form, project = self.window.form, self.window.project
        project.set_path("source_dir", str(_PLACE / "phtoos"))
        project.set_path("workspace", str(self._run))
        entry = form.rows["max_minutes"].entry
        assert isinstance(entry, NumberEntry)
        entry.line.clear()
        QTest.keyClicks(entry.line, "an hour or so")
        self.wait(lambda: "source_dir" in project.path_problems)
        self.save_picture("invalid")
        project.reset_value("max_minutes")
        project.reset_value("source_dir")

    def watch(self) -> None:
        """Show the simulation before the start."""
        window, never = self.window, self._arguments.steps
        window.project.use_demo(str(self._run))
        if self._arguments.photos:
            window.project.set_path("source_dir", str(self._arguments.photos.resolve()))
        settings = {"preset": "nano", "monochrome_style": True, "steps": never, "val_interval": max(1, never // 8)}
        for name, value in settings.items():
            window.project.set_value(name, value)
        self.wait(lambda: window.project.is_ready)
        cells = window.simulation.grid.cells
        self.wait(lambda: cells and all(cell.has_image for cell in cells) and window.run_bar.estimate, then=2000)
        window.message_strip.dismiss()
        self.save_picture("watch")

    def calibration(self) -> None:
        """Measure the watch that took the watch photos, for a moment."""
        window = self.window
        window.simulation.open_calibration()
        dialog = window.simulation.calibration_dialog
        assert dialog is not None
        dialog.choice.add([self._captures])
        self.wait(lambda: dialog.start_button.isEnabled())
        dialog.start()
        self.wait(lambda: "Tried" in dialog.status.accessibleName(), then=1500)
        self.save_picture("calibration", dialog)
        dialog.stop()
        self.wait(lambda: not dialog.work.is_running)
        dialog.close()

    def training(self) -> None:
        """Train two thirds of the run; show the slider between bicubic and the network."""
        window = self.window
        window.controller.start()
        window.preview.view.set_mode(SLIDER)
        self.wait(lambda: window.session.step >= self._arguments.steps * 2 // 3)
        self.save_picture("training")
        if not self._names or "full_screen" in self._names:
            full_screen = FullScreen(window.preview.view)
            full_screen.toggle()
            self.wait(window.preview.view.isWindow)
            self.save_picture("full_screen", window.preview.view)
            full_screen.toggle()
        window.preview.view.set_mode(SIDE_BY_SIDE)
        if theme().choice == "light":
            theme().set_choice("dark")
            self.wait(lambda: True)
            self.save_picture("dark")
            theme().set_choice("light")

    def queue(self) -> None:
        """List two more trainings in the queue."""
        queue = self.window.controller.queue
        added: list[str] = []
        for name in ("garden", "faces"):
            queue.add(str(_PLACE / "scenes"), str(_PLACE / "runs" / name), None, lambda: added.append(""), sys.exit)
            _process_events(1000)  # a second addition at the same time would replace the first
        self.wait(lambda: len(added) == 2)
        dialog = QueueDialog(queue, self.window)
        dialog.show()
        self._save_dialog("queue", dialog)
        for _ in queue.entries:
            queue.remove(0)
        self.window.message_strip.dismiss()

    def paused(self) -> None:
        """Pause at a step boundary."""
        window = self.window
        window.controller.pause_or_resume()
        self.wait(lambda: window.session.state is SessionState.PAUSED, then=1500)
        self.save_picture("paused")

    def resume(self) -> None:
        """Stop, and open the workspace again."""
        window = self.window
        window.controller.stop()
        self.wait(lambda: not window.session.is_active)
        shutil.copytree(self._run, _PLACE / "runs" / "garden")
        window.controller.open_workspace(str(self._run))
        self.wait(window.resume_card.isVisible, then=1500)
        window.message_strip.dismiss()
        self.save_picture("resume")

    def finished(self) -> None:
        """Show the end of this run, or of the run in --workspace."""
        window = self.window
        if self._arguments.workspace:
            window.controller.open_workspace(str(self._arguments.workspace.resolve()))
        else:
            window.controller.resume()
            self.wait(lambda: not window.session.is_active)
        self.wait(window.result_card.isVisible, then=1500)
        window.message_strip.dismiss()
        self.save_picture("finished")

    def blind(self) -> None:
        """Compare the model of the run with the built-in one, first beside each other, then without their names."""
        dialog = self._open_enlarging()
        dialog.models.load_model(OTHER_MODEL, Path(self.window.result_card.model))
        self.wait(lambda: OTHER_MODEL in dialog.trial.models, then=3000)
        self.save_picture("two_models", dialog)
        dialog._compare_blindly()
        asking = dialog.blind_dialog
        assert asking is not None
        self.wait(lambda: asking.is_asking)
        self._save_dialog("blind", asking)
        dialog.close()

    def export(self) -> None:
        """Show the choices of an export."""
        deployment = self.window.deployment
        deployment.open_export(self.window.result_card.model)
        self.wait(lambda: deployment.export_dialog is not None and deployment.export_dialog.isVisible())
        assert deployment.export_dialog is not None
        self._save_dialog("export", deployment.export_dialog)

    def recent(self) -> None:
        """Show the start page of the next start, with the run, and with what it was when it was stopped."""
        self.close()
        for path, note in ((_PLACE / "runs" / "garden", "before dinner"), (self._run, "first try")):
            add_recent_workspace(path)
            write_note(path, note)
        self._open_window()
        self.wait(self.window.start_page.recent_work.isVisible, then=1000)
        self.save_picture("recent")

    def close(self) -> None:
        """Close the window, saving a run that is under way."""
        self.window.close_at_once()
        self.wait(lambda: not self.window.training.isRunning())


def _process_events(milliseconds: int) -> None:
    """Process events; unlike `QTest.qWait` this lets the training thread work too."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def main() -> None:
    """Make all pictures."""
    arguments = _arguments()
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        _run_under_xvfb(arguments)
    os.environ["QT_SCALE_FACTOR"] = str(arguments.scale)
    environment.configure_libraries()
    arguments.out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(_PLACE, ignore_errors=True)
    _PLACE.mkdir()
    QStandardPaths.setTestModeEnabled(True)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(_PLACE / "settings"))
    application = make_application()
    application.setCursorFlashTime(0)
    application.setEffectEnabled(Qt.UIEffect.UI_AnimateTooltip, False)
    if arguments.points:
        letters = QFont(application.font())
        letters.setPointSize(arguments.points)
        application.setFont(letters)
    theme().set_choice(arguments.theme)
    photographer = Photographer(arguments)
    try:
        for state in Photographer.STATES:
            getattr(photographer, state)()
    finally:
        photographer.close()
        shutil.rmtree(_PLACE, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--photos", type=Path, help="train on these")
    parser.add_argument("--workspace", type=Path, help="with a finished run, for the pictures of its end")
    parser.add_argument("--out", type=Path, default=_HERE, help="where the pictures go; all but those of this folder")
    parser.add_argument("--only", nargs="+", default=[], help="keep these pictures alone")
    parser.add_argument("--size", type=_to_size, default=(1280, 800), metavar="WxH", help="of the window")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--scale", type=float, default=1.0, help="pixels for each pixel of the window, as 2 for 200 %%")
    parser.add_argument("--points", type=int, help="size of the letters, in place of the system's")
    return parser.parse_args()


def _to_size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


def _run_under_xvfb(arguments: argparse.Namespace) -> None:
    if not shutil.which("xvfb-run"):
        sys.exit("There is no display, and xvfb-run is not installed.")
    width, height = (round(length * arguments.scale) for length in arguments.size)
    screen = ["xvfb-run", "-a", "-s", f"-screen 0 {width}x{height}x24"]
    sys.exit(subprocess.call([*screen, sys.executable, *sys.argv]))


if __name__ == "__main__":
    main()
