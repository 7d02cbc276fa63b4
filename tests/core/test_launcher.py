"""wqv_upscale_trainer.py: the commands start this program, whatever else is called `app` or `resources`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "wqv_upscale_trainer.py"
VERSIONS = {"train": "wqv-upscale-trainer ", "window": "wqv-upscale-trainer-gui "}


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder with packages and a module of these names, such as another project's."""
    for name in ("app", "resources"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('another package')")
    (tmp_path / "trainer_core.py").write_text("raise SystemExit('another module')")
    return tmp_path


def run(command: list[str], foreign: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder, which Python also searches before its own packages."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(foreign), str(ROOT)])}
    return subprocess.run([sys.executable, *command], cwd=foreign, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("program", VERSIONS)
def test_an_installed_command_imports_its_own_packages(foreign: Path, program: str) -> None:
    code = f"import sys, wqv_upscale_trainer as door; sys.exit(door.{program}())"
    done = run(["-c", code, "--version"], foreign)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(VERSIONS[program])


@pytest.mark.parametrize("program", VERSIONS)
def test_run_py_s_way_imports_its_own_packages(foreign: Path, program: str) -> None:
    done = run([str(LAUNCHER), program, "--version"], foreign)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(VERSIONS[program])


def test_its_own_data_is_read(foreign: Path) -> None:
    code = (
        "import wqv_upscale_trainer as door; door._prepare()\n"
        "from trainer_core.camera.profile import CameraProfile; print(CameraProfile.builtin('wqv1').kind)"
    )
    done = run(["-c", code], foreign)
    assert (done.returncode, done.stdout) == (0, "mono\n"), done.stderr


def test_it_says_which_package_is_missing(tmp_path: Path) -> None:
    copy = tmp_path / LAUNCHER.name
    copy.write_bytes(LAUNCHER.read_bytes())
    done = subprocess.run([sys.executable, str(copy), "train"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "trainer_core" in done.stderr
