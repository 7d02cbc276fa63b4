"""`install` gives the viewer built-in models: padded, by their names, with the same function."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tests.core.networks import noise
from tests.core.starter_files import use_starters
from trainer_core.starters.registry import find_starters
from trainer_core.tools import main
from trainer_core.verbs.inspect import inspect_file
from trainer_core.verbs.install import install
from trainer_core.weights.network import load_network

NAMES = ("wqv1_x2", "wqv1_x4", "wqv1_x8", "wqv10_x2", "wqv10_x4", "wqv10_x8")


@pytest.fixture
def custom(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "custom"
    folder.mkdir(parents=True)
    return folder


def test_all_built_in_models_are_installed_so_that_viewer_and_spandrel_load_them(
    custom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The six of the program itself; the other tests make small ones."""
    spandrel = pytest.importorskip("spandrel")
    assert main(["install", "starters", "--into", str(custom)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(custom / f"{name}_starter.pth") for name in NAMES]
    for starter in find_starters():
        installed = custom / starter.path.name
        found = inspect_file(installed)
        assert found.programs is not None and not found.programs.viewer and not found.programs.chainner
        assert found.meta["camera"] == starter.watch.profile
        ours = load_network(starter.path)[0]
        theirs = spandrel.ModelLoader(device="cpu").load_from_file(installed)
        assert (theirs.scale, theirs.architecture.id) == (starter.scale, "ESRGAN")
        lr = noise(3, 8, 8)
        with torch.inference_mode():
            assert torch.allclose(theirs.model(lr), ours(lr), atol=1e-5)


def test_no_built_in_model_is_installed_if_one_would_replace_a_file(
    custom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_starters(monkeypatch, tmp_path / "starters", "wqv1_x2", "wqv1_x4")
    (custom / "wqv1_x4_starter.pth").write_bytes(b"of the viewer")
    assert main(["install", "starters", "--into", str(custom)]) == 2
    assert "wqv1_x4_starter.pth already exists" in capsys.readouterr().err
    assert [path.read_bytes() for path in custom.iterdir()] == [b"of the viewer"]
    (custom / "wqv1_x2_starter.pth").write_bytes(b"of the viewer")
    assert main(["install", "starters", "--into", str(custom)]) == 2
    err = capsys.readouterr().err
    assert f"wqv1_x2_starter.pth and wqv1_x4_starter.pth already exist in {custom}. They may be models that" in err
    assert err.endswith("Use --replace to overwrite them.\n")
    assert [path.read_bytes() for path in custom.iterdir()] == 2 * [b"of the viewer"]


def test_one_built_in_model_is_installed_by_its_name(
    custom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_starters(monkeypatch, tmp_path / "starters", "wqv1_x4")
    monkeypatch.chdir(tmp_path)
    assert main(["install", "wqv1_x4", "--into", str(custom)]) == 0
    assert [path.name for path in custom.iterdir()] == ["wqv1_x4_starter.pth"]
    capsys.readouterr()
    (custom / "wqv1_x4_starter.pth").write_bytes(b"of the viewer")
    assert main(["install", "wqv1_x4_starter", "--into", str(custom)]) == 2
    err = capsys.readouterr().err
    assert "already exists" in err and err.endswith("Use --replace to overwrite it.\n")
    assert main(["install", "wqv1_x4_starter", "--into", str(custom), "--replace"]) == 0
    for name, sentence in (("wqv10_x4", "no built-in model for the color watch"), ("other_x4", "other_x4")):
        assert main(["install", name, "--into", str(custom)]) == 2
        assert sentence in capsys.readouterr().err
    assert main(["install", "wqv1_x4", "--into", str(tmp_path / "none")]) == 2
    assert "There is no folder" in capsys.readouterr().err
    use_starters(monkeypatch, tmp_path / "empty")
    assert main(["install", "starters", "--into", str(custom)]) == 2
    assert "no built-in models" in capsys.readouterr().err


def test_an_interrupted_installation_can_be_repeated_and_reports_each_file_at_once(
    custom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_starters(monkeypatch, tmp_path / "starters", *NAMES[:3])
    targets = [custom / f"{name}_starter.pth" for name in NAMES[:3]]

    def interrupt_after_two(path: Path) -> None:
        if path == targets[1]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install("starters", custom, report=interrupt_after_two)
    assert [target.exists() for target in targets] == [True, True, False]
    first = targets[0].stat()
    assert main(["install", "starters", "--into", str(custom)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(target) for target in targets]
    assert targets[2].exists() and targets[0].stat().st_mtime_ns == first.st_mtime_ns
    content = targets[1].read_bytes()
    targets[1].write_bytes(content[:-1000] + bytes(1000))  # the same name and size
    assert main(["install", "starters", "--into", str(custom)]) == 2
    assert "wqv1_x4_starter.pth already exists" in capsys.readouterr().err
