"""Hours in the window, compressed: rounds of everything a user does, and a census after each.

    python -m tests.gui.soak --minutes 120

A round trains, pauses, saves, stops and resumes in one workspace, stops without saving and starts over in another one,
opens every dialog, menu and tab, changes the theme, and imports settings. One line per round shows what the program
holds; the last lines show what grew per round over the second half. It runs off screen unless QT_QPA_PLATFORM is set.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from trainer_core import environment

environment.configure_libraries()  # as the program does: it decides how memory is given back

import numpy as np
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox

from app.run.session import SessionState
from app.start import make_window
from app.widgets.errors import ErrorReport, show_report
from app.widgets.theme import theme
from app.window import Window
from tests.gui.census import count_objects, count_resources
from tests.gui.window_driver import fill_form, find_tabs, flush_deferred_deletes, is_quiet
from tests.small_runs import make_photos, watch_photo
from trainer_core.control import RunRequest

_TIMEOUT = 120.0  # seconds; a busy machine needs them
_NEVER = 100_000


class Soak:
    """Rounds in one window; `run_round` does one and returns the census after it."""

    def __init__(self, window: Window, folder: Path) -> None:
        self._window = window
        self._photos = make_photos(folder / "photos")
        self._capture = watch_photo(folder / "harbor.png")
        self._workspaces = (folder / "one", folder / "two")
        self._settings = folder / "settings.json"

    def run_round(self) -> dict[str, int]:
        """Do everything once."""
        first, second = self._workspaces
        self._train(first)
        self._use_dialogs()
        self._resume_and_stop()
        self._train(second)
        self._look_around()
        for workspace in self._workspaces:
            shutil.rmtree(workspace / "previous_runs", ignore_errors=True)  # else each round has one more to list
        self._wait("a quiet window", lambda: is_quiet(self._window))
        self._window.message_strip.dismiss()
        return {**count_objects(), **count_resources()}

    # -- the parts of a round ------------------------------------------------------------------

    def _train(self, workspace: Path) -> None:
        """Start a run, over an unfinished one if there is one, use every button, and stop it."""
        window, session = self._window, self._window.session
        fill_form(window, self._photos, workspace, steps=_NEVER, val_interval=3, image_log_interval=3)
        self._wait("the checks", lambda: window.project.is_ready)
        window.controller.start()
        if not session.is_active:
            self._answer("Start over")
        self._wait("three steps", lambda: session.step >= 3)
        window.pins.pin([self._capture])
        window.controller.pause_or_resume()
        self._wait("the pause", lambda: session.state is SessionState.PAUSED)
        window.controller.pause_or_resume()
        for request in RunRequest:
            session.request(request)
        step = session.step
        self._wait("more steps", lambda: session.step > step + 3)
        window.controller.stop()
        self._wait("the stop", lambda: not session.is_active)

    def _resume_and_stop(self) -> None:
        window, session = self._window, self._window.session
        window.controller.open_workspace(str(self._workspaces[0]))
        self._wait("the offer to resume", window.resume_card.isVisible)
        step = session.step
        window.controller.resume()
        self._wait("a resumed step", lambda: session.state is SessionState.TRAINING and session.step > step)
        window.controller.discard()
        self._answer("Stop without saving")
        self._wait("the stop", lambda: not session.is_active)

    def _use_dialogs(self) -> None:
        window, deployment = self._window, self._window.deployment
        deployment.open_trial()
        self._wait("the trial", lambda: deployment.trial_dialog is not None and deployment.trial_dialog.isVisible())
        trial = deployment.trial_dialog
        assert trial is not None
        trial.photos.add([self._capture])
        self._wait("an upscaled photo", trial.save_button.isEnabled)
        trial.photos.remove()
        trial.close()
        deployment.open_export()
        self._wait("the export", lambda: deployment.export_dialog is not None and deployment.export_dialog.isVisible())
        show_report(ErrorReport("Title", "Cause", "Advice", "Details"), window)
        window.controller.about()
        window.controller.ask_to_load_demo()
        for dialog in window.findChildren(QDialog):
            dialog.reject()
        flush_deferred_deletes()

    def _look_around(self) -> None:
        window, tabs = self._window, find_tabs(self._window)
        for index in range(tabs.count()):
            tabs.setCurrentIndex(index)
            QApplication.processEvents()
        for choice in ("dark", "light"):
            theme().set_choice(choice)
        for menu in window.menuBar().actions():
            submenu: Any = menu.menu()
            for action in submenu.actions():
                if action.menu() is not None:
                    action.menu().aboutToShow.emit()
        window.charts.compare_button.click()
        self._wait("the list of runs", window.comparison.menu.isVisible)
        window.comparison.menu.hide()
        window.controller.settings_files.copy_command()
        window.controller.settings_files.export_to(self._settings)
        self._wait("the settings", self._settings.is_file)
        window.controller.settings_files.import_from(self._settings)
        window.resize(1024, 700)
        window.resize(1240, 780)

    # -- waiting -------------------------------------------------------------------------------

    def _answer(self, label: str) -> None:
        def boxes() -> list[QMessageBox]:
            return [box for box in self._window.findChildren(QMessageBox) if box.isVisible()]

        self._wait(f"the answer {label!r}", lambda: bool(boxes()))
        next(button for button in boxes()[0].buttons() if button.text() == label).click()

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _TIMEOUT
        while not condition():
            QApplication.processEvents()
            time.sleep(0.002)
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {_TIMEOUT:.0f} s for {what}; message: {self._window.message_strip.text}")


def growth_per_round(rounds: Sequence[dict[str, int]]) -> dict[str, float]:
    """Return the slope of each count over the second half of the rounds, when all caches are full."""
    later = rounds[len(rounds) // 2 :]
    return {name: float(np.polyfit(range(len(later)), [r[name] for r in later], 1)[0]) for name in later[0]}


def main() -> None:
    """Run rounds for the given time and print their census."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10, help="how long to go on (default: 10)")
    minutes = parser.parse_args().minutes
    from app.start import make_application

    make_application()
    with tempfile.TemporaryDirectory() as folder:
        _isolate_settings(folder)
        window = make_window()
        window.show()
        window.start_background_work()
        soak, rounds, end = Soak(window, Path(folder)), [], time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            rounds.append(soak.run_round())
            print(f"{len(rounds):4}", "  ".join(f"{name} {count}" for name, count in rounds[-1].items()), flush=True)
        window.close_at_once()
    if len(rounds) >= 4:
        for name, slope in growth_per_round(rounds).items():
            print(f"{name}: {slope:+.2f} per round")


def _isolate_settings(folder: str) -> None:
    from PySide6.QtCore import QSettings

    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)


if __name__ == "__main__":
    main()
