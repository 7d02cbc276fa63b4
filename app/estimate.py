"""What a run will take: the network, its memory, and the time, measured by the training thread while nothing trains."""

from __future__ import annotations

from typing import Optional

from PySide6.QtCore import QObject, QTimer, Signal

from app.training_thread import TrainingThread
from trainer_core.config import TrainerConfig
from trainer_core.model.spec import NetworkSpec
from trainer_core.sinks.lines import rough_duration
from trainer_core.training.hardware import Hardware, free_memory, memory_estimate
from trainer_core.training.plan import network_of
from trainer_core.training.time_estimate import seconds_of_run, seconds_per_step

_PAUSE = 1500  # milliseconds after the last change before the time is measured; pictures come first

_Case = tuple[NetworkSpec, int, int, int]  # what the time of a step depends on


class Estimate(QObject):
    """Follows the settings; `changed` says that `text` is new."""

    changed = Signal(str)

    def __init__(self, thread: TrainingThread, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self.hardware: Optional[Hardware] = None
        self._thread = thread
        self._config: Optional[TrainerConfig] = None
        self._measured: dict[_Case, float] = {}
        self._asked: set[_Case] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._measure)

    def follow(self, config: Optional[TrainerConfig]) -> None:
        """Show these settings; None while they are wrong."""
        self._config = config
        self._timer.stop()
        if config is not None and self.hardware is not None and self._case(config) not in self._measured:
            self._timer.start()
        self.changed.emit(self.text)

    @property
    def text(self) -> str:
        """A sentence; "" without settings."""
        if self._config is None:
            return ""
        parts = [self._network(self._config), self._memory(self._config), self._time(self._config)]
        return "; ".join(part for part in parts if part)

    def stop(self) -> None:
        """Measure nothing from now on: a run begins, or the window closes."""
        self._timer.stop()

    @staticmethod
    def _case(config: TrainerConfig) -> _Case:
        return network_of(config), config.patch_size, config.batch_size, config.grad_accum_steps

    @staticmethod
    def _network(config: TrainerConfig) -> str:
        spec = network_of(config)
        return f"{spec.describe()}, {spec.parameter_count() / 1e6:.2f} million parameters"

    def _memory(self, config: TrainerConfig) -> str:
        if self.hardware is None:
            return ""
        needed = memory_estimate(config, network_of(config), self.hardware.precision)
        free = f", {free_memory(self.hardware) / 1e9:.1f} GB free" if self.hardware.device == "cpu" else ""
        return f"about {max(needed / 1e9, 0.1):.1f} GB of memory{free}"

    def _time(self, config: TrainerConfig) -> str:
        if config.max_minutes is not None:
            return f"{rough_duration(seconds_of_run(config, 0.0))} as chosen"
        per_step = self._measured.get(self._case(config))
        return f"about {rough_duration(seconds_of_run(config, per_step))} on this machine" if per_step else ""

    def _measure(self) -> None:
        config, hardware = self._config, self.hardware
        if config is None or hardware is None or self._case(config) in self._asked:
            return
        case = self._case(config)
        self._asked.add(case)
        self._thread.ask(
            lambda: seconds_per_step(config, case[0], hardware),
            lambda seconds: self._found(case, seconds),
            lambda error: None,  # too little memory, say: then there is no estimate
        )

    def _found(self, case: _Case, seconds: float) -> None:
        self._measured[case] = seconds
        self.changed.emit(self.text)
