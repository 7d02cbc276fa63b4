"""Versions of libraries with known faults are refused before anything is read."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer_core.requirements import SAFE_VERSIONS, find_unsafe_library

ROOT = Path(__file__).resolve().parents[2]


def installed(**versions: str) -> str | None:
    def find(name: str) -> str:
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    return find_unsafe_library(find)


def test_the_versions_installed_here_are_safe() -> None:
    assert find_unsafe_library() is None


@pytest.mark.parametrize("name", SAFE_VERSIONS)
def test_each_library_is_refused_just_below_its_safe_version_and_accepted_from_it(name: str) -> None:
    major, minor = SAFE_VERSIONS[name]
    for old in (f"{major}.{minor - 1}.9", f"{major - 1}.99.0", f"{major}.{minor - 1}.0+cpu", f"{major}.{minor - 1}rc1"):
        problem = installed(**{name: old})
        assert problem is not None and f"{name} {old} has known" in problem and f">={major}.{minor}" in problem
    for new in (f"{major}.{minor}", f"{major}.{minor}.0+cpu", f"{major}.{minor + 10}.1", f"{major + 1}.0.dev1"):
        assert installed(**{name: new}) is None


def test_a_missing_or_nameless_version_is_not_refused() -> None:
    assert installed() is None
    assert installed(torch="", pillow="unknown") is None


def test_the_packages_ask_for_the_same_versions() -> None:
    wanted = (ROOT / "pyproject.toml").read_text("utf-8")
    for name, (major, minor) in SAFE_VERSIONS.items():
        assert f'"{name}>={major}.{minor};' in wanted


@pytest.mark.parametrize("module", ["trainer_core", "trainer_core.tools", "app"])
def test_every_program_stops_with_a_sentence_before_it_reads_a_file(module: str, tmp_path: Path) -> None:
    old = tmp_path / "pillow-9.0.0.dist-info"
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: pillow\nVersion: 9.0.0\n", "utf-8")
    words = {"trainer_core": ["s", "w"], "trainer_core.tools": ["inspect", "x.pth"], "app": []}[module]
    code = f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv[1:] = {words!r}; "
    code += f"runpy.run_module({module!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "pillow 9.0.0 has known security faults" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows does not delete the current folder of a process")
@pytest.mark.skipif(sys.version_info[:3] == (3, 13, 0), reason="`python -c` cannot import socket there")
@pytest.mark.parametrize("module", ["trainer_core", "trainer_core.tools", "app"])
def test_every_program_stops_with_a_sentence_in_a_folder_that_was_deleted(module: str, tmp_path: Path) -> None:
    words = {"trainer_core": ["s", "w"], "trainer_core.tools": ["inspect", "x.pth"], "app": []}[module]
    (tmp_path / "gone").mkdir()
    code = f"import os, runpy, sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[1:] = {words!r}; "
    code += f"os.rmdir(os.getcwd()); runpy.run_module({module!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "gone", capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "The current folder no longer exists. Change to another folder" in done.stderr
