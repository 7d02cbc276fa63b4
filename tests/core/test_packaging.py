"""pyproject.toml, constraints.txt and the wheel: floors, exclusions, pins, scripts, contents."""

from __future__ import annotations

import ast
import os
import posixpath
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import trainer_core
from app.help.pages import PAGES
from trainer_core.requirements import TENSORBOARD

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")

tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11 to read pyproject.toml")
requirements = pytest.importorskip("packaging.requirements")
lock = pytest.importorskip("release.lock")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_no_two_test_files_have_the_same_name() -> None:
    """Otherwise `run.py test` without arguments, which collects them all, refuses the second one."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


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
    assert set(PROJECT["scripts"]) == {"wqv-upscale-trainer", "wqv-upscale-tools"}
    assert set(PROJECT["gui-scripts"]) == {"wqv-upscale-trainer-gui"}  # on Windows it opens no console


@pytest.mark.parametrize("page", ["README.md", "docs/manual.md"])
def test_the_documents_name_the_wheel_of_this_version(page: str) -> None:
    named = re.findall(r"wqv_upscale_trainer-(\d\S*?)-py3-none-any\.whl", (ROOT / page).read_text(encoding="utf-8"))
    assert named and set(named) == {trainer_core.__version__}


def test_tensorboard_is_an_extra_whose_name_the_program_gives() -> None:
    assert EXTRAS["tensorboard"] == [TENSORBOARD]
    assert not any(line.startswith("tensorboard") for line in PROJECT["dependencies"])


def test_training_without_a_window_needs_no_qt() -> None:
    named = {plain(requirements.Requirement(line).name) for line in PROJECT["dependencies"]}
    assert not named & {"pyside6-essentials", "pyside6", "shiboken6", "pyqtgraph"}


def test_the_decision_record_gives_a_reason_for_each_dependency() -> None:
    record = (ROOT / "docs" / "decisions" / "08-dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `?([\w-]+)`?(?: \(extra [^)]*\))? \| (\S.*\S) \|$", record, re.MULTILINE)
    reasons = {plain(name) for name, reason in rows if name != "Package" and set(reason) != {"-"}}
    lines = [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
    named = {plain(requirements.Requirement(line).name) for line in lines}
    assert reasons == named - {"wqv-upscale-trainer"}


@pytest.mark.parametrize(("package", "extras"), [("trainer_core", ["tensorboard"]), ("app", ["tensorboard", "window"])])
def test_what_a_package_imports_is_declared(package: str, extras: list[str]) -> None:
    distributions = {"PIL": "pillow", "PySide6": "pyside6-essentials", "shiboken6": "pyside6-essentials"}
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    declared = {plain(requirements.Requirement(line).name) for line in lines}
    imported = set().union(*(imported_modules(file) for file in (ROOT / package).rglob("*.py")))
    foreign = imported - set(sys.stdlib_module_names) - {"app", "resources", "trainer_core"}
    assert {distributions.get(module, module) for module in foreign} <= declared
    if package == "trainer_core":
        assert declared <= {distributions.get(module, module) for module in foreign}, "not imported"


def imported_modules(file: Path) -> set[str]:
    """Return the first names of all modules that a file imports anywhere."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    plainly = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    by_name = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module}
    return {module.split(".")[0] for module in plainly | by_name}


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
    wanted = applying([*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)], python)
    assert sorted(set(wanted) - set(pinned)) == []
    for name, allowed in wanted.items():
        version = str(pinned[name]).replace("==", "")
        assert version in allowed, f"{name} {version} on Python {python}"  # type: ignore[operator]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", lock.SYSTEMS)
def test_the_lock_has_every_direct_dependency_for_every_system(system: str, python: str) -> None:
    locked = lock.applying(lock.LOCK.read_text("utf-8"), system, python)
    for name, allowed in applying(
        [*PROJECT["dependencies"], *EXTRAS["window"], *EXTRAS["tensorboard"]], python
    ).items():
        assert locked[name].replace("==", "") in allowed, f"{name} {locked[name]}"  # type: ignore[operator]


@pytest.mark.parametrize("python", lock.PYTHONS)
@pytest.mark.parametrize("system", lock.SYSTEMS)
def test_the_lock_for_processors_lacks_only_torch_and_its_cuda_libraries(system: str, python: str) -> None:
    full = lock.applying(lock.LOCK.read_text("utf-8"), system, python)
    text = lock.LOCK_CPU.read_text("utf-8")
    rest = lock.applying(text, system, python)
    assert rest.items() <= full.items() and text == lock.without_torch(lock.LOCK.read_text("utf-8"))
    missing = {re.split("[-=]", name)[0] for name in set(full) - set(rest)}
    assert missing == ({"torch", "nvidia", "cuda", "triton"} if system == "linux" else {"torch"}) - (
        {"cuda"} if python == "3.9" else set()
    )


def test_the_lock_is_in_step_with_the_constraints() -> None:
    text, constraints = lock.LOCK.read_text("utf-8"), lock.CONSTRAINTS.read_text("utf-8")
    assert list(lock.find_differences(text, constraints)) == []
    changed = re.sub(r"^tqdm==.*$", "tqdm==0.1", constraints, flags=re.MULTILINE)
    assert "tqdm==4" in next(lock.find_differences(text, changed))
    assert list(lock.find_differences("tqdm==1", "tqdm==1")) == ["tqdm==1 has no hash."]


def test_the_window_s_command_says_what_to_use_instead_and_needs_no_qt() -> None:
    code = "import sys, runpy; sys.modules['PySide6'] = None; runpy.run_module('app', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "wqv-upscale-trainer <source_dir> <workspace_dir>" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_script_has_its_function() -> None:
    for name, target in {**PROJECT["scripts"], **PROJECT["gui-scripts"]}.items():
        module, function = target.split(":")
        code = f"import {module}, sys; sys.exit(not callable({module}.{function}))"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {done.stderr}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel of the project, with one starter more than there is."""
    pytest.importorskip("setuptools", "77")
    folder = tmp_path_factory.mktemp("project")
    for name in ("pyproject.toml", "setup.py", "wqv_upscale_trainer.py", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for page in ROOT.glob("*.md"):
        shutil.copy(page, folder)
    for room in ("app", "trainer_core", "resources", "tests", "models", "docs"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    starter = folder / "trainer_core" / "starters" / "wqv1_x2_starter.pth"
    starter.write_bytes(b"weights")
    starter.with_suffix(".json").write_text("{}", encoding="utf-8")
    (folder / "models" / "custom" / "wqv_x4.pth").write_bytes(b"weights")
    code = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, env=_quiet())
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next((folder / "dist").glob("wqv_upscale_trainer-*.whl")))


def test_the_wheel_carries_the_rooms_with_their_data_and_the_launcher_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    rooms = ("app", "trainer_core", "resources")
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {*rooms, "wqv_upscale_trainer.py"}
    expected = {
        path.relative_to(ROOT).as_posix()
        for room in rooms
        for pattern in ("*.py", "*.json", "*.svg", "*.png", "py.typed", "*.pth")
        for path in (ROOT / room).rglob(pattern)
    }
    expected |= {"trainer_core/starters/wqv1_x2_starter.pth", "trainer_core/starters/wqv1_x2_starter.json"}
    assert sorted(expected - set(names)) == []
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_carries_the_manual_with_all_that_it_shows_and_leads_to(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    manual = wheel.read("resources/help/docs/manual.md").decode("utf-8")
    assert manual == (ROOT / "docs" / "manual.md").read_text("utf-8")
    links = {link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", manual) if "://" not in link}
    assert len(links) > 5
    assert sorted(link for link in links if posixpath.normpath(f"resources/help/docs/{link}") not in names) == []


def test_the_wheel_carries_every_page_that_the_window_offers(wheel: zipfile.ZipFile) -> None:
    pages = {place for _, place in PAGES} | {f"docs/decisions/{path.name}" for path in ROOT.glob("docs/decisions/*.md")}
    assert sorted(page for page in pages if f"resources/help/{page}" not in wheel.namelist()) == []


def _quiet() -> dict[str, str]:
    return {**os.environ, "PYTHONWARNINGS": "ignore"}
