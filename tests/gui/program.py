"""Programs in processes of their own on a screen: the window, the way a user starts it, and what stands beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

from PIL import Image

from tests.gui.screen import Screen, wait_for

ROOT = Path(__file__).resolve().parents[2]
_LAST = 4000  # characters of a log that a failure shows


def script() -> list[str]:
    """The installed command, or the module where it is not installed."""
    command = Path(sys.executable).with_name("wqv-upscale-trainer-gui")
    return [str(command)] if command.exists() else [sys.executable, "-m", "app"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """This one without a display, and with the user's folders in `home`."""
    left_out = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    known = {key: value for key, value in os.environ.items() if key not in left_out}
    return {**known, "XDG_CONFIG_HOME": str(home / "config"), "XDG_STATE_HOME": str(home / "state"), **more}


class Program:
    """Started at once; `end` ends what is left of it."""

    def __init__(self, screen: Screen, home: Path, command: Sequence[str]) -> None:
        self.screen = screen
        self._home = home
        home.mkdir(parents=True, exist_ok=True)
        self._said = home / "said.txt"
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment(home, DISPLAY=screen.display), stdout=said, stderr=said
            )

    @property
    def process(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def said(self) -> str:
        """Standard output and error so far."""
        return self._said.read_text("utf-8", "replace")

    def wait_for(self, what: str, condition: Callable[[], object]) -> None:
        """Until the condition holds; its death and the deadline fail with all that is known of it."""

        def holds() -> object:
            found = condition()
            assert found or self._process.poll() is None, f"it left before {what}\n{self.story()}"
            return found

        wait_for(what, holds, self.story)

    def window(self, title: str) -> str:
        """The number of the window with this title (a regular expression), once it is there."""
        self.wait_for(f"the window {title!r}", lambda: self.screen.windows(name=title))
        return self.screen.windows(name=title)[0]

    def kill(self) -> None:
        """As a crash or a power cut does."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def exit_code(self) -> int:
        """Once it has left by itself."""
        wait_for("its end", lambda: self._process.poll() is not None, self.story)
        return int(self._process.wait())

    def end(self) -> None:
        """Leave nothing running."""
        if self._process.poll() is None:
            self.kill()

    def story(self) -> str:
        """What it said and logged, and what is on the screen."""
        seen = self._home / "screen.png"
        Image.fromarray(self.screen.picture()).save(seen)
        logs = [self._said, *self._home.glob("state/**/*.*"), *self._home.parent.glob("*/trainer.log")]
        texts = [f"-- {log}\n{log.read_text('utf-8', 'replace')[-_LAST:]}" for log in logs if log.is_file()]
        return "\n".join([f"exit code {self._process.poll()}, windows {self.screen.titles()}, screen {seen}", *texts])


def journal(workspace: Path, event: str) -> list[dict[str, Any]]:
    """The records of one kind that a run has written so far."""
    file = workspace / "journal.jsonl"
    lines = file.read_text("utf-8").splitlines(keepends=True) if file.exists() else []
    records = [json.loads(line) for line in lines if line.endswith("\n")]  # the last may be half written
    return [record for record in records if record["event"] == event]
