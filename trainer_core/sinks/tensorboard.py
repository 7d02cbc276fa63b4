"""TensorBoard event files: losses, learning rate, speed, PSNR, SSIM, and strips of LR, SR and HR.

The `tensorboard` package encodes them; it is imported only when a sink is made. Without the package
`make_tensorboard_sink` returns a `Notice` instead of a sink, and training continues.
"""

from __future__ import annotations

import io
import itertools
import os
import socket
import time
from pathlib import Path
from typing import Any

from trainer_core.events import Event, EventSink, Notice, PreviewReady, RolledBack, StepDone, Validated
from trainer_core.pixels import make_strip, png_bytes
from trainer_core.previews.files import image_keys, pinned_name
from trainer_core.requirements import TENSORBOARD, format_install_command
from trainer_core.sinks.append_file import AppendFile
from trainer_core.sinks.throttle import Clock, Throttle

_STEP_INTERVAL = 0.25  # seconds
_file_numbers = itertools.count()  # sessions of one process may begin in the same second
_GAP = 4  # white pixels between the images of a strip


def make_tensorboard_sink(folder: Path, start_step: int) -> EventSink | Notice:
    """Return a sink that writes to `folder`, or a notice if the package is missing.

    The folder is created if missing. TensorBoard hides the values of an earlier session after `start_step`.
    """
    try:
        return TensorBoardSink(folder, start_step)
    except ImportError as error:
        command = format_install_command(TENSORBOARD)
        reason = f"No TensorBoard files are written, because TensorBoard cannot be used ({error})."
        return Notice("warning", f"{reason} To install it, run: {command}")


class TensorBoardSink:
    """Sink that writes the event file of one session.

    Raises:
        ImportError: the tensorboard package cannot be used.
        OSError: the file cannot be created.
    """

    name = "TensorBoard"

    def __init__(self, folder: Path, start_step: int, *, clock: Clock = time.monotonic) -> None:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event, self._summary, self._record_writer = event_pb2, summary_pb2, RecordWriter
        self._throttle = Throttle(_STEP_INTERVAL, clock)
        name = f"events.out.tfevents.{time.time():010.0f}.{socket.gethostname()}.{os.getpid()}.{next(_file_numbers)}"
        self._file = AppendFile(folder / name, makes_folder=True)
        self._write(event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"))
        self._hide_after(start_step)

    def __call__(self, event: Event) -> None:
        """Write the numbers or images of one event."""
        if isinstance(event, StepDone):
            if self._throttle.is_due() or event.step == event.total_steps:
                self._add_scalars(event.step, _step_scalars(event))
        elif isinstance(event, Validated):
            self._add_scalars(event.step, _validation_scalars(event))
        elif isinstance(event, PreviewReady):
            self._add_images(event)
        elif isinstance(event, RolledBack):
            self._hide_after(event.to_step)

    def close(self) -> None:
        """Close the file; a second call has no effect."""
        self._file.close()

    def _hide_after(self, step: int) -> None:
        log = self._event.SessionLog(status=self._event.SessionLog.START)
        self._write_summary(step + 1, session_log=log)

    def _add_scalars(self, step: int, values: dict[str, float]) -> None:
        make = self._summary.Summary.Value
        self._put_values(step, [make(tag=tag, simple_value=value) for tag, value in values.items()])

    def _add_images(self, event: PreviewReady) -> None:
        values = []
        for preview, key in zip(event.images, image_keys(event.images)):
            images = [image for image in (preview.lr, preview.sr, preview.hr) if image is not None]
            strip = make_strip(images, gap=_GAP)
            image = self._summary.Summary.Image(
                height=strip.shape[0], width=strip.shape[1], colorspace=3, encoded_image_string=png_bytes(strip)
            )
            values.append(self._summary.Summary.Value(tag=_image_tag(key), image=image))
        self._put_values(event.step, values)

    def _put_values(self, step: int, values: list[Any]) -> None:
        self._write_summary(step, summary=self._summary.Summary(value=values))

    def _write_summary(self, step: int, **content: Any) -> None:
        self._write(self._event.Event(wall_time=time.time(), step=step, **content))

    def _write(self, event: Any) -> None:
        record = io.BytesIO()
        self._record_writer(record).write(event.SerializeToString())
        self._file.write(record.getvalue())


def _step_scalars(event: StepDone) -> dict[str, float]:
    return {
        **{f"loss/{name}": value for name, value in event.losses.items()},
        **{f"discriminator/{name}": value for name, value in event.discriminator.items()},
        "train/lr": event.learning_rate,
        "train/grad_norm": event.gradient_norm,
        "train/it_per_s": event.steps_per_second,
    }


def _validation_scalars(event: Validated) -> dict[str, float]:
    figures = {
        "psnr": event.psnr,
        "ssim": event.ssim,
        "bicubic_psnr": event.bicubic_psnr,
        "spectrum": event.spectrum,
        "bicubic_spectrum": event.bicubic_spectrum,
        "grain": event.grain,
        "bicubic_grain": event.bicubic_grain,
    }
    tagged = {f"{event.split}/{name}": value for name, value in figures.items()}
    tagged[f"loss/{event.split}_l1"] = event.loss  # among the terms of the training loss
    return {tag: value for tag, value in tagged.items() if value is not None}


def _image_tag(key: str) -> str:
    """Make the tag of an image: validation frames are numbered from 0, pinned photos keep their names."""
    name = pinned_name(key)
    return f"pinned/{name}" if name else f"preview/{int(key) - 1}"
