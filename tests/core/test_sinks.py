"""What the console, the log, the journal and TensorBoard make of a run's events."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from trainer_core.events import (
    CheckpointSaved,
    Event,
    Fanout,
    Notice,
    PlanChanged,
    PreviewImage,
    PreviewReady,
    RolledBack,
    RunFinished,
    RunStarted,
    StepDone,
    Validated,
    event_from_json,
)
from trainer_core.requirements import TENSORBOARD
from trainer_core.sinks.console import ConsoleSink, LogFileSink
from trainer_core.sinks.event_text import EventFormatter, format_duration, format_rough_duration, format_time_left
from trainer_core.sinks.journal import JournalSink, JsonlStdoutSink, format_json_line, read_journal
from trainer_core.sinks.journal_follower import JournalFollower
from trainer_core.sinks.tensorboard import TensorBoardSink, make_tensorboard_sink
from trainer_core.text import escape_control_characters
from trainer_core.workspace.checkpoints import list_checkpoints
from trainer_core.workspace.layout import Workspace


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def started(start_step: int = 0, total: int | None = 1000, resumed_from: str | None = None) -> RunStarted:
    return RunStarted("r1", "runs/x4", 4, True, start_step, total, "cpu", "bf16", 370_000, {"train": 8}, resumed_from)


def step(number: int, total: int | None = 1000, loss: float = 0.03) -> StepDone:
    return StepDone(number, total, {"l1": loss, "total": loss}, 1e-3, 0.2, 12.5, 8.0, 75.0, 1 << 20)


def validated(number: int, psnr: float = 22.04) -> Validated:
    return Validated(number, "val", psnr, 0.61, 21.01, 0.55, True, 12, 1.5)


def finished(outcome: str = "completed", number: int = 1000) -> RunFinished:
    return RunFinished(outcome, number, 22.17, 900, 21.01, 22.0, "c/scale4_final.pth", "models/m.pth", seconds=125.0)


def shown(*events: Event, **options: object) -> list[str]:
    stream = io.StringIO()
    sink = ConsoleSink(stream, bar=False, **options)  # type: ignore[arg-type]
    for event in events:
        sink(event)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("device", "name", "text"),
    [
        ("cpu", "AMD Ryzen 7", "on cpu (bf16), 0.37 million"),
        ("cuda:0", "NVIDIA GeForce RTX 3060 (cuda:0)", "on NVIDIA GeForce RTX 3060 (cuda:0), bf16, 0.37 million"),
        ("mps", "Apple GPU", "on Apple GPU, bf16, 0.37 million"),
        ("cuda:0", "", "on cuda:0 (bf16), 0.37 million"),
    ],
)
def test_the_first_line_names_the_graphics_card(device: str, name: str, text: str) -> None:
    first, *_ = shown(dataclasses.replace(started(), device=device, device_name=name))
    assert f"Training x4 mono {text} parameters" in first


def test_a_plain_console_has_one_progress_line_per_log_interval() -> None:
    clock = FakeClock()
    stream = io.StringIO()
    sink = ConsoleSink(stream, bar=False, log_interval=100, clock=clock)
    sink(started())
    for number in range(1, 400):
        clock.now += 0.02
        sink(step(number))
    lines = [line for line in stream.getvalue().splitlines() if line.startswith("step ")]
    assert [line.split(":")[0] for line in lines] == ["step 100 of 1000", "step 200 of 1000", "step 300 of 1000"]


def test_progress_lines_are_at_least_a_second_and_at_most_fifteen_apart() -> None:
    clock = FakeClock()
    fast, slow = io.StringIO(), io.StringIO()
    sink = ConsoleSink(fast, bar=False, log_interval=1, clock=clock)
    for number in range(1, 101):
        clock.now += 0.1
        sink(step(number))
    assert 9 <= len(fast.getvalue().splitlines()) <= 11
    sink = ConsoleSink(slow, bar=False, log_interval=10_000, clock=clock)
    for number in range(1, 7):
        clock.now += 10.0
        sink(step(number))
    assert len(slow.getvalue().splitlines()) == 3


def test_the_last_step_always_has_a_line() -> None:
    assert shown(step(1000), log_interval=10_000)[0].startswith("step 1000 of 1000")


def test_waiting_for_photos_is_named_once_it_takes_more_than_a_twentieth_of_the_time() -> None:
    formatter = EventFormatter()
    assert "waiting" not in formatter.format_status(dataclasses.replace(step(7), photo_wait=0.05))
    assert "12.50 it/s, waiting for photos 12 %, ETA" in formatter.format_status(
        dataclasses.replace(step(7), photo_wait=0.12)
    )
    assert "waiting for photos 100 %" in shown(dataclasses.replace(step(1000), photo_wait=1.0))[-1]


def test_a_progress_line_names_loss_psnr_bicubic_speed_eta_and_rate() -> None:
    line = shown(validated(50), step(1000))[-1]
    for part in ("loss 0.0300 (l1 0.0300)", "PSNR 22.04 (bicubic 21.01)", "12.50 it/s", "ETA 1:15", "lr 1.00e-03"):
        assert part in line


def test_a_validation_line_names_the_gain_over_bicubic() -> None:
    assert shown(validated(50)) == [
        "step 50: validation PSNR 22.04 dB, SSIM 0.6100; bicubic 21.01 dB, 0.5500; gain +1.03 dB, new best"
    ]


def test_the_summary_names_the_files_and_how_to_go_on_after_a_stop() -> None:
    lines = shown(finished("stopped", 400))
    assert lines[0] == "Stopped at step 400 after 2:05"
    assert "bicubic 21.01 dB (+1.16 dB)" in lines[1]
    assert "Model: models/m.pth" in lines
    assert "--resume latest" in lines[-1]
    assert not any("--resume" in line for line in shown(finished()))


def test_the_summary_says_what_a_model_lacks() -> None:
    good = finished()
    assert not any("Train longer" in line for line in shown(good))
    same = dataclasses.replace(good, best_step=0)
    assert "No step is better than the weights that the run started from. Train longer." in shown(same)
    worse = dataclasses.replace(good, best_psnr=20.0)
    assert "The network is worse than plain enlargement. Train longer." in shown(worse)
    sharpened = dataclasses.replace(worse, best_spectrum=3.0)
    assert not any("Train longer" in line for line in shown(sharpened)), "it trades PSNR for sharpness"
    empty = dataclasses.replace(finished("stopped", 0), checkpoint=None, model=None, best_psnr=None)
    assert shown(empty)[-1] == "Nothing was saved, because no step was complete."


def test_what_loads_the_model_is_said_once() -> None:
    saved = CheckpointSaved(10, "c/a.pth", "step", ("m.pth",), "Loads in the viewer.")
    assert shown(saved, saved).count("Loads in the viewer.") == 1


def test_control_characters_and_undecodable_names_cannot_reach_the_terminal() -> None:
    assert shown(Notice("warning", "bad\x1b[2Jname \udcff")) == ["warning: bad\\x1b[2Jname \\udcff"]
    assert escape_control_characters("grün 日") == "grün 日"


def test_a_console_with_a_small_alphabet_still_prints() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    ConsoleSink(stream, bar=False)(Notice("info", "grün"))
    assert raw.getvalue() == b"gr\\xfcn\n"


def test_a_change_of_a_plan_names_both_totals_and_the_reason() -> None:
    formatter = EventFormatter()
    assert formatter.format_event(PlanChanged(20, 800)) == ["step 20: the time budget allows 800 steps in total"]
    (line,) = formatter.format_event(PlanChanged(90, 300, 800))
    assert line == "step 90: the time budget allows 300 steps in total instead of 800, because steps became slower"
    assert "faster" in formatter.format_event(PlanChanged(90, 900, 800))[0]


def test_a_terminal_gets_a_bar_that_shows_facts_above_and_learns_its_length() -> None:
    stream = Terminal()
    sink = ConsoleSink(stream, clock=FakeClock())
    for event in (
        started(total=None),
        step(4, None),
        step(5, None),
        step(6, None),
        PlanChanged(20, 800),
        validated(30),
        step(800, 800),
        finished(),
    ):
        sink(event)
    text = stream.getvalue()
    assert "step 4 loss" in text
    assert "?it/s" not in text, "the bar of the library, before ours"
    assert "800/800" in text
    assert "PSNR 22.04 (bicubic 21.01), 12.50 it/s, ETA 1:15" in text
    assert any(line.startswith("step 30: validation") for line in text.replace("\r", "\n").splitlines())
    assert text.rstrip().endswith("scale4_final.pth")


def test_the_bar_is_drawn_at_most_ten_times_a_second() -> None:
    clock = FakeClock()
    stream = Terminal()
    sink = ConsoleSink(stream, clock=clock)
    for number in range(1, 500):
        clock.now += 0.002
        sink(step(number))
    assert stream.getvalue().count("it/s") < 20


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "?"), (math.inf, "?"), (math.nan, "?"), (5, "0:05"), (3845.2, "1:04:05")]
)
def test_durations_read_like_a_clock(seconds: float | None, text: str) -> None:
    assert format_duration(seconds) == text


def test_the_log_mirrors_the_console_with_time_stamps_and_appends(tmp_path: Path) -> None:
    path = tmp_path / "trainer.log"
    events = (started(), validated(50), step(1000), finished())
    for _ in range(2):
        sink = LogFileSink(path)
        for event in events:
            sink(event)
        sink.close()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line[20:] for line in lines] == shown(*events) * 2
    assert all(line[4] == "-" and line[13] == ":" for line in lines)


class BrokenDisk:
    """A disk that refuses the next `failures` writes after their first three bytes; None refuses all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failures: int | None = 0
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, descriptor: int, data: bytes) -> int:
        if self.failures == 0:
            return self._write(descriptor, data)
        if self.failures is not None:
            self.failures -= 1
        self._write(descriptor, data[:3])
        raise OSError(28, "No space left on device")


def test_lines_that_a_full_disk_refuses_are_written_in_order_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, disk = tmp_path / "trainer.log", BrokenDisk(monkeypatch)
    sink = LogFileSink(path)
    sink(Notice("info", "before"))
    disk.failures = 2
    for text in ("first", "second", "after"):
        sink(Notice("info", text))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line[20:] for line in lines] == ["before", "first", "second", "after"]


def test_events_beyond_what_fits_into_memory_are_counted_in_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, disk = tmp_path / "journal.jsonl", BrokenDisk(monkeypatch)
    sink = JournalSink(path)
    sink(Notice("info", "before"))
    disk.failures = None
    text = "x" * (1 << 20)
    for number in range(12):
        sink(Notice("info", f"{number}{text}"))
    assert len(path.read_bytes().splitlines()) == 1, "no part of a line stays"
    disk.failures = 0
    sink(Notice("info", "after"))
    texts = [record["text"].replace(text, "") for record in read_journal(path)]
    lost = 12 - len(texts[2:-1])
    assert texts[0] == "before" and texts[-1] == "after" and texts[2:-1] == [str(n) for n in range(lost, 12)]
    assert texts[1].startswith(f"Events that could not be written here: {lost}.") and lost > 4


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be deleted there")
def test_a_log_whose_folder_was_away_comes_back_with_its_lines(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    sink = LogFileSink(folder / "trainer.log")
    sink(Notice("info", "before"))
    folder.rename(tmp_path / "elsewhere")
    sink(Notice("info", "while it was away"))
    folder.mkdir()
    sink(Notice("info", "after"))
    assert [line[20:] for line in (folder / "trainer.log").read_text().splitlines()] == ["while it was away", "after"]


def test_tensorboard_continues_after_a_full_disk_without_a_torn_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    disk = BrokenDisk(monkeypatch)
    sink = TensorBoardSink(tmp_path / "tensorboard", 0)
    for number, failures in ((1, 0), (2, None), (3, None), (4, 0)):
        disk.failures = failures
        sink(validated(number))
    sink.close()
    reader = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [scalar.step for scalar in reader.Scalars("val/psnr")] == [1, 2, 3, 4]


def test_a_torn_last_line_is_closed_before_more_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"event": "StepDo')
    JournalSink(path)(Notice("info", "next"))
    torn, line = path.read_bytes().splitlines()
    assert torn == b'{"event": "StepDo' and json.loads(line)["text"] == "next"


def test_the_journal_keeps_few_steps_but_always_the_last_before_another_event(tmp_path: Path) -> None:
    clock = FakeClock()
    sink = JournalSink(tmp_path / "j", clock=clock)
    sink(started())
    for number in range(1, 101):
        clock.now += 0.01
        sink(step(number))
    sink(validated(100))
    records = read_journal(tmp_path / "j")
    steps = [r["step"] for r in records if r["event"] == "StepDone"]
    assert 4 <= len(steps) <= 6
    assert steps == sorted(set(steps))
    assert steps[-1] == 100
    assert records[-1]["event"] == "Validated"


def test_closing_the_journal_writes_the_step_held_back(tmp_path: Path) -> None:
    sink = JournalSink(tmp_path / "j", clock=FakeClock())
    sink(step(1))
    sink(step(2))
    sink.close()
    assert [r["step"] for r in read_journal(tmp_path / "j")] == [1, 2]


def test_journal_lines_are_there_at_once_and_strict_json(tmp_path: Path) -> None:
    JournalSink(tmp_path / "j")(step(1, loss=math.nan))  # not closed: a killed process must lose nothing
    record = json.loads((tmp_path / "j").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert record["losses"] == {"l1": None, "total": None}


def test_reading_a_journal_skips_torn_lines_and_a_missing_file_is_empty(tmp_path: Path) -> None:
    sink = JournalSink(tmp_path / "j")
    sink(started())
    sink.close()
    with open(tmp_path / "j", "ab") as file:
        file.write(b'[1]\n\xff\xfe\n{"event": "StepDone", "st')
    assert [r["event"] for r in read_journal(tmp_path / "j")] == ["RunStarted"]
    assert read_journal(tmp_path / "absent") == []


def test_zeros_in_a_journal_cost_no_memory(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    journal = workspace.journal_file
    JournalSink(journal)(started())
    with open(journal, "r+b") as file:
        file.truncate(256 << 20)  # as a power cut can leave it
    JournalSink(journal)(finished("stopped", 3))
    tracemalloc.start()
    try:
        events = [type(event).__name__ for event in JournalFollower(journal).read_new_events()]
        records = [record["event"] for record in read_journal(journal)]
        assert list_checkpoints(workspace) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert events == records == ["RunStarted", "RunFinished"]
    assert peak < 64 << 20


def test_a_resumed_history_holds_each_step_once(tmp_path: Path) -> None:
    sink = JournalSink(tmp_path / "j")
    for event in (started(), validated(100), validated(200), finished("failed", 210)):
        sink(event)
    for event in (started(100), validated(200, psnr=23.0)):
        sink(event)
    history = read_journal(tmp_path / "j")
    assert [r["psnr"] for r in history if r["event"] == "Validated"] == [22.04, 23.0]
    assert [r["event"] for r in history].count("RunFinished") == 1


def test_the_event_stream_has_every_event_as_a_line() -> None:
    stream = io.StringIO()
    sink = JsonlStdoutSink(stream)
    for event in (started(), step(1), step(2), finished()):
        sink(event)
    names = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert names == ["RunStarted", "StepDone", "StepDone", "RunFinished"]


def test_a_closed_pipe_detaches_the_event_stream_and_the_run_goes_on() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    seen: list[Event] = []
    fanout = Fanout(JsonlStdoutSink(Closed()), seen.append)
    fanout(step(1))
    fanout(step(2))
    assert [type(e).__name__ for e in seen].count("StepDone") == 2
    assert any(isinstance(e, Notice) and "event stream" in e.text for e in seen)


def sample() -> PreviewImage:
    hr = np.full((32, 32, 3), 200, np.uint8)
    return PreviewImage("a", np.full((8, 8, 3), 10, np.uint8), np.full_like(hr, 150), hr, hr, 22.0, 21.0)


def test_tensorboard_gets_scalars_and_picture_strips(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    sink = TensorBoardSink(tmp_path, 0)
    for event in (step(1), validated(1), PreviewReady(1, (sample(),)), finished()):
        sink(event)
    reader = accumulator.EventAccumulator(str(tmp_path)).Reload()
    tags = set(reader.Tags()["scalars"])
    assert {"loss/l1", "loss/total", "train/lr", "train/grad_norm", "train/it_per_s"} <= tags
    assert {"val/psnr", "val/ssim", "val/bicubic_psnr"} <= tags
    image = reader.Images("preview/0")[0]
    assert (image.width, image.height) == (3 * 32 + 8, 32)
    assert reader.Scalars("val/psnr")[0].value == pytest.approx(22.04)


def test_the_discriminator_is_in_the_progress_line_and_in_tensorboard(tmp_path: Path) -> None:
    rated = dataclasses.replace(step(1), discriminator={"loss": 0.51, "real": 0.7, "fake": -0.25})
    assert "discriminator 0.5100 (real +0.70, fake -0.25)" in EventFormatter().format_event(rated)[0]
    assert "discriminator" not in EventFormatter().format_event(step(1))[0]
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    sink = TensorBoardSink(tmp_path, 0)
    for event in (rated, dataclasses.replace(validated(1), spectrum=1.5, bicubic_spectrum=4.0, grain=2.0, loss=0.05)):
        sink(event)
    reader = accumulator.EventAccumulator(str(tmp_path)).Reload()
    tags = {"discriminator/loss": 0.51, "discriminator/real": 0.7, "discriminator/fake": -0.25}
    tags.update({"val/spectrum": 1.5, "val/bicubic_spectrum": 4.0, "val/grain": 2.0, "loss/val_l1": 0.05})
    assert {tag: reader.Scalars(tag)[0].value for tag in tags} == pytest.approx(tags)


def test_a_resumed_run_hides_later_steps_of_the_session_before_in_tensorboard(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for start, steps, psnr in ((0, (100, 200), 20.0), (100, (200, 300), 25.0)):
        sink = TensorBoardSink(tmp_path, start)
        for number in steps:
            sink(validated(number, psnr))
        sink(finished())
        sink.close()
    reader = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert [(s.step, s.value) for s in reader.Scalars("val/psnr")] == [(100, 20.0), (200, 25.0), (300, 25.0)]


def test_without_the_package_there_is_a_notice_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    notice = make_tensorboard_sink(tmp_path, 0)
    assert isinstance(notice, Notice)
    assert f'-m pip install "{TENSORBOARD}"' in notice.text


def test_a_narrator_repeats_multi_line_notices_line_by_line() -> None:
    assert EventFormatter().format_event(Notice("error", "one\ntwo")) == ["error: one", "  two"]


def test_the_end_names_a_before_and_after_picture() -> None:
    narrator = EventFormatter()
    narrator.format_event(PreviewReady(0, (), ("w/previews/step00000000_1.png",)))
    assert not any("Before and after" in line for line in narrator.format_event(RunFinished("stopped", 3)))
    preview = PreviewReady(40, (), ("w/previews/step00000040_1.png", "w/previews/step00000040_2.png"))
    assert narrator.format_event(preview) == ["step 40: previews step00000040_1.png to step00000040_2.png"]
    alone = dataclasses.replace(preview, files=preview.files[:1])
    assert narrator.format_event(alone) == ["step 40: preview step00000040_1.png"]
    assert narrator.format_event(RunFinished("completed", 40))[-1] == "Before and after: w/previews/step00000040_1.png"


def test_events_come_back_from_the_journal(tmp_path: Path) -> None:
    step = StepDone(3, None, {"l1": 0.5, "total": float("nan")}, 1e-4, 1.0, 2.0, 3.0, None, 4)
    events: list[Event] = [step, Validated(3, "val", 30.0, 0.9, 29.0, 0.8, True, 4, 0.1), Notice("info", "hello")]
    path = tmp_path / "journal.jsonl"
    path.write_text("".join(format_json_line(event) + "\n" for event in events) + '{"torn', "utf-8")
    back = [event_from_json(record) for record in read_journal(path)]
    assert back[1:] == events[1:]
    assert isinstance(back[0], StepDone)
    assert back[0].losses["l1"] == 0.5
    assert back[0].losses["total"] != back[0].losses["total"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 second"), (89, "89 seconds"), (700, "12 minutes"), (6100, "2 hours"), (4e5, "5 days")],
)
def test_rough_durations_are_words(seconds: float, text: str) -> None:
    assert format_rough_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "a moment left"),
        (1, "1 second left"),
        (89, "89 seconds left"),
        (90, "2 minutes left"),
        (720, "12 minutes left"),
        (3599, "1 hour left"),
        (7500, "2 hours 5 minutes left"),
        (3661, "1 hour 1 minute left"),
        (4e5, "5 days left"),
    ],
)
def test_the_time_left_is_in_words(seconds: float, text: str) -> None:
    assert format_time_left(seconds) == text


def test_a_failure_that_says_how_to_continue_is_not_followed_by_another_way() -> None:
    plain = RunFinished("failed", 40, checkpoint="w/checkpoints/scale4_step40.pth", error="Out of memory.")
    own = dataclasses.replace(plain, error="Resume with --resume latest and a lower --lr than 1.")
    assert any("run the same command" in line for line in EventFormatter().format_event(plain))
    assert not any("run the same command" in line for line in EventFormatter().format_event(own))


def test_the_heading_of_a_run_is_not_repeated_after_it_went_back() -> None:
    formatter = EventFormatter()
    heading = formatter.format_event(started())
    assert heading and formatter.format_event(RolledBack(9, 5, "the loss rose", 1e-4, 1))
    assert formatter.format_event(started()) == []
    assert formatter.format_event(started()) == []  # it gave up: its events after the last good state do not count
    assert formatter.format_event(finished("failed", 5))
    assert formatter.format_event(started()) == heading
