"""The source of a run's training samples: a `RegionSource` with the settings of the run, which reports its troubles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trainer_core.data.frames import RegionSpec
from trainer_core.data.photo_troubles import PATIENCE
from trainer_core.data.photos import Photo
from trainer_core.data.regions import RegionSource
from trainer_core.events import EventSink, Notice
from trainer_core.machine import count_processors
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.schema import AUTO

_MIN_THREADS, _MAX_THREADS = 2, 8


def count_threads(config: TrainerConfig) -> int:
    """Return the number of threads that decode photos, and of those that cut patches."""
    if config.num_workers == AUTO:
        return min(max(count_processors() // 2, _MIN_THREADS), _MAX_THREADS)
    return max(1, int(config.num_workers))


def make_region_source(
    config: TrainerConfig, photos: Sequence[Photo], region: RegionSpec, sink: EventSink, check_stop: Callable[[], None]
) -> RegionSource:
    """Return the source of the samples that are cut from the training `photos`; see `RegionSource`."""

    def report_wait(reason: str) -> None:
        wait = f"Training waits up to {PATIENCE:.0f} seconds for them."
        sink(Notice("warning", f"Many training photos cannot be read at the moment ({reason}). {wait}"))

    source = RegionSource(
        photos,
        region,
        seed=config.seed,
        regions_per_photo=config.patches_per_image,
        threads=count_threads(config),
        on_bad_photo=lambda name, reason: sink(Notice("warning", f"Skipped {name}: {reason}")),
        on_wait=report_wait,
        check_stop=check_stop,
    )
    if source.enlarged:
        count, side = len(source.enlarged), region.hr_side
        sink(Notice("warning", f"Photos smaller than one patch ({side} px) are enlarged to fit ({count})."))
    return source
