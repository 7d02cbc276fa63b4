"""The status line: state, step, speed, time, loss, memory, time left, device. Redrawn once a second."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QLabel, QStatusBar

from app.elided import ElidedLabel
from app.session import SessionState
from app.theme import SPACING
from trainer_core.events import Event, RunStarted, StepDone
from trainer_core.sinks.event_text import format_duration

_INTERVAL = 1000  # milliseconds
_SLACK = 24  # pixels that a field may be wider than its text
_FIELDS = ("state", "step", "speed", "elapsed", "loss", "memory", "left")


class _Field(QLabel):
    """Its width is fixed and follows the text with some slack: where digits change, nothing moves, and the window
    is not laid out again, which costs more than to paint them.
    """

    def __init__(self, slack: int) -> None:
        super().__init__()
        self._slack = slack
        self.setIndent(SPACING)
        self._update_width()

    def setText(self, text: str) -> None:
        super().setText(text)
        if not 0 <= self.width() - self._text_width() <= self._slack:
            self._update_width()

    def clear(self) -> None:
        self.setText("")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._update_width()

    def _text_width(self) -> int:
        return self.fontMetrics().horizontalAdvance(self.text()) + 2 * self.indent()

    def _update_width(self) -> None:
        self.setMinimumSize(0, 0)  # a label's hint is never less than what it was fixed at
        self.setFixedSize(self._text_width(), self.sizeHint().height())


class StatusLine(QStatusBar):
    """Hears every event; keeps the newest step and shows it when it is time."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self._device = ElidedLabel(indent=SPACING)
        self._labels = {name: _Field(slack=0 if name == "state" else _SLACK) for name in _FIELDS}
        for name, label in self._labels.items():
            label.setObjectName(name)
            self.addWidget(label)
        self._device.setObjectName("device")
        self.addPermanentWidget(self._device)
        self._step: StepDone | None = None
        self._machine = self._run_device = ""
        self._total_memory: int | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._show)
        self.show_state(SessionState.IDLE)

    def text(self, field: str) -> str:
        """Return the whole text of a field: "state", "step", "speed", "elapsed", "loss", "memory", "left", "device"."""
        return self._device.full_text if field == "device" else self._labels[field].text()

    def show_state(self, state: SessionState) -> None:
        """Follow the session."""
        self._labels["state"].setText(state.value)
        if state is SessionState.IDLE:
            self._update_device("")
            self._freeze_figures()

    def show_other_state(self, text: str) -> None:
        """What else than the session there is to say of."""
        self._labels["state"].setText(text)

    def show_device(self, text: str) -> None:
        """What a run would compute on; one that is in sight names its own."""
        self._machine = text
        self._update_device(self._run_device)

    def on_event(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, RunStarted):
            self.clear_run()
            self._total_memory = event.memory_total
            self._update_device(f"{event.device_name or event.device} · {event.precision}")
        if isinstance(event, StepDone):
            self._step = event
            if not self._timer.isActive():
                self._timer.start(_INTERVAL)

    def _freeze_figures(self) -> None:
        """Where it got to stays in sight; nothing goes on, so no time is left."""
        if self._timer.isActive():
            self._timer.stop()
            self._show()
        self._labels["left"].clear()

    def clear_run(self) -> None:
        """No figures."""
        self._timer.stop()
        self._step = None
        for name in ("step", "speed", "left", "elapsed", "loss", "memory"):
            self._labels[name].clear()
        self._update_device("")

    def _update_device(self, of_run: str) -> None:
        self._run_device = of_run
        self._device.set_text(of_run or self._machine)

    def _show(self) -> None:
        event = self._step
        if event is None:
            return
        total = event.total_steps or "?"
        texts = {
            "step": f"step {event.step} / {total}",
            "speed": f"{event.steps_per_second:.2f} it/s",
            "elapsed": f"{format_duration(event.elapsed)} elapsed",
            "loss": f"loss {event.losses.get('total', float('nan')):.4f}"
            + (f" · {event.skipped_steps} skipped" if event.skipped_steps else ""),
            "memory": _format_memory(event.memory_bytes, self._total_memory),
            "left": f"{format_duration(event.seconds_left)} left",
        }
        for name, text in texts.items():
            self._labels[name].setText(text)


def _format_memory(used: int, total: int | None) -> str:
    return f"{used / 1e9:.2f} GB" if total is None else f"{used / 1e9:.1f} of {total / 1e9:.0f} GB"
