"""Text from files reaches no terminal, log or preview raw, and every encoding of the terminal works."""

from __future__ import annotations

import ast
import io
import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.small_runs import TINY, flags, make_photos
from trainer_core import cli, tools
from trainer_core.events import Notice, RunFinished
from trainer_core.previews.files import read_preview_info
from trainer_core.sinks.console import ConsoleSink, LogFileSink
from trainer_core.text import (
    OutputError,
    configure_streams,
    escape_control_characters,
    escape_lines,
    fit_to_stream,
    print_lines,
)

ROOT = Path(__file__).parents[2]
EVIL = "a\x1b[2J\x1b]0;pwn\x07\x9b31m\u202egnp.\u2066\u200f\r\nDone at step 9\u2028b\udce9\x00\x7f"
PAST_THE_ESCAPING = ("print", "sys.stdout.write", "sys.stderr.write", "argparse.ArgumentParser", "warnings.warn")
ENCODINGS = ["utf-8", "cp932", "cp1252", "ascii", "latin-1", "cp437"]


def is_safe(text: str) -> bool:
    """Whether a text has no character that a terminal acts on, apart from line ends."""
    return all(c.isprintable() or c == "\n" for c in text)


class Streams:
    """Standard output and error as a strict console of one encoding has them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
        self._buffers = io.BytesIO(), io.BytesIO()
        for name, buffer in zip(("stdout", "stderr"), self._buffers):
            monkeypatch.setattr(sys, name, io.TextIOWrapper(buffer, encoding, "strict", newline="\n"))

    def read(self) -> tuple[str, str]:
        """Return what was printed to both, which must be safe."""
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = (buffer.getvalue().decode(str(sys.stdout.encoding)) for buffer in self._buffers)
        assert is_safe(out) and is_safe(err) and "Traceback" not in err
        return out, err


def test_everything_that_a_terminal_acts_on_is_escaped() -> None:
    escaped = escape_control_characters(EVIL)
    assert is_safe(escaped) and "\n" not in escaped
    for sequence in (r"\x1b[2J", r"\x07", r"\x9b", r"\u202e", r"\u2066", r"\r\n", r"\u2028", r"\udce9", r"\x00"):
        assert sequence in escaped
    for plain in ("Fotos é ñ 写真\u3000x", "a\u00a0b", "👨\u200d👩\u200d👧", "ab\\n", "שלום"):
        assert escape_control_characters(plain) == plain


def test_a_newline_in_a_name_starts_no_message() -> None:
    assert escape_lines("Skipped:\n  a.png: x\nDone at step 9\n\x1bb") == [
        "Skipped:",
        "  a.png: x",
        "  Done at step 9",
        r"  \x1bb",
    ]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_characters_that_an_encoding_lacks_get_another_form(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding, "strict")
    text = fit_to_stream("yes · no …", stream)
    assert text in ("yes · no …", "yes | no …", "yes · no ...", "yes | no ...")
    print_lines(f"写真 {EVIL} ×", stream=stream)
    print_lines("nothing without a console", stream=None)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_help_and_errors_of_the_commands_print_in_any_encoding(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = Streams(monkeypatch, encoding)
    os.makedirs(tmp_path / "empty")
    for main, words, code in (
        (cli.main, ["--help"], 0),
        (tools.main, ["export", "--help"], 0),
        (cli.main, ["--no-such", EVIL], 2),
        (cli.main, [EVIL, "b", "c", EVIL], 2),
        (tools.main, ["simulate", "--camera", EVIL], 2),
    ):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code == code
    without_torch = ["--config-only", "--device", "cpu", "--no-amp"]
    assert cli.main([str(tmp_path / f"none-写真{EVIL[1:-2]}"), str(tmp_path / "w"), *without_torch]) == 2
    assert tools.main(["inspect", str(tmp_path / f"no·{EVIL[1:-2]}")]) == 2
    assert tools.main(["inspect", str(tmp_path / EVIL)]) == 2
    out, err = streams.read()
    assert "usage: wqv-upscale-trainer" in out and r"\x1b[2J" in err and r"\u202e" in err


@pytest.mark.parametrize(
    ("main", "words", "problem", "command"),
    [
        (cli.main, ["a", "b", "--no-such"], "unrecognized arguments: --no-such", "wqv-upscale-trainer"),
        (tools.main, ["inspect", "a", "--no-such"], "unrecognized arguments: --no-such", "wqv-upscale-tools inspect"),
        (tools.main, ["inspect"], "the following arguments are required: FILE", "wqv-upscale-tools inspect"),
        (tools.main, [], "the following arguments are required: COMMAND", "wqv-upscale-tools"),
    ],
)
def test_a_usage_error_is_one_sentence_and_how_to_get_help(
    main: Callable[[list[str]], int], words: list[str], problem: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    expected = f"{command}: error: {problem}\nFor the options, add --help.\n"
    assert (end.value.code, capsys.readouterr()) == (2, ("", expected))


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="file names are Unicode")
@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_a_run_on_photos_whose_names_are_no_text_works_everywhere(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training with previews, TensorBoard, journal, settings and splits, and a resumed run."""
    streams = Streams(monkeypatch, encoding)
    pytest.importorskip("torch")
    photos = make_photos(Path(os.fsdecode(os.fsencode(tmp_path) + b"/f\xf6t\x1b[2J\n")), 4)
    for number, photo in enumerate(sorted(photos.iterdir())):
        os.rename(photo, os.path.join(os.fsencode(photos), b"a\x1b]0;x\x07\xe9\n%d.png" % number))
    (photos / "bad\x1b[2J\nDone at step 9.png").write_bytes(b"no picture")
    workspace = Path(os.fsdecode(os.fsencode(tmp_path) + b"/w\xe9\x1b[31m"))
    words = [str(photos), str(workspace), *flags(TINY), "--scale", "2", "--num-workers", "1", "--tensorboard"]
    assert cli.main([*words, "--steps", "2", "--val-interval", "1", "--events", "jsonl"]) == 0
    assert cli.main([*words, "--steps", "3", "--val-interval", "1", "--resume", "latest"]) == 0
    (photos / "bad\x1b[2J\nDone at step 9.png").unlink()
    model, results = workspace / "models" / "wqv_neosr_x2.pth", photos.parent / "r"
    assert tools.main(["upscale", str(model), str(photos), "-o", str(results), "--compare"]) == 0
    assert tools.main(["export", str(model), "-o", str(workspace / "new_x2.safetensors")]) == 0
    simulate = ["simulate", str(photos), "-o", str(results), "--camera", "wqv1", "--scale", "2"]
    assert tools.main(simulate) == 0
    out, err = streams.read()
    assert str(workspace) in [json.loads(line).get("workspace") for line in out.splitlines() if line[0] == "{"]
    assert all(file.stat().st_size > 1000 for file in (workspace / "tensorboard").iterdir())
    assert r"bad\x1b[2J\nDone at step 9.png" in err and "\nDone at step 9" not in err
    assert is_safe((workspace / "trainer.log").read_text("utf-8"))
    titles = [read_preview_info(path).name for path in (workspace / "previews").iterdir()]
    assert titles and all(is_safe(title) and r"a\x1b]0;x\x07\udce9\n" in title for title in titles)


@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_tensors_and_metadata_of_a_weight_file_are_escaped(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = Streams(monkeypatch, encoding)
    torch = pytest.importorskip("torch")
    path = tmp_path / "m_x4.pth"
    torch.save({EVIL: torch.ones(2), "meta": {EVIL: EVIL}}, path)
    for words in (["inspect", path], ["inspect", path, "--json"]):
        assert tools.main([str(word) for word in words]) == 0
    for words in (
        ["upscale", path, path, "-o", tmp_path / "o"],
        ["export", path, "-o", tmp_path / "n_x4.pth"],
        ["install", path, "--into", tmp_path],
    ):
        assert tools.main([str(word) for word in words]) == 2
    assert cli.main(["--demo", str(tmp_path / "w"), "--init-weights", str(path), "--device", "cpu"]) == 2
    out, err = streams.read()
    assert r"\x1b[2J" in out and r"\x1b[2J" in err


def test_unknown_settings_of_a_file_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "training_config.json").write_text(json.dumps({"schema": 1, EVIL: 1}), "utf-8")
    assert cli.main(["--demo", str(tmp_path), "--config-only", "--device", "cpu", "--no-amp"]) == 0
    err = capsys.readouterr().err
    assert is_safe(err) and r"\x1b[2J" in err


def test_console_and_log_indent_what_follows_a_newline(tmp_path: Path) -> None:
    stream = io.StringIO()
    sinks = (ConsoleSink(stream), LogFileSink(tmp_path / "trainer.log"))
    events = (
        Notice("warning", f"Skipped {EVIL}"),
        RunFinished("failed", 3, error=f"No file {EVIL}", checkpoint=EVIL, model=EVIL),
    )
    for sink in sinks:
        for event in events:
            sink(event)
        sink.close()
    for text in (stream.getvalue(), (tmp_path / "trainer.log").read_text("utf-8")):
        assert is_safe(text) and not any(line.startswith("Done") or ":Done" in line for line in text.splitlines())


def test_standard_streams_accept_every_character_also_from_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, "ascii", "strict"))
    monkeypatch.setattr(sys, "stderr", None)
    configure_streams()
    sys.stdout.write("· 写 \udce9")
    sys.stdout.flush()
    assert buffer.getvalue() == rb"| \u5199 \udce9"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_nobody_reads_or_no_disk_takes_gives_no_traceback(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.core.networks import network_of, saved
    from trainer_core.model.spec import NetworkSpec

    tool = f"{shlex.quote(sys.executable)} -m trainer_core.tools"
    for start in ("PYTHONUNBUFFERED=", "PYTHONUNBUFFERED=1"):
        command = f"{start} {tool} inspect none.pth 2>/dev/full"
        done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True)
        assert (done.returncode, done.stdout) == (2, b"")
    weights = str(saved(network_of(NetworkSpec(4, 8, 1, 4)), tmp_path / "m.pth"))
    photos, run = str(make_photos(tmp_path / "photos", 3)), str(tmp_path / "run")
    commands = (
        ["trainer_core.tools", "inspect", weights],
        ["trainer_core.tools", "--help"],
        ["trainer_core", photos, run, "--config-only"],
        ["trainer_core", "--version"],
    )
    for buffering in ("", "1"):
        for words in commands:
            assert run_without_output(words, buffering) == [(2, True), (141, False)], words


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX systems")
def test_a_pipe_that_nobody_reads_is_waited_for_until_the_program_is_to_end() -> None:
    reader, writer = os.pipe()
    text, received = "0123456789" * 20_000, bytearray()
    with open(writer, "w", encoding="utf-8") as stream:

        def read() -> None:
            time.sleep(0.3)
            while block := os.read(reader, 65536):
                received.extend(block)

        slow = threading.Thread(target=read)
        slow.start()
        print_lines(text, stream=stream, is_stopping=lambda: False)
    slow.join()
    os.close(reader)
    assert bytes(received).decode() == text + "\n"  # a reader that is only slow gets everything
    reader, writer = os.pipe()
    try:
        with open(writer, "w", encoding="utf-8") as stream:
            began = time.monotonic()
            with pytest.raises(OutputError, match="nobody reads it"):
                print_lines(text, stream=stream, is_stopping=lambda: True)
            assert 2 < time.monotonic() - began < 30
    finally:
        os.close(reader)


def run_without_output(command: list[str], unbuffered: str) -> list[tuple[int, bool]]:
    """Run a command whose output no disk takes, then one whose output nobody reads.

    Returns:
        Of each the exit code, and whether it says in one line that the disk is full; otherwise it must say nothing.
    """
    reader, writer = os.pipe()
    os.close(reader)
    found = []
    for output in (os.open("/dev/full", os.O_WRONLY), writer):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(output)
        lines = done.stderr.splitlines()
        is_named = len(lines) == 1 and "The output cannot be written: the disk is full (" in lines[0]
        assert is_named or not lines, done.stderr
        found.append((done.returncode, is_named))
    return found


def test_nothing_prints_past_the_function_that_escapes() -> None:
    """A bare `print`, or writing to standard output or error, would send text of files raw to the terminal."""
    allowed = {"trainer_core/text.py", "trainer_core/settings/options_page.py"}
    found = []
    for path in [*ROOT.glob("trainer_core/**/*.py"), *ROOT.glob("app/**/*.py")]:
        name = path.relative_to(ROOT).as_posix()
        calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        if name not in allowed:
            found += [f"{name}:{call.lineno}" for call in calls if ast.unparse(call.func) in PAST_THE_ESCAPING]
    assert found == []
