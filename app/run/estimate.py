"""Estimate of a run: device, network, memory and time, measured in the training thread.

Only the training thread calls torch, so device and free memory are queried there; `trainer_core.planning.hardware`
decides how much memory is too much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, QTimer, Signal

from app.run.training_thread import TrainingThread
from trainer_core.control import Stopped
from trainer_core.errors import UserError
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import (
    Hardware,
    MemoryNeed,
    available_memory,
    choose_hardware,
    count_processes,
    estimate_memory,
)
from trainer_core.planning.micro_batch import fit_micro_batch
from trainer_core.planning.plan import network_spec
from trainer_core.planning.readiness import WARNING, Check
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.presets import NETWORK_FIELDS, PRESETS
from trainer_core.settings.schema import AUTO
from trainer_core.sinks.event_text import format_rough_duration
from trainer_core.training.time_estimate import estimate_run_seconds, estimate_steps, measure_step_seconds

_MEASURE_DELAY = 1500  # milliseconds after the last change before the time is measured; pictures come first
_REMEASURE_DELAY = 20000  # milliseconds until the next measurement: another program may have been busy
_MAX_MEASUREMENTS = 3  # of one case; the shortest time counts
_LONG_SECONDS = 24 * 3600  # a longer run gets a warning

_QUICK_TRY = "nano"  # the preset whose name in the form is Quick try
_FEW_STEPS = 600  # of a larger network; in that time Quick try learns more (benchmarks/results/time_to_quality.md)
_MORE_TIME = "Allow more time, or Quick try with the same time."

_DeviceChoice = tuple[str, bool]  # the settings that choose a device: device and mixed precision
_TimingCase = tuple[Hardware, NetworkSpec, int, int, int, int, str, str]  # what the time of a step depends on


@dataclass(frozen=True)
class _DeviceState:
    """Device of a run, and its free memory in bytes when it was last queried."""

    hardware: Hardware
    free: int

    def free_for(self, config: TrainerConfig) -> int:
        """Return the free bytes for each of the processes of a run."""
        return self.free // count_processes(config, self.hardware)

    def micro_batch(self, config: TrainerConfig) -> int:
        """Return the patches that go through the network at a time."""
        return fit_micro_batch(config, network_spec(config), self.hardware, self.free_for(config))


@dataclass(frozen=True)
class Estimate:
    """What a run will take, as texts; "" for what is not known."""

    time: str = ""
    details: str = ""  # memory
    network: str = ""
    steps: str = ""  # that fit into the time limit
    warnings: tuple[Check, ...] = ()
    new_run_warnings: tuple[Check, ...] = ()  # that do not matter to a resume
    new_run_advice: Mapping[str, str] = field(default_factory=dict)  # setting -> what to do about such a warning


class EstimateModel(QObject):
    """Estimate of the current settings, updated after each change once `enable` was called."""

    changed = Signal(object)  # Estimate
    device_changed = Signal(str)

    def __init__(self, thread: TrainingThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = thread
        self._enabled = self._check_running = self._check_pending = False
        self._config: TrainerConfig | None = None
        self._devices: dict[_DeviceChoice, _DeviceState | UserError] = {}
        self._measured: dict[_TimingCase, float] = {}
        self._times_measured: Counter[_TimingCase] = Counter()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._measure)

    def enable(self) -> None:
        """Start querying the training thread, which knows its hardware by then."""
        self._enabled = True
        self.set_config(self._config)

    def set_config(self, config: TrainerConfig | None) -> None:
        """Estimate these settings; None while they have problems."""
        self._config = config
        self._timer.stop()
        if config is not None and self._enabled:
            self._check_device(config)
            self._measure_later(config)
        self._emit()

    def stop(self) -> None:
        """Stop measuring, because a run starts or the window closes."""
        self._config = None
        self._timer.stop()

    # -- results ---------------------------------------------------------------------------------

    @property
    def estimate(self) -> Estimate:
        """The estimate of the current settings."""
        config = self._config
        if config is None:
            return Estimate()
        steps, has_few = self._format_steps(config), self._has_few_steps(config)
        few = f"Time for {steps} steps; {_FEW_STEPS} advised"  # one line: the form needs the room
        return Estimate(
            self._format_time(config),
            self._format_details(config),
            _format_network(config),
            steps,
            self._warnings(config),
            (Check(WARNING, few, "max_minutes"),) if has_few else (),
            {"max_minutes": _MORE_TIME} if has_few else {},
        )

    def _format_details(self, config: TrainerConfig) -> str:
        need = self._memory_need(config)
        memory = f"About {max(need.needed / 1e9, 0.1):.1f} GB of memory, {need.free / 1e9:.1f} GB free" if need else ""
        parts = (memory, self._format_batch(config))
        return "; ".join(part for part in parts if part)

    def _warnings(self, config: TrainerConfig) -> tuple[Check, ...]:
        """Return what may go wrong, with the setting to change; warnings do not prevent a start."""
        device, need = self._devices.get(_device_choice(config)), self._memory_need(config)
        if isinstance(device, UserError):
            return (Check(WARNING, device.message, "device"),)
        memory = (Check(WARNING, need.warning, "batch_size"),) if need and need.warning else ()
        return (*memory, *self._time_warnings(config))

    def _time_warnings(self, config: TrainerConfig) -> tuple[Check, ...]:
        seconds = self._run_seconds(config)
        if seconds is None or seconds <= _LONG_SECONDS:
            return ()
        text = f"Training takes {format_rough_duration(seconds)}. Set a time limit of a day or less to end it earlier"
        return (Check(WARNING, text, "max_minutes"),)

    def _has_few_steps(self, config: TrainerConfig) -> bool:
        """Whether a network larger than that of *Quick try* ends before it can learn more than that one."""
        per_step = self._step_seconds(config)
        if config.preset == _QUICK_TRY or config.max_minutes is None or per_step is None or config.resume_from:
            return False
        quick = config.replace(**{name: PRESETS[_QUICK_TRY][name] for name in NETWORK_FIELDS})
        is_larger = network_spec(config).parameter_count() > network_spec(quick).parameter_count()
        return is_larger and estimate_steps(config.max_minutes, per_step) < _FEW_STEPS

    def _emit(self) -> None:
        self.changed.emit(self.estimate)
        device = self._known_device(self._config) if self._config else None
        if device is not None:
            self.device_changed.emit(f"{device.hardware.label} · {device.hardware.precision}")

    def _memory_need(self, config: TrainerConfig) -> MemoryNeed | None:
        device = self._known_device(config)
        if device is None:
            return None
        needed = estimate_memory(config, network_spec(config), device.hardware, device.micro_batch(config))
        return MemoryNeed(needed, device.free_for(config))

    def _format_batch(self, config: TrainerConfig) -> str:
        device = self._known_device(config)
        if device is None or config.batch_size != AUTO:
            return ""
        return f"{device.micro_batch(config)} patches at a time"

    def _format_time(self, config: TrainerConfig) -> str:
        seconds = self._run_seconds(config)
        if seconds is None:
            return ""
        duration = format_rough_duration(seconds)
        return f"About {duration} on this computer" if config.max_minutes is None else f"{duration} (time limit)"

    def _format_steps(self, config: TrainerConfig) -> str:
        per_step = self._step_seconds(config)
        if config.max_minutes is None or per_step is None:
            return ""
        return f"about {_round_roughly(estimate_steps(config.max_minutes, per_step))}"

    def _run_seconds(self, config: TrainerConfig) -> float | None:
        per_step = 0.0 if config.max_minutes is not None else self._step_seconds(config)
        return None if per_step is None else estimate_run_seconds(config, per_step)

    def _step_seconds(self, config: TrainerConfig) -> float | None:
        case = self._timing_case(config)
        return self._measured.get(case) if case else None

    # -- the device ----------------------------------------------------------------------------

    def _known_device(self, config: TrainerConfig) -> _DeviceState | None:
        found = self._devices.get(_device_choice(config))
        return found if isinstance(found, _DeviceState) else None

    def _check_device(self, config: TrainerConfig) -> None:
        """Query the device and its free memory; one query at a time."""
        if self._check_running:
            self._check_pending = True  # the running query may have started before the change
            return
        self._check_running, self._check_pending, choice = True, False, _device_choice(config)
        self._thread.submit(
            lambda: _query_device(config),
            lambda found: self._on_device_checked(choice, found),
            lambda error: self._on_device_checked(choice, error),
        )

    def _on_device_checked(self, choice: _DeviceChoice, found: _DeviceState | Exception) -> None:
        self._check_running = False
        if not isinstance(found, (_DeviceState, UserError)):
            raise found
        self._devices[choice] = found
        if self._config is None:
            return
        if self._check_pending or _device_choice(self._config) not in self._devices:
            self._check_device(self._config)
        self._measure_later(self._config)
        self._emit()

    # -- the time ------------------------------------------------------------------------------

    def _timing_case(self, config: TrainerConfig) -> _TimingCase | None:
        device = self._known_device(config)
        if device is None:
            return None
        micro_batch = device.micro_batch(config)
        features = config.gan_features if config.gan_weight > 0 else 0  # of the discriminator
        spec, batch = network_spec(config), config.effective_batch
        sizes = config.patch_size, micro_batch, batch, features
        return device.hardware, spec, *sizes, config.optimizer, config.memory

    def _measure_later(self, config: TrainerConfig) -> None:
        case = self._timing_case(config)
        if case is not None and self._times_measured[case] < _MAX_MEASUREMENTS and not self._timer.isActive():
            self._timer.start(_REMEASURE_DELAY if case in self._measured else _MEASURE_DELAY)

    def _measure(self) -> None:
        config = self._config
        case = self._timing_case(config) if config else None
        if config is None or case is None or self._times_measured[case] >= _MAX_MEASUREMENTS:
            return
        self._times_measured[case] += 1
        self._thread.submit(
            lambda: measure_step_seconds(config, network_spec(config), case[0], case[3], self._check_stop),
            lambda seconds: self._on_time_measured(case, seconds),
            lambda error: None,  # for example too little memory: no estimate then
        )

    def _check_stop(self) -> None:
        """End a measurement once a run starts or the window closes; called in the training thread."""
        if self._config is None:
            raise Stopped

    def _on_time_measured(self, case: _TimingCase, seconds: float) -> None:
        self._measured[case] = min(seconds, self._measured.get(case, seconds))
        if self._config is not None:
            self._measure_later(self._config)
        self._emit()


def _device_choice(config: TrainerConfig) -> _DeviceChoice:
    return config.device, config.amp


def _query_device(config: TrainerConfig) -> _DeviceState:
    hardware = choose_hardware(config)
    return _DeviceState(hardware, available_memory(hardware))


def _format_network(config: TrainerConfig) -> str:
    spec = network_spec(config)
    return f"{spec.describe()}, {spec.parameter_count() / 1e6:.2f} million parameters"


def _round_roughly(count: int) -> int:
    """Return a number with two digits that count."""
    return round(count, 2 - len(str(count)))
