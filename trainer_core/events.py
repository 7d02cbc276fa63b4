"""The events of a run: one frozen data class per fact, passed to an `EventSink`.

All fields are JSON values, except the images of `PreviewReady`; `event_to_json` returns the object that the journal
and `--events jsonl` write. Steps are optimizer updates, times are seconds. The `can_be_superseded` of a class states
whether a run that resumes at an earlier step replaces its events: it replaces points of a curve and files of a step,
but not facts of a session.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Union, get_args

if TYPE_CHECKING:
    import numpy as np


SAME_FRAMES_TOLERANCE = 1e-3
"""Difference of two PSNRs of bicubic enlargement, dB, up to which two validations measured the same frames."""


@dataclass(frozen=True)
class RunStarted:
    """The start of a run: it is prepared, and its first step comes next."""

    can_be_superseded: ClassVar[bool] = False

    run_id: str
    workspace: str
    scale: int
    mono: bool
    start_step: int
    total_steps: int | None  # None until a time budget has been turned into steps
    device: str
    precision: str  # "fp32", "bf16" or "fp16"
    parameters: int
    photos: dict[str, int]  # usable photos per split
    resumed_from: str | None = None
    device_name: str = ""
    memory_total: int | None = None  # bytes of the device's own memory; None without any
    devices: int = 1  # that train together, one for each process

    @property
    def is_new(self) -> bool:
        """Whether the run has just begun, and does not continue a checkpoint, which may be that of step 0."""
        return self.start_step == 0 and self.resumed_from is None


@dataclass(frozen=True)
class PlanChanged:
    """The number of steps that fit into the time budget (`--max-minutes`), first measured or planned again."""

    can_be_superseded: ClassVar[bool] = True

    step: int
    total_steps: int
    previous: int | None = None  # total of steps before; None for the first plan


@dataclass(frozen=True)
class StepDone:
    """The end of one or more steps; `losses` are the latest weighted terms and their `total`."""

    can_be_superseded: ClassVar[bool] = True

    step: int
    total_steps: int | None
    losses: dict[str, float]
    learning_rate: float
    gradient_norm: float
    steps_per_second: float
    elapsed: float  # of this session, pauses excluded
    seconds_left: float | None
    memory_bytes: int  # CUDA: peak allocated; CPU: resident set
    skipped_steps: int = 0  # of this session, for non-finite gradients
    photo_wait: float = 0.0  # share of the time of the latest steps that was spent waiting for photos, 0 to 1
    discriminator: dict[str, float] = field(default_factory=dict)  # adversarial stage: loss; ratings real and fake
    threads: int = 0  # of torch; 0 in journals of older versions
    usual_threads: int = 0  # of torch, while no other programs are busy
    run_seconds: float = 0.0  # like `elapsed`, of all sessions of the run; 0 in journals of older versions
    check_seconds: float | None = None  # until the next validation; None if that is the one at the end, or unknown


@dataclass(frozen=True)
class Validated:
    """Scores of the EMA network, as it would be exported, on the fixed frames of one split."""

    can_be_superseded: ClassVar[bool] = True

    step: int
    split: str  # "val" or "test"
    psnr: float  # dB, RGB, border cut, clamped, mean over frames
    ssim: float
    bicubic_psnr: float
    bicubic_ssim: float
    is_best: bool
    frames: int
    seconds: float
    spectrum: float | None = None  # spectrum distance from the targets, dB; None if it was not measured
    bicubic_spectrum: float | None = None
    grain: float | None = None  # standard deviation where the targets are quiet, levels of 255; likewise
    bicubic_grain: float | None = None
    loss: float | None = None  # validation loss: the weighted term "l1" of `StepDone.losses`; None without that term


@dataclass(frozen=True)
class PreviewImage:
    """One preview image, uint8 [H, W, 3]: `lr` at LR size, the others at HR size.

    A pinned photo has no HR: `hr` and both PSNR are None.
    """

    name: str
    lr: np.ndarray
    sr: np.ndarray
    hr: np.ndarray | None
    bicubic: np.ndarray
    psnr: float | None
    bicubic_psnr: float | None


@dataclass(frozen=True)
class PreviewReady:
    """Images by the EMA network of validation frames, then of pinned photos; `files` are the PNG strips."""

    can_be_superseded: ClassVar[bool] = True

    step: int
    images: tuple[PreviewImage, ...] = field(repr=False)
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint written to disk; `models` are the deployable models written with it."""

    can_be_superseded: ClassVar[bool] = True

    step: int
    path: str
    kind: str  # "step", "best" or "final"
    models: tuple[str, ...] = ()
    loads_in: str = ""  # the export gate's sentence: which programs load the deployable model
    seconds: float = 0.0


@dataclass(frozen=True)
class SaveBlocked:
    """The end of a run that cannot be saved and waits; repeated after each answer that did not help."""

    can_be_superseded: ClassVar[bool] = False

    step: int
    text: str  # the reason, in sentences
    seconds_left: float | None  # until the wait ends without an answer; None if it does not


@dataclass(frozen=True)
class RolledBack:
    """The return of a diverging run to an earlier step; `RunStarted` follows, as if the run was resumed there."""

    can_be_superseded: ClassVar[bool] = False

    from_step: int
    to_step: int
    reason: str  # a clause, such as "the loss rose to 1e+19, from 0.05"
    learning_rate: float  # peak from now on, half the one before
    count: int  # rollbacks of this run, this one included
    folder: str | None = None  # where the files of the abandoned steps are


@dataclass(frozen=True)
class Notice:
    """A sentence for the user. Levels: "info", "warning", "error"."""

    can_be_superseded: ClassVar[bool] = False

    level: str
    text: str


@dataclass(frozen=True)
class RunFinished:
    """The last event of every run. Outcomes: "completed", "stopped", "discarded", "failed"."""

    can_be_superseded: ClassVar[bool] = False

    outcome: str
    step: int
    best_psnr: float | None = None
    best_step: int | None = None
    bicubic_psnr: float | None = None
    test_psnr: float | None = None
    checkpoint: str | None = None
    model: str | None = None
    error: str | None = None
    seconds: float = 0.0
    remedy: dict[str, int] = field(default_factory=dict)  # settings with which this failure would not occur
    best_spectrum: float | None = None  # spectrum distance of the best, dB; None if the best has the highest PSNR


Event = Union[
    RunStarted,
    PlanChanged,
    StepDone,
    Validated,
    PreviewReady,
    CheckpointSaved,
    SaveBlocked,
    RolledBack,
    Notice,
    RunFinished,
]
EventSink = Callable[[Event], None]
_KINDS: dict[str, Any] = {kind.__name__: kind for kind in get_args(Event)}
# Types that a value of a journal may have, by field; a figure that was not finite is null there, and becomes NaN.
_JSON_TYPES: dict[str, set[type]] = {
    "int": {int},
    "float": {int, float},
    "bool": {bool},
    "str": {str},
    "dict": {dict},
    "tuple": {tuple},
}
_TYPES: dict[Any, dict[str, set[type]]] = {
    kind: {
        f.name: _JSON_TYPES[re.split(r"[ \[]", str(f.type))[0]] | ({type(None)} if "None" in str(f.type) else set())
        for f in dataclasses.fields(kind)
    }
    for kind in _KINDS.values()
}


def event_to_json(event: Event) -> dict[str, Any]:
    """Return the event as a dictionary of JSON values with `event` (its class name) and `time` (seconds since 1970)."""
    values = {f.name: _to_plain(getattr(event, f.name)) for f in dataclasses.fields(event) if f.name != "images"}
    return {"event": type(event).__name__, "time": round(time.time(), 3), **values}


def is_known(record: Mapping[str, Any]) -> bool:
    """Whether this version knows the class of a record, which may be of a newer version."""
    return record.get("event") in _KINDS


def event_from_json(record: Mapping[str, Any]) -> Event | None:
    """Return the event that `event_to_json` wrote, without images; fields that this version does not know are dropped.

    A loss that was not finite becomes NaN. Return None for an unknown class, and for a field that is missing or has a
    value of another kind.
    """
    kind = _KINDS.get(record.get("event", ""))
    if kind is None:
        return None
    types = _TYPES[kind]
    values = {name: _from_plain(value, types[name]) for name, value in record.items() if name in types}
    if kind is PreviewReady:
        values["images"] = ()
    if not all(type(value) in types[name] and _has_plain_items(value) for name, value in values.items()):
        return None
    try:
        return kind(**values)
    except TypeError:
        return None


def _has_plain_items(value: Any) -> bool:
    if isinstance(value, dict):
        return all(type(item) in (int, float) for item in value.values())
    return not isinstance(value, tuple) or all(isinstance(item, str) for item in value)


def is_superseded(kind: str, step: Any, start_step: Any) -> bool:
    """Whether an event of class `kind` at `step` is replaced by a run that resumes at `start_step`.

    A class that this version does not know counts as replaceable; an event without a step is never replaced.
    """
    can_be = kind not in _KINDS or _KINDS[kind].can_be_superseded
    return can_be and isinstance(step, int) and isinstance(start_step, int) and step > start_step


def _from_plain(value: Any, types: set[type]) -> Any:
    if value is None and float in types and type(None) not in types:
        return float("nan")
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, dict):
        return {key: float("nan") if item is None else item for key, item in value.items()}
    return value


def _to_plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_to_plain(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    return value


class Fanout:
    """A sink that passes each event to several sinks; it detaches one that raises, with a warning."""

    def __init__(self, *sinks: EventSink) -> None:
        self._sinks = list(sinks)

    def add(self, sink: EventSink) -> None:
        """Attach one more sink."""
        self._sinks.append(sink)

    def __call__(self, event: Event) -> None:
        """Pass `event` to each sink."""
        for sink in list(self._sinks):
            try:
                sink(event)
            except Exception as error:
                self._sinks.remove(sink)
                name = getattr(sink, "name", None) or type(sink).__name__
                text = f"{name[0].upper()}{name[1:]} failed and receives no further events: {_describe(error)}"
                self(Notice("warning", text))


def _describe(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or error}."
    return repr(error) if type(error).__module__ == "builtins" else str(error)
