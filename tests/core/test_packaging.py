"""pyproject.toml, constraints.txt and the wheel: floors, exclusions, pins, scripts, contents."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")

tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11 to read pyproject.toml")
requirements = pytest.importorskip("packaging.requirements")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def applying(lines: list[str], python: str) -> dict[str, object]:
    """Name -> version specifier of the requirements that count for a Python."""
    parsed = [requirements.Requirement(line) for line in lines]
    environment = {"python_version": python}
    return {plain(r.name): r.specifier for r in parsed if r.marker is None or r.marker.evaluate(environment)}


def pins(python: str) -> dict[str, object]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return applying([line for line in lines if line and not line.startswith("#")], python)


def test_the_project_is_named_as_its_users_know_it() -> None:
    assert PROJECT["name"] == "wqv-upscale-trainer"
    assert PROJECT["requires-python"] == ">=3.9"
    assert PROJECT["license"] == "Apache-2.0"
    assert set(PROJECT["scripts"]) == {"wqv-upscale-trainer", "wqv-upscale-tools", "wqv-upscale-trainer-gui"}


def test_training_without_a_window_needs_no_qt() -> None:
    named = {plain(requirements.Requirement(line).name) for line in PROJECT["dependencies"]}
    assert not named & {"pyside6-essentials", "pyside6", "shiboken6", "pyqtgraph"}


@pytest.mark.parametrize(
    ("package", "python", "good", "bad"),
    [
        ("torch", "3.10", ["2.10.0", "2.13.0"], ["2.9.1"]),
        ("torch", "3.9", ["2.8.0"], ["2.7.1"]),
        ("pillow", "3.10", ["12.3.0", "13.0.0"], ["12.2.0"]),
        ("pillow", "3.9", ["11.3.0"], ["11.2.1"]),
        ("pyside6-essentials", "3.11", ["6.8.0", "6.10.2", "6.11.3"], ["6.7.3", "6.9.1", "6.11.0", "6.11.1", "6.12.0"]),
        ("pyside6-essentials", "3.12", ["6.12.0"], ["6.9.1", "6.11.0", "6.11.1"]),
        ("pyqtgraph", "3.11", ["0.14.0"], ["0.13.7"]),
    ],
)
def test_known_faulty_versions_are_kept_out(package: str, python: str, good: list[str], bad: list[str]) -> None:
    allowed = applying([*PROJECT["dependencies"], *EXTRAS["window"]], python)[package]
    assert [v for v in good if v not in allowed] == []  # type: ignore[operator]
    assert [v for v in bad if v in allowed] == []  # type: ignore[operator]


@pytest.mark.parametrize("python", PYTHONS)
def test_every_direct_dependency_is_pinned_within_its_limits(python: str) -> None:
    pinned = pins(python)
    wanted = applying([*PROJECT["dependencies"], *EXTRAS["window"], *EXTRAS["dev"]], python)
    assert sorted(set(wanted) - set(pinned)) == []
    for name, allowed in wanted.items():
        version = str(pinned[name]).replace("==", "")
        assert version in allowed, f"{name} {version} on Python {python}"  # type: ignore[operator]


def test_the_window_s_command_says_what_to_use_instead_and_needs_no_qt() -> None:
    code = "import sys, runpy; sys.modules['PySide6'] = None; runpy.run_module('app', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "wqv-upscale-trainer <source_dir> <workspace_dir>" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_script_has_its_function() -> None:
    for name, target in PROJECT["scripts"].items():
        module, function = target.split(":")
        code = f"import {module}, sys; sys.exit(not callable({module}.{function}))"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {done.stderr}"


def test_the_wheel_carries_the_three_rooms_with_their_data_and_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", "77")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for room in ("app", "trainer_core", "resources", "tests", "models", "docs"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    starter = tmp_path / "trainer_core" / "starters" / "wqv1_x4_starter.pth"  # as if one came with the program
    starter.write_bytes(b"weights")
    starter.with_suffix(".json").write_text("{}", encoding="utf-8")
    (tmp_path / "models" / "custom" / "wqv_x4.pth").write_bytes(b"weights")
    code = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=_quiet())
    assert done.returncode == 0, done.stderr
    wheel = next((tmp_path / "dist").glob("wqv_upscale_trainer-*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"app", "trainer_core", "resources"}
    expected = {
        path.relative_to(ROOT).as_posix()
        for room in ("app", "trainer_core", "resources")
        for pattern in ("*.py", "*.json", "*.svg", "*.png", "py.typed", "*.pth")
        for path in (ROOT / room).rglob(pattern)
    }
    expected |= {"trainer_core/starters/wqv1_x4_starter.pth", "trainer_core/starters/wqv1_x4_starter.json"}
    assert sorted(expected - set(names)) == []
    assert any(name.endswith("licenses/LICENSE") for name in names)


def _quiet() -> dict[str, str]:
    return {**os.environ, "PYTHONWARNINGS": "ignore"}
