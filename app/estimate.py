"""What a run will take: the device, the network, its memory, and the time, measured by the training thread.

Device and free memory are looked up for the settings at hand, and only there where torch lives; what is too much is
trainer_core's to say.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Optional, Union

from PySide6.QtCore import QObject, QTimer, Signal

from app.training_thread import TrainingThread
from trainer_core.errors import UserError
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import Hardware, MemoryNeed, choose, free_memory, memory_estimate
from trainer_core.planning.plan import network_of
from trainer_core.planning.readiness import DOUBTFUL, Check
from trainer_core.settings.config import TrainerConfig
from trainer_core.sinks.event_text import rough_duration
from trainer_core.training.time_estimate import seconds_of_run, seconds_per_step

_PAUSE = 1500  # milliseconds after the last change before the time is measured; pictures come first
_AGAIN = 20000  # milliseconds until a time is measured once more: another program may have been at work
_MOST_TIMES = 3  # that a case is measured; the least counts

_Wish = tuple[str, bool]  # the settings that choose a device: device and mixed precision
_Case = tuple[Hardware, NetworkSpec, int, int, int]  # what the time of a step depends on


@dataclass(frozen=True)
class _Machine:
    """What would compute, and its free memory in bytes at the last look."""

    hardware: Hardware
    free: int


class Estimate(QObject):
    """Follows the settings once `begin` was called."""

    changed = Signal(str, object)  # a sentence, and what may go wrong: tuple[Check, ...]
    device_changed = Signal(str)

    def __init__(self, thread: TrainingThread, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._thread = thread
        self._may_ask = self._asking = self._asks_again = False
        self._config: Optional[TrainerConfig] = None
        self._machines: dict[_Wish, Union[_Machine, UserError]] = {}
        self._measured: dict[_Case, float] = {}
        self._asked: Counter[_Case] = Counter()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._measure)

    def begin(self) -> None:
        """The thread knows its hardware: from now on it is asked."""
        self._may_ask = True
        self.follow(self._config)

    def follow(self, config: Optional[TrainerConfig]) -> None:
        """Show these settings; None while they are wrong."""
        self._config = config
        self._timer.stop()
        if config is not None and self._may_ask:
            self._look(config)
            self._measure_later(config)
        self._tell()

    def stop(self) -> None:
        """Measure nothing from now on: a run begins, or the window closes."""
        self._config = None
        self._timer.stop()

    # -- what is told --------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """A sentence; "" without settings."""
        config = self._config
        if config is None:
            return ""
        need = self._need(config)
        memory = f"about {max(need.needed / 1e9, 0.1):.1f} GB of memory, {need.free / 1e9:.1f} GB free" if need else ""
        return "; ".join(part for part in (_network(config), memory, self._time(config)) if part)

    @property
    def doubts(self) -> tuple[Check, ...]:
        """What may go wrong, with the setting that mends it. It keeps nobody from starting."""
        config = self._config
        if config is None:
            return ()
        machine, need = self._machines.get(_wish(config)), self._need(config)
        if isinstance(machine, UserError):
            return (Check(DOUBTFUL, machine.message, "device"),)
        return (Check(DOUBTFUL, need.warning, "batch_size"),) if need and need.warning else ()

    def _tell(self) -> None:
        self.changed.emit(self.text, self.doubts)
        machine = self._machine(self._config) if self._config else None
        if machine is not None:
            self.device_changed.emit(f"{machine.hardware.name} · {machine.hardware.precision}")

    def _need(self, config: TrainerConfig) -> Optional[MemoryNeed]:
        machine = self._machine(config)
        if machine is None:
            return None
        return MemoryNeed(memory_estimate(config, network_of(config), machine.hardware.precision), machine.free)

    def _time(self, config: TrainerConfig) -> str:
        if config.max_minutes is not None:
            return f"{rough_duration(seconds_of_run(config, 0.0))} as chosen"
        case = self._case(config)
        per_step = self._measured.get(case) if case else None
        return f"about {rough_duration(seconds_of_run(config, per_step))} on this machine" if per_step else ""

    # -- the device ----------------------------------------------------------------------------

    def _machine(self, config: TrainerConfig) -> Optional[_Machine]:
        found = self._machines.get(_wish(config))
        return found if isinstance(found, _Machine) else None

    def _look(self, config: TrainerConfig) -> None:
        """Ask what would compute and how much memory it has left; one question at a time."""
        if self._asking:
            self._asks_again = True  # the answer may have been found before the change
            return
        self._asking, self._asks_again, wish = True, False, _wish(config)
        self._thread.ask(
            lambda: _machine_for(config), lambda found: self._take(wish, found), lambda error: self._take(wish, error)
        )

    def _take(self, wish: _Wish, found: Union[_Machine, Exception]) -> None:
        self._asking = False
        if not isinstance(found, (_Machine, UserError)):
            raise found
        self._machines[wish] = found
        if self._config is None:
            return
        if self._asks_again or _wish(self._config) not in self._machines:
            self._look(self._config)
        self._measure_later(self._config)
        self._tell()

    # -- the time ------------------------------------------------------------------------------

    def _case(self, config: TrainerConfig) -> Optional[_Case]:
        machine = self._machine(config)
        if machine is None:
            return None
        return machine.hardware, network_of(config), config.patch_size, config.batch_size, config.grad_accum_steps

    def _measure_later(self, config: TrainerConfig) -> None:
        case = self._case(config)
        if case is not None and self._asked[case] < _MOST_TIMES and not self._timer.isActive():
            self._timer.start(_AGAIN if case in self._measured else _PAUSE)

    def _measure(self) -> None:
        config = self._config
        case = self._case(config) if config else None
        if config is None or case is None or self._asked[case] >= _MOST_TIMES:
            return
        self._asked[case] += 1
        self._thread.ask(
            lambda: seconds_per_step(config, network_of(config), case[0]),
            lambda seconds: self._found(case, seconds),
            lambda error: None,  # too little memory, say: then there is no estimate
        )

    def _found(self, case: _Case, seconds: float) -> None:
        self._measured[case] = min(seconds, self._measured.get(case, seconds))
        if self._config is not None:
            self._measure_later(self._config)
        self._tell()


def _wish(config: TrainerConfig) -> _Wish:
    return config.device, config.amp


def _machine_for(config: TrainerConfig) -> _Machine:
    hardware = choose(config)
    return _Machine(hardware, free_memory(hardware))


def _network(config: TrainerConfig) -> str:
    spec = network_of(config)
    return f"{spec.describe()}, {spec.parameter_count() / 1e6:.2f} million parameters"
