"""Make the pictures of this folder: the window at 1280x800 in its states, with a real training.

    python docs/screenshots/make.py [--steps 300] [--photos DIR] [--workspace DIR] [--out DIR] [--only NAME ...]

empty, enlarge, invalid, watch, training, dark, paused, resume, finished, in this order and in one process. The training
is the nano preset on the built-in scenes, or on --photos; on two idle processor cores 300 steps take some three
minutes. --workspace shows the finished run of that workspace instead of training to the end. Without a display the
script runs itself under xvfb-run.
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

from PySide6.QtCore import QEventLoop, QSettings, QStandardPaths, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.form.entries import NumberEntry
from app.preview.compare import SIDE_BY_SIDE, SLIDER
from app.run.session import SessionState
from app.start import make_application, make_window
from app.widgets.theme import theme
from trainer_core import environment
from trainer_core.scenes.painter import write_scenes
from trainer_core.verbs.simulate import simulate

_HERE = Path(__file__).resolve().parent
_SIZE = (1280, 800)
_PLACE = Path(tempfile.gettempdir(), "wqv")  # short, because the pictures show it
_LONG = 1800  # seconds
_SCENES, _SCENES_SEED = 6, 92  # no built-in model has seen them


class Photographer:
    """One window that is brought from state to state; `save_picture` saves what it shows."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._out: Path = arguments.out
        self._run = _PLACE / "runs" / "scenes"
        self.window = make_window()
        self.window.resize(*_SIZE)
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
        if self._arguments.only and name not in self._arguments.only:
            return
        focused = QApplication.focusWidget()
        if focused is not None:
            focused.clearFocus()
        _process_events(100)
        (widget or self.window).grab().save(str(self._out / f"{name}.png"))
        print(name, flush=True)

    # -- the states, in their order

    def empty(self) -> None:
        """Show the first start."""
        self.save_picture("empty")

    def enlarge(self) -> None:
        """Enlarge built-in scenes as the mono watch would take them."""
        scenes, deployment = _PLACE / "scenes", self.window.deployment
        write_scenes(scenes, seed=_SCENES_SEED, train=0, val=_SCENES, test=0, size=512)
        simulate([scenes], _PLACE / "watch", camera="wqv1", scale=4)
        deployment.open_enlarging()
        self.wait(lambda: deployment.trial_dialog is not None)
        dialog = deployment.trial_dialog
        assert dialog is not None
        dialog.photos.add([_PLACE / "watch" / "lr"])
        self.wait(lambda: dialog.photos.list.count() == _SCENES and dialog.save_button.isEnabled())
        self.save_picture("enlarge", dialog)
        dialog.close()

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

    def training(self) -> None:
        """Train two thirds of the run; show the slider between bicubic and the network."""
        window = self.window
        window.controller.start()
        window.preview.view.set_mode(SLIDER)
        self.wait(lambda: window.session.step >= self._arguments.steps * 2 // 3)
        self.save_picture("training")
        theme().set_choice("dark")
        window.preview.view.set_mode(SIDE_BY_SIDE)
        self.wait(lambda: True)
        self.save_picture("dark")
        theme().set_choice("light")

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
        _run_under_xvfb()
    environment.configure_libraries()
    arguments.out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(_PLACE, ignore_errors=True)
    _PLACE.mkdir()
    QStandardPaths.setTestModeEnabled(True)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(_PLACE / "settings"))
    application = make_application()
    application.setCursorFlashTime(0)
    application.setEffectEnabled(Qt.UIEffect.UI_AnimateTooltip, False)
    photographer = Photographer(arguments)
    try:
        for state in ("empty", "enlarge", "invalid", "watch", "training", "paused", "resume", "finished"):
            getattr(photographer, state)()
    finally:
        photographer.close()
        shutil.rmtree(_PLACE, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--photos", type=Path, help="train on these")
    parser.add_argument("--workspace", type=Path, help="with a finished run, for the last picture")
    parser.add_argument("--out", type=Path, default=_HERE, help="where the pictures go")
    parser.add_argument("--only", nargs="+", default=[], help="keep these pictures alone")
    return parser.parse_args()


def _run_under_xvfb() -> None:
    if not shutil.which("xvfb-run"):
        sys.exit("There is no display, and xvfb-run is not installed.")
    screen = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24"]
    sys.exit(subprocess.call([*screen, sys.executable, *sys.argv]))


if __name__ == "__main__":
    main()
