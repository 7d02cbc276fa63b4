"""Measure how responsive the window is while it trains: four measurements, each in fresh processes of the program.

    python -m benchmarks.window_latency [--only heartbeat|paint|headless|charts] [--minutes 10] [--photos DIR]

heartbeat   the nano preset trains in the window; a 10 ms timer in the window's thread notes how late each beat comes.
            Prints percentiles and the number of late beats after start-up (torch imported, first step done), and for
            each one above 250 ms what the threads were doing. Goals: 99 % below 50 ms, at most one above 250 ms in
            ten minutes.
paint       seconds from the start of a process to the first paint of its window. Goal: 1.5 s.
headless    steps per second of the same run on the command line and in the window. Both run at once, in turns of a few
            seconds: one is suspended while the other trains, because a machine's speed drifts by more from minute to
            minute than is asked for here. Goal: within 3 %.
charts      100,000 recorded steps: seconds to load them, milliseconds of a drawing (goal: below 50), and memory over
            10,000 drawings (goal: flat).

Without a display it runs itself under xvfb-run. Measure on an idle machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from benchmarks.conditions import describe_conditions
from benchmarks.heartbeat import LATE, Heartbeat

if TYPE_CHECKING:
    from app.runs.figures import RunFigures
    from app.window import Window
    from trainer_core.events import Event

_SETTLING = 5  # records of steps before a training takes turns
_RECORDED = 100_000  # steps
_NEVER = 1_000_000  # steps
_ENDLESS = {  # a run of which only the steps count: nothing is validated or saved
    "preset": "nano",
    "steps": _NEVER,
    "seed": 1,
    "val_interval": _NEVER,
    "image_log_interval": _NEVER,
    "checkpoint_interval": _NEVER,
    "threads": os.cpu_count(),  # a number that is chosen again in each turn would compare nothing
}
_HERE = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure what was asked for, print, write."""
    arguments = _arguments()
    if arguments.child:
        _CHILDREN[arguments.child](arguments)
        return
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and "QT_QPA_PLATFORM" not in os.environ:
        _run_under_xvfb()
    print(describe_conditions())
    found = {name: measure(arguments) for name, measure in _MEASURES.items() if arguments.only in (None, name)}
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=tuple(_MEASURES), help="this question alone")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the heartbeat, after start-up")
    parser.add_argument("--photos", type=Path, help="train on these instead of the built-in scenes")
    parser.add_argument("--turns", type=int, default=30, help="of the command line, and as many of the window")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn")
    parser.add_argument("--starts", type=int, default=5, help="of the window, for the first paint")
    parser.add_argument("--redraws", type=int, default=10_000)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--child", choices=tuple(_CHILDREN), help=argparse.SUPPRESS)
    parser.add_argument("--workspace", help=argparse.SUPPRESS)
    return parser.parse_args()


def _run_under_xvfb() -> None:
    if not shutil.which("xvfb-run"):
        sys.exit("There is no display, and xvfb-run is not installed.")
    screen = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24"]
    sys.exit(subprocess.call([*screen, sys.executable, "-m", "benchmarks.window_latency", *sys.argv[1:]]))


# -- what the parent does --------------------------------------------------------------------------


def measure_heartbeat(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train once in the window."""
    with tempfile.TemporaryDirectory() as folder:
        found = json.loads(_child(arguments, "heartbeat", folder).stdout.splitlines()[-1])
    print(f"heartbeat: {found['beats']} beats in {found['minutes']:.1f} minutes, {found['steps']} steps of training")
    print(f"  late by: median {found['p50']:.1f} ms, 99 % {found['p99']:.1f} ms, worst {found['worst']:.0f} ms")
    print(f"  {found['late']} above 50 ms, {found['stalls']} above 250 ms")
    print(f"  before the first step the worst was {found['starting']:.0f} ms, which does not count")
    print(f"  the window's thread took {100 * found['share']:.1f} % of one core, the heartbeat's own work included")
    print(f"  memory {found['memory'][0]:.0f} MB at the first step, {found['memory'][1]:.0f} MB at the end")
    for stall in found["causes"]:
        print(f"  {stall['milliseconds']:.0f} ms, {stall['second']:.1f} s after the first step:")
        for line in stall["doing"]:
            print(f"    {line}")
    few = found["stalls"] <= max(1.0, found["minutes"] / 10)
    _print_goal(found["p99"] < 1000 * LATE and few, "99 % below 50 ms, at most one above 250 ms in ten minutes")
    return dict(found)


def measure_paint(arguments: argparse.Namespace) -> dict[str, Any]:
    """Start the window several times."""
    seconds = []
    for _ in range(arguments.starts + 1):
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            child = subprocess.Popen(_command("paint", folder, arguments), stdout=subprocess.PIPE, text=True, cwd=_HERE)
            assert child.stdout is not None
            child.stdout.readline()
            seconds.append(time.monotonic() - began)
            child.wait()
    warm = seconds[1:]  # the first one may read the libraries from the disk
    print(f"first paint: {' '.join(f'{s:.2f}' for s in warm)} s (the very first start {seconds[0]:.2f} s)")
    _print_goal(statistics.median(warm) <= 1.5, "1.5 s")
    return {"seconds": warm, "first": seconds[0]}


def measure_headless(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train on the command line and in the window, in turns, and compare the speeds."""
    with contextlib.ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]
        pair = [
            stack.enter_context(_Suspendable(_headless_command(arguments, folders[0]), folders[0] / "run")),
            stack.enter_context(_Suspendable(_command("train", folders[1], arguments), folders[1] / "run")),
        ]
        for turn in range(arguments.turns):
            for training in pair if turn % 2 == 0 else reversed(pair):
                training.take_turn(arguments.seconds)
        speeds = dict(zip(("headless", "window"), (training.speeds for training in pair)))
    ratios = [window / headless for window, headless in zip(speeds["window"], speeds["headless"])]
    for where, values in speeds.items():
        print(f"{where:9}{' '.join(f'{v:.2f}' for v in values)} steps per second")
    ratio, error = statistics.mean(ratios), statistics.stdev(ratios) / len(ratios) ** 0.5
    print(f"  the window trains at {ratio:.3f} of the speed without it, standard error {error:.3f}")
    _print_goal(ratio >= 0.97, "within 3 %")
    return {"speeds": speeds, "ratio": ratio, "error": error}


class _Suspendable:
    """A training in a process of its own, suspended except in its turns."""

    def __init__(self, command: list[str], workspace: Path) -> None:
        import psutil

        self._workspace = workspace
        self.speeds: list[float] = []  # steps per second in each turn
        quiet = subprocess.DEVNULL
        self._process = psutil.Popen(command, stdout=quiet, stderr=quiet, cwd=_HERE)
        while len(self._records()) < _SETTLING:
            if self._process.poll() is not None:
                raise SystemExit(f"a training ended before its first steps: {' '.join(command)}")
            time.sleep(0.5)
        self._process.suspend()

    def __enter__(self) -> _Suspendable:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()

    def take_turn(self, seconds: float) -> None:
        """Train for this long."""
        before = len(self._records())
        self._process.resume()
        time.sleep(seconds)
        self._process.suspend()
        first, last = self._records()[before], self._records()[-1]  # the step that was cut in two begins before `first`
        self.speeds.append((last["step"] - first["step"]) / (last["elapsed"] - first["elapsed"]))

    def _records(self) -> list[dict[str, Any]]:
        from trainer_core.sinks.journal import read_journal

        return [record for record in read_journal(self._workspace / "journal.jsonl") if record["event"] == "StepDone"]


def measure_charts(arguments: argparse.Namespace) -> dict[str, Any]:
    """Load and draw many recorded steps."""
    with tempfile.TemporaryDirectory() as folder:
        found = json.loads(_child(arguments, "charts", folder).stdout.splitlines()[-1])
    print(f"charts: {_RECORDED} steps loaded in {found['load']:.2f} s")
    print(f"  one drawing {found['draw']:.1f} ms (worst {found['worst']:.1f} ms) at {found['size']}")
    print(f"  memory over {arguments.redraws} drawings: {' '.join(f'{m:.1f}' for m in found['memory'])} MB")
    growth = found["memory"][-1] - found["memory"][1]
    _print_goal(found["draw"] < 50 and growth < 5, "below 50 ms; no growth after the first tenth")
    return dict(found)


def _print_goal(good: bool, goal: str) -> None:
    print(f"  {'ok' if good else 'MISSED'}: {goal}", flush=True)


def _command(child: str, folder: str | Path, arguments: argparse.Namespace) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.window_latency",
        "--child",
        child,
        "--workspace",
        str(Path(folder, "run")),
    ]
    for option in ("minutes", "redraws", "photos"):
        value = getattr(arguments, option)
        command += [f"--{option}", str(value)] if value is not None else []
    return command


def _child(arguments: argparse.Namespace, name: str, folder: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(name, folder, arguments), check=True, stdout=subprocess.PIPE, text=True, cwd=_HERE)


def _headless_command(arguments: argparse.Namespace, folder: Path) -> list[str]:
    source = [str(arguments.photos)] if arguments.photos else ["--demo"]
    options = [f"--{name.replace('_', '-')}={value}" for name, value in _ENDLESS.items()]
    return [sys.executable, "-m", "trainer_core", *source, str(folder / "run"), *options]


# -- what the children do --------------------------------------------------------------------------


def _open(arguments: argparse.Namespace, once_open: Callable[[Window], object]) -> None:
    """Start the program with a settings store of its own, then call `once_open(window)`."""
    from trainer_core import environment

    environment.configure_libraries()
    if os.name == "nt":
        import torch  # noqa: F401
    from PySide6.QtCore import QSettings, QStandardPaths

    from app.__main__ import main as start
    from app.window import Window

    QStandardPaths.setTestModeEnabled(True)
    memory = str(Path(arguments.workspace).parent / "settings")
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, memory)
    apply_arguments = Window.apply_arguments

    def apply_and_continue(window: Window, *arguments: Any) -> None:
        apply_arguments(window, *arguments)  # restores the last session, which would replace what is entered before
        once_open(window)

    Window.apply_arguments = apply_and_continue  # type: ignore[method-assign, assignment]
    start([])


def _fill_in(window: Window, arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    """Enter the settings, then start as soon as the form is ready."""
    project = window.project
    project.use_demo(arguments.workspace)
    if arguments.photos:
        project.set_path("source_dir", str(arguments.photos.resolve()))
    for name, value in {"init_weights": None, **settings}.items():  # the window proposes the built-in model
        project.set_value(name, value)
    window.controller.start_when_ready()


def paint_child(arguments: argparse.Namespace) -> None:
    """Print a line at the first paint, then close."""
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QMainWindow

    from app.window import Window

    def painted(window: Window, event: QPaintEvent) -> None:
        QMainWindow.paintEvent(window, event)
        if not window.property("painted"):
            window.setProperty("painted", True)
            QTimer.singleShot(0, lambda: print("painted", flush=True))

    Window.paintEvent = painted  # type: ignore[method-assign, assignment]
    _open(arguments, lambda window: QTimer.singleShot(500, window.close))


def train_child(arguments: argparse.Namespace) -> None:
    """Train until the process is killed."""
    _open(arguments, lambda window: _fill_in(window, arguments, _ENDLESS))


def heartbeat_child(arguments: argparse.Namespace) -> None:
    """Train for a time budget; print the figures as JSON."""
    found: dict[str, Any] = {}

    def begin(window: Window) -> None:
        heartbeat = Heartbeat(window, 60 * arguments.minutes, found.update)
        heartbeat.start()
        _fill_in(window, arguments, {"preset": "nano", "max_minutes": arguments.minutes + 1})

    _open(arguments, begin)
    print(json.dumps(found))


def charts_child(arguments: argparse.Namespace) -> None:
    """Load, draw, draw again and again; print the figures as JSON."""
    import psutil
    from PySide6.QtCore import QSettings

    memory_folder = str(Path(arguments.workspace).parent / "settings")
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, memory_folder)
    from PySide6.QtWidgets import QGraphicsView

    from app.charts.panel import ChartPanel
    from app.runs.figures import RunFigures
    from app.start import make_application

    application = make_application()
    panel = ChartPanel()
    panel.resize(860, 320)
    panel.show()
    events = _recorded_events()
    began = time.perf_counter()
    panel.show_figures(_figures(events, RunFigures()))
    load = time.perf_counter() - began

    def draw() -> float:
        """Draw the curves and repaint the screen; return milliseconds."""
        began = time.perf_counter()
        panel.draw()
        for view in panel.findChildren(QGraphicsView):
            if view.isVisible():
                view.viewport().repaint()
        return 1000 * (time.perf_counter() - began)

    application.processEvents()
    times = [draw() for _ in range(20)][1:]
    panel.show_figures(_figures(events[-2000:], RunFigures()))  # memory does not depend on the number of points
    process, memory = psutil.Process(), []
    for number in range(arguments.redraws + 1):
        if number % max(1, arguments.redraws // 10) == 0:
            memory.append(process.memory_info().rss / 1e6)
        draw()
        application.processEvents()
    found = {"load": load, "draw": statistics.median(times), "worst": max(times), "memory": memory}
    print(json.dumps({**found, "size": f"{panel.width()}x{panel.height()}"}))


def _figures(events: list[Event], figures: RunFigures) -> RunFigures:
    for event in events:
        figures.add_event(event)
    return figures


def _recorded_events() -> list[Event]:
    import random

    from trainer_core.events import CheckpointSaved, Event, StepDone, Validated

    dice, events = random.Random(1), list[Event]()
    for step in range(1, _RECORDED + 1):
        loss = 0.02 + 0.1 / step**0.3 * dice.uniform(0.5, 2)
        losses = {"pixel": 0.8 * loss, "frequency": 0.2 * loss, "total": loss}
        events.append(StepDone(step, _RECORDED, losses, 1e-3, 0.1, 2.0, step / 2, 1.0, 10**9))
        if step % 1000 == 0:
            psnr = 22 - 3 / (step / 1000)
            events.append(Validated(step, "val", psnr, 0.6, 21.0, 0.5, True, 8, 1.0))
            events.append(CheckpointSaved(step, "x.pth", "step"))
    return events


_MEASURES: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "heartbeat": measure_heartbeat,
    "paint": measure_paint,
    "headless": measure_headless,
    "charts": measure_charts,
}
_CHILDREN: dict[str, Callable[[argparse.Namespace], None]] = {
    "heartbeat": heartbeat_child,
    "paint": paint_child,
    "train": train_child,
    "charts": charts_child,
}

if __name__ == "__main__":
    main()
