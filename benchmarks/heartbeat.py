"""The heartbeat of the window's thread, for `window_latency.py`: how late a 10 ms timer is, and why.

While a beat is late, an observer in another thread samples the stacks of all threads, and a callback of the garbage
collector records its time. These samples explain the late beat.
"""

from __future__ import annotations

import collections
import gc
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from app.window import Window
    from trainer_core.events import Event

PERIOD = 0.010  # seconds between two beats
LATE, STALL = 0.050, 0.250  # seconds beyond the period
_START = Path(__file__).resolve().parents[1] / "app" / "start.py"  # where Qt's loop was begun
_SAMPLING = 0.025  # seconds between two samples of the threads
_SUSPICIOUS = 0.100  # seconds without a beat before a sample is recorded


class Heartbeat:
    """A timer in the window's thread with an observer thread that explains late beats.

    Args:
        seconds: after the first step; then the window is closed and `done` gets the figures.
    """

    def __init__(self, window: Window, seconds: float, done: Callable[[dict[str, Any]], object]) -> None:
        from PySide6.QtCore import Qt, QTimer

        self._window, self._seconds, self._done = window, seconds, done
        self._timer = QTimer(window)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._last = time.perf_counter()
        self._late: list[float] = []
        self._stalls: list[tuple[float, float]] = []  # when it began, how long
        self._first_step = 0.0  # when
        self._starting = 0.0  # the worst before the first step
        self._steps = 0
        self._memory = [0.0, 0.0]
        self._worked = 0.0  # seconds of processor time of the window's thread
        self._events: collections.deque[tuple[float, str]] = collections.deque(maxlen=1000)
        self._samples: collections.deque[tuple[float, float, str, str]] = collections.deque(maxlen=100_000)
        self._collections: collections.deque[tuple[float, float, str]] = collections.deque(maxlen=10_000)
        self._main, self._over = threading.get_ident(), False

    def start(self) -> None:
        """Start the timer and the observer."""
        self._window.session.event_received.connect(self._count_event)
        self._window.session.ended.connect(lambda ended: self._end())
        gc.callbacks.append(self._note_collection)
        threading.Thread(target=self._sample_threads, name="observer", daemon=True).start()
        self._last = time.perf_counter()
        self._timer.start(int(1000 * PERIOD))

    # -- in the window's thread

    def _beat(self) -> None:
        now = time.perf_counter()
        late = max(0.0, now - self._last - PERIOD)
        if self._first_step:
            self._late.append(late)
            if late > STALL:
                self._stalls.append((self._last, late))
        else:
            self._starting = max(self._starting, late)
        self._last = now
        if self._first_step and now - self._first_step > self._seconds and not self._over:
            self._end()

    def _count_event(self, event: Event) -> None:
        kind = type(event).__name__
        self._events.append((time.perf_counter(), kind))
        if kind == "StepDone":
            self._steps += 1
            if not self._first_step:
                self._first_step = time.perf_counter()
                self._memory[0] = memory_used()
                self._worked = time.thread_time()

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        self._timer.stop()
        self._memory[1] = memory_used()
        self._worked = time.thread_time() - self._worked
        gc.callbacks.remove(self._note_collection)
        self._done(self._figures())
        self._window.close_at_once()

    # -- in others

    def _sample_threads(self) -> None:
        woke = time.perf_counter()
        while not self._over:
            time.sleep(_SAMPLING)
            now = time.perf_counter()
            if now - self._last > _SUSPICIOUS:
                frames = sys._current_frames()
                others = [_place(frame) for ident, frame in frames.items() if ident != self._main]
                training = next((place for place in others if "trainer_core" in place), "")
                self._samples.append((now, now - woke, _place(frames.get(self._main)), training))
            woke = now

    def _note_collection(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collection_began = time.perf_counter()
            return
        who = "the window's thread" if threading.get_ident() == self._main else threading.current_thread().name
        took = time.perf_counter() - self._collection_began
        self._collections.append((self._collection_began, took, f"generation {info['generation']} in {who}"))

    # -- afterwards

    def _figures(self) -> dict[str, Any]:
        late = sorted(self._late) or [0.0]
        return {
            "beats": len(self._late),
            "minutes": (time.perf_counter() - self._first_step) / 60 if self._first_step else 0.0,
            "steps": self._steps,
            "p50": 1000 * late[len(late) // 2],
            "p99": 1000 * late[int(0.99 * (len(late) - 1))],
            "worst": 1000 * late[-1],
            "late": sum(value > LATE for value in late),
            "stalls": len(self._stalls),
            "starting": 1000 * self._starting,
            "memory": self._memory,
            "share": self._worked / max(1e-9, time.perf_counter() - self._first_step) if self._first_step else 0.0,
            "collections": 1000 * max((took for _, took, _ in self._collections), default=0.0),
            "causes": [self._explain(*stall) for stall in self._stalls],
        }

    def _explain(self, began: float, late: float) -> dict[str, Any]:
        end = began + late + PERIOD
        samples = [sample for sample in self._samples if began <= sample[0] <= end + _SAMPLING]
        doing = [f"window's thread, seen {n}x: {place}" for place, n in _count(sample[2] for sample in samples)]
        doing += [f"training, seen {n}x: {place}" for place, n in _count(sample[3] for sample in samples)]
        held = max((sample[1] for sample in samples), default=0.0)
        if not samples or held > late / 2:
            doing.append("the observer did not run either: the interpreter's lock was held, or no core was free")
        events = collections.Counter(kind for when, kind in self._events if began - 0.01 <= when <= end + 0.05)
        doing += [f"event {kind} ({n})" for kind, n in events.items()]
        doing += [
            f"garbage collection, {what}: {1000 * took:.0f} ms"
            for when, took, what in self._collections
            if when < end and when + took > began and took > 0.02
        ]
        return {"second": began - self._first_step, "milliseconds": 1000 * late, "doing": doing}


def _count(places: Iterable[str]) -> list[tuple[str, int]]:
    return collections.Counter(place for place in places if place).most_common(3)


def _place(frame: FrameType | None) -> str:
    """Name the innermost frames, such as "charts/panel.py:110 _draw < charts/chart.py:95 draw"."""
    names: list[str] = []
    while frame is not None and frame.f_code.co_filename != str(_START) and len(names) < 6:
        code = frame.f_code
        names.append(f"{'/'.join(Path(code.co_filename).parts[-3:])}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return " < ".join(names) or "Qt itself"


def memory_used() -> float:
    """Return the resident memory of this process in MB."""
    import psutil

    return float(psutil.Process().memory_info().rss / 1e6)
