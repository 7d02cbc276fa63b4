"""Files of the user: a regular file is opened, anything else is refused at once and in words."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.small_runs import TINY, make_photos
from trainer_core import cli, input_files, tools
from trainer_core.camera import CameraProfile
from trainer_core.data.decoding import decode
from trainer_core.data.photos import scan_photos
from trainer_core.data.splits import read_splits
from trainer_core.errors import UserError
from trainer_core.files import write_bytes
from trainer_core.input_files import explain_missing, find_access_problem, open_regular, read_lines, read_regular
from trainer_core.planning.plan import make_plan
from trainer_core.planning.readiness import workspace_problem
from trainer_core.planning.recognition import PathKind, classify_path
from trainer_core.previews.pinned_photos import pin_photo
from trainer_core.verbs.fetch import fetch_model
from trainer_core.verbs.picture_files import find_pictures
from trainer_core.workspace.checkpoints import list_checkpoints, locate_checkpoint
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.models import model_of

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes and devices of POSIX")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe.png")
    return tmp_path / "pipe.png"


def test_a_regular_file_is_read_whole_or_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link") == b"content" and read_regular(tmp_path / "file", 3) == b"con"


def test_lines_are_read_one_by_one_without_those_that_are_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_files, "MAX_LINE_BYTES", 5)
    (tmp_path / "file").write_bytes(b"a\n1234\n12345\n" + b"\0" * 18 + b"\nb\n\nlast")
    with open_regular(tmp_path / "file") as file:
        assert list(read_lines(file)) == [b"a\n", b"1234\n", b"b\n", b"\n", b"last"]


def test_anything_else_is_refused_with_its_kind(pipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # the path of a socket is limited to about 100 bytes
        server.bind("socket")
        for path, kind in ((pipe, "named pipe"), (Path("/dev/zero"), "device"), (tmp_path / "socket", "socket")):
            with pytest.raises(OSError, match="regular") as refusal:
                open_regular(path)
            assert kind in (refusal.value.strerror or "")
    with pytest.raises(IsADirectoryError, match="a folder, not a file"):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")
    with pytest.raises(OSError, match="NUL"):
        open_regular("a\0b")


@pytest.mark.parametrize(
    "read",
    [
        decode,
        CameraProfile.load,
        read_splits,
        lambda pipe: pin_photo(pipe, pipe.parent / "pinned", mono=True),
        lambda pipe: locate_checkpoint(Workspace(pipe.parent), str(pipe)),
        lambda pipe: make_plan({**_run(pipe), "init_weights": str(pipe)}),
        lambda pipe: make_plan({**_run(pipe), "camera_profile": str(pipe)}),
        lambda pipe: make_plan({**_run(pipe), "resume_from": str(pipe)}),
        lambda pipe: Workspace(_with_settings(pipe)).read_settings(),
    ],
)
def test_every_reader_of_the_core_refuses_a_pipe_in_a_sentence(read: Callable[[Path], Any], pipe: Path) -> None:
    with pytest.raises(UserError, match="named pipe"):
        read(pipe)


@pytest.mark.parametrize("verb", ["upscale", "simulate", "calibrate", "inspect", "install", "export", "model"])
def test_every_verb_refuses_a_pipe_in_a_sentence(
    verb: str, pipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    from tests.core.networks import network_of, saved
    from trainer_core import tools
    from trainer_core.model.spec import NetworkSpec

    model = str(saved(network_of(NetworkSpec(2, 8, 1, 4)), tmp_path / "model_x2.pth"))
    arguments = {
        "upscale": ["upscale", model, str(pipe), "-o", str(tmp_path / "out")],
        "model": ["upscale", str(pipe), str(pipe), "-o", str(tmp_path / "out")],
        "simulate": ["simulate", str(pipe), "-o", str(tmp_path / "out"), "--camera", "wqv1", "--scale", "2"],
        "calibrate": ["calibrate", str(pipe), "-o", str(tmp_path / "profile.json")],
        "inspect": ["inspect", str(pipe)],
        "install": ["install", str(pipe), "--into", str(tmp_path)],
        "export": ["export", str(pipe), "-o", str(tmp_path / "x2.pth")],
    }
    assert tools.main(arguments[verb]) == 2
    assert "named pipe" in capsys.readouterr().err


def test_a_photo_that_is_a_pipe_or_a_device_is_passed_over_and_listed(tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", 2)
    os.mkfifo(photos / "pipe.png")
    (photos / "zero.png").symlink_to("/dev/zero")
    scan = scan_photos(photos)
    assert len(scan.photos) == 2 and {file.name for file in scan.rejected} == {"pipe.png", "zero.png"}


def test_a_durable_file_never_replaces_a_pipe_or_a_device(pipe: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match="not a regular file"):
        write_bytes(pipe, b"content")
    assert pipe.is_fifo() and sorted(tmp_path.iterdir()) == before


def _run(pipe: Path) -> dict[str, Any]:
    photos = make_photos(pipe.parent / "photos", 3)
    return {**TINY, "source_dir": str(photos), "workspace": str(pipe.parent / "workspace"), "monochrome_style": True}


def _with_settings(pipe: Path) -> Path:
    folder = pipe.parent / "with_settings"
    folder.mkdir()
    os.mkfifo(folder / "training_config.json")
    return folder


_LONG = "x" * 300  # longer than a name may be: the methods of Path raise the error of the system


def _plan(**paths: str) -> Any:
    return make_plan({"source_dir": "p", "workspace": "w", "device": "cpu", "amp": False, **paths})


def _simulate() -> None:
    pytest.importorskip("torch")
    from trainer_core.verbs.simulate import simulate

    simulate([Path(_LONG)], Path("out"), camera="wqv1", scale=2)


def _calibrate() -> None:
    pytest.importorskip("torch")
    from trainer_core.calibration.calibrate import calibrate

    calibrate([Path(_LONG)], Path("out.json"))


def _export() -> None:
    pytest.importorskip("torch")
    from trainer_core.verbs.export import export_model

    export_model(Path("m.pth"), Path(_LONG, "m.pth"))


@pytest.mark.parametrize(
    "use",
    [
        lambda: _plan(source_dir=_LONG),
        lambda: _plan(workspace=f"{_LONG}/w"),
        lambda: _plan(workspace=_LONG, resume_from="latest"),
        lambda: _plan(init_weights=_LONG),
        lambda: list(find_pictures([Path(_LONG)])),
        _simulate,
        _calibrate,
        _export,
        lambda: fetch_model("realesrgan-x4plus", Path(_LONG)),
    ],
)
def test_a_path_that_the_system_does_not_reach_is_named_with_the_reason(
    use: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_photos(tmp_path / "p", 3)
    with pytest.raises(UserError, match=f"{_LONG}.*: File name too long\\."):
        use()
    assert os.listdir(tmp_path) == ["p"]


def test_a_path_without_permission_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, **more: Any) -> Any:
        if str(path).startswith(str(tmp_path / "locked")):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **more)

    stat = os.stat
    monkeypatch.setattr(os, "stat", refuse)
    locked = tmp_path / "locked" / "in"
    assert find_access_problem(tmp_path) == "" and find_access_problem(tmp_path / "gone") == "does not exist"
    assert explain_missing(locked) == f"{locked} cannot be reached: Permission denied."
    assert workspace_problem(locked) == "it cannot be reached: Permission denied"
    workspace = Workspace(locked)
    assert list_checkpoints(workspace) == [] and workspace.previous_runs_with_journal() == []
    assert model_of(workspace) is None and classify_path(locked) is PathKind.OTHER


def test_an_error_of_the_system_before_a_run_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")

    def fail(*more: Any, **settings: Any) -> Any:
        raise OSError(107, "Transport endpoint is not connected", "/mnt/nas")

    monkeypatch.setattr("trainer_core.planning.plan.make_plan", fail)
    assert cli.main([str(tmp_path), str(tmp_path / "w")]) == 2
    monkeypatch.setattr("trainer_core.verbs.inspect.inspect_file", fail)
    assert tools.main(["inspect", "m.pth"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "wqv-upscale-trainer: error: /mnt/nas: the drive is not connected (Transport endpoint is not connected).",
        "wqv-upscale-tools: /mnt/nas: the drive is not connected (Transport endpoint is not connected).",
    ]
