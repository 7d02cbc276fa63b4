"""Runs programs as processes of their own on an X server: the window, as a user starts it, and its neighbors."""

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

from tests.gui.xserver import XServer, wait_for

ROOT = Path(__file__).resolve().parents[2]
_TAIL = 4000  # characters of a log that a failure shows


def script() -> list[str]:
    """Return the installed command, or the module where it is not installed."""
    command = Path(sys.executable).with_name("wqv-upscale-trainer-gui")
    return [str(command)] if command.exists() else [sys.executable, "-m", "app"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return this process's environment without a display, and with the user's folders in `home`."""
    left_out = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    known = {key: value for key, value in os.environ.items() if key not in left_out}
    return {**known, "XDG_CONFIG_HOME": str(home / "config"), "XDG_STATE_HOME": str(home / "state"), **more}


class ProgramProcess:
    """Starts a program at once; `end` kills it if it still runs."""

    def __init__(self, xserver: XServer, home: Path, command: Sequence[str]) -> None:
        self.xserver = xserver
        self._home = home
        home.mkdir(parents=True, exist_ok=True)
        self._output_file = home / "output.txt"
        with self._output_file.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment(home, DISPLAY=xserver.display), stdout=output, stderr=output
            )

    @property
    def output(self) -> str:
        """Standard output and error so far, as one text."""
        return self._output_file.read_text("utf-8", "replace")

    def wait_for(self, what: str, condition: Callable[[], object]) -> None:
        """Wait until the condition holds; fail with `describe` if the process ends before or the deadline passes."""

        def holds() -> object:
            found = condition()
            assert found or self._process.poll() is None, f"it left before {what}\n{self.describe()}"
            return found

        wait_for(what, holds, self.describe)

    def window(self, title: str) -> str:
        """Wait for the window with this title (a regular expression) and return its number."""
        self.wait_for(f"the window {title!r}", lambda: self.xserver.windows(name=title))
        return self.xserver.windows(name=title)[0]

    def kill(self) -> None:
        """Kill the process, as a crash or a power cut does."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def exit_code(self) -> int:
        """Wait until the process has ended by itself and return its exit code."""
        wait_for("its end", lambda: self._process.poll() is not None, self.describe)
        return int(self._process.wait())

    def end(self) -> None:
        """Kill the process if it still runs."""
        if self._process.poll() is None:
            self.kill()

    def describe(self) -> str:
        """Return its output and logs, the titles on the screen, and where a screenshot is."""
        seen = self._home / "screen.png"
        Image.fromarray(self.xserver.screenshot()).save(seen)
        logs = [self._output_file, *self._home.glob("state/**/*.*"), *self._home.parent.glob("*/trainer.log")]
        texts = [f"-- {log}\n{log.read_text('utf-8', 'replace')[-_TAIL:]}" for log in logs if log.is_file()]
        return "\n".join([f"exit code {self._process.poll()}, windows {self.xserver.titles()}, screen {seen}", *texts])


def journal_records(workspace: Path, event: str) -> list[dict[str, Any]]:
    """Read the records of one kind of event that a run has written so far."""
    file = workspace / "journal.jsonl"
    lines = file.read_text("utf-8").splitlines(keepends=True) if file.exists() else []
    records = [json.loads(line) for line in lines if line.endswith("\n")]  # the last may be half written
    return [record for record in records if record["event"] == event]
