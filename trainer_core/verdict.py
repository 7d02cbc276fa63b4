"""The verdict on a network in words: how much better than plain enlargement it is, and whether it still improves.

The gain is the PSNR of the network less the PSNR of plain (bicubic) enlargement on the same frames, in dB. The window
shows it with its verdict while a run trains and when it has ended; docs/manual.md lists the limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from trainer_core.events import Event, RunStarted, Validated

MIN_HARDLY_BETTER, MIN_BETTER, MIN_MUCH_BETTER = 0.0, 0.3, 2.0
"""Gains in dB from which a network is hardly better, better and much better than plain enlargement."""
PLATEAU = 10
"""Validations in a row without a new best after which a run no longer improves."""


_PLATEAUED = "{verdict}, no longer improving"


class _Texts(NamedTuple):
    """The texts of a gain: in full, with the gain of the start, and in short."""

    full: str
    with_start: str
    short: str


_VERDICT_LAST = _Texts(
    "{gain:+.1f} dB over plain enlargement: {verdict}",
    "{gain:+.1f} dB over plain enlargement ({start:+.1f} dB before this training): {verdict}",
    "{gain:+.1f} dB: {verdict}",
)
_VERDICT_FIRST = _Texts(
    "{verdict}: {gain:+.1f} dB over plain enlargement",
    "{verdict}: {gain:+.1f} dB over plain enlargement ({start:+.1f} dB before this training)",
    "{verdict}: {gain:+.1f} dB",
)
_NO_VERDICT = _Texts(
    "{gain:+.1f} dB over plain enlargement",
    "{gain:+.1f} dB over plain enlargement ({start:+.1f} dB before this training)",
    "{gain:+.1f} dB",
)


class Verdict(Enum):
    """How good a network is; the value is the text."""

    NOT_BETTER = "not better yet"
    HARDLY_BETTER = "hardly better"
    BETTER = "better"
    MUCH_BETTER = "much better"
    AS_ITS_START = "not better than its start yet"
    NOT_CHECKED = "before this training"
    NO_LONGER_IMPROVING = "no longer improving"


def rate_gain(gain: float) -> Verdict:
    """Return the verdict on a gain in dB."""
    if gain >= MIN_MUCH_BETTER:
        return Verdict.MUCH_BETTER
    if gain >= MIN_BETTER:
        return Verdict.BETTER
    return Verdict.HARDLY_BETTER if gain >= MIN_HARDLY_BETTER else Verdict.NOT_BETTER


def describe_gain(
    gain: float,
    *,
    is_start: bool = False,
    is_unchecked: bool = False,
    start_gain: float | None = None,
    has_plateaued: bool = False,
    is_sharpened: bool = False,
    verdict_first: bool = False,
    is_short: bool = False,
) -> str:
    """Return a gain in dB with its verdict, such as "+1.4 dB over plain enlargement: better".

    Args:
        gain: the gain in dB.
        is_start: whether it is that of the weights with which the run started.
        is_unchecked: whether there is no validation since the start of the run.
        start_gain: gain in dB of the weights with which the run started, where a later one is better.
        has_plateaued: whether the run no longer improves.
        is_sharpened: whether the run trades PSNR for sharpness, so that the gain is no verdict on it.
        verdict_first: whether the verdict comes first, "Better: +1.4 dB over plain enlargement", where room may lack.
        is_short: whether "over plain enlargement" and the gain of the start are left out, because something else
            explains the gain.
    """
    if is_sharpened:
        verdict = Verdict.NO_LONGER_IMPROVING.value if has_plateaued else ""
    else:
        of_start = Verdict.NOT_CHECKED if is_unchecked else Verdict.AS_ITS_START
        verdict = (of_start if is_start else rate_gain(gain)).value
        verdict = _PLATEAUED.format(verdict=verdict) if has_plateaued else verdict
    if verdict_first:
        verdict = verdict.capitalize()
    texts = _NO_VERDICT if not verdict else _VERDICT_FIRST if verdict_first else _VERDICT_LAST
    has_start = start_gain is not None and not is_start
    text = texts.short if is_short else texts.with_start if has_start else texts.full
    return text.format(gain=gain, start=start_gain, verdict=verdict)


class GainRecord:
    """The gain of the best network of a run so far, from the events of the run in their order."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._run_id = ""
        self._validations: list[Validated] = []
        for event in events:
            self.add_event(event)

    def add_event(self, event: Event) -> None:
        """Follow an event; a run that goes back loses the validations after that step, another run all of them."""
        if isinstance(event, RunStarted):
            is_same = event.run_id == self._run_id
            self._validations = [v for v in self._validations if is_same and v.step <= event.start_step]
            self._run_id = event.run_id
        elif isinstance(event, Validated) and event.split == "val":
            self._validations.append(event)

    @property
    def has_plateaued(self) -> bool:
        """Whether the run no longer improves."""
        latest = self._validations[-PLATEAU:]
        return len(latest) == PLATEAU and not any(validated.is_best for validated in latest)

    @property
    def is_unchecked(self) -> bool:
        """Whether the only validation is that of the weights with which the run started."""
        return bool(self._validations) and self._validations[-1].step == 0

    @property
    def start_gain(self) -> float | None:
        """The gain in dB of the weights with which the run started, None if it was not measured."""
        start = next((validated for validated in self._validations if validated.step == 0), None)
        return None if start is None else start.psnr - start.bicubic_psnr

    @property
    def text(self) -> str:
        """The gain with its verdict; "" before the first validation."""
        return self._describe()

    @property
    def short_text(self) -> str:
        """The `text` without "over plain enlargement"."""
        return self._describe(is_short=True)

    def _describe(self, *, is_short: bool = False) -> str:
        if not self._validations:
            return ""
        newest_first = self._validations[::-1]
        best = next((validated for validated in newest_first if validated.is_best), newest_first[0])
        return describe_gain(
            best.psnr - best.bicubic_psnr,
            is_start=best.step == 0,
            is_unchecked=self.is_unchecked,
            start_gain=self.start_gain,
            has_plateaued=self.has_plateaued,
            is_sharpened=best.spectrum is not None,
            is_short=is_short,
        )
