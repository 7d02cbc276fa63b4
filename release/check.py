"""Try the wheel and the sdist as a stranger would: built twice, checked, installed alone, started, upgraded, removed.

    python -m release.check                   all of it
    python -m release.check --quick           without installing the sdist, upgrade, removal and tests; under a minute
    python -m release.check --out dist        also leaves the two files in a folder

Everything happens in a folder whose name has spaces and letters beyond ASCII; the current folder has files that are
called as the program's packages. Needs the extras `dev` and `window`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Callable

from PIL import Image

from release.build import ROOT, ReleaseError, build, copy_tree, list_files, read_commit_time
from release.isolated import IsolatedEnvironment

_FOLDER = "Probe für Müller 写真"
_NAMES = ("app", "resources", "trainer_core", "json")
_SMALL_SETTINGS = """
--monochrome-style --scale 2 --preset nano --device cpu --no-amp --base-resolution 48 --patch-size 16 --batch-size 1
--num-feat 8 --num-block 1 --num-grow-ch 4 --steps 2 --num-workers 1
"""
_WINDOW = """
import pathlib, signal, sys, threading, time
from wqv_upscale_trainer import window

def stop_after_a_step():
    end = time.monotonic() + 300
    while time.monotonic() < end:
        time.sleep(0.2)
        if journal.is_file() and '"StepDone"' in journal.read_text("utf-8"):
            break
    signal.raise_signal(signal.SIGINT)

journal = pathlib.Path(sys.argv[1], "journal.jsonl")
threading.Thread(target=stop_after_a_step, daemon=True).start()
sys.exit(window())
"""
_HELP = "import sys, wqv_upscale_trainer; sys.exit(wqv_upscale_trainer.train())"
_MANUAL = (
    "import importlib.resources as r; print(r.files('resources').joinpath('help/docs/manual.md').read_text('utf-8'))"
)
_SMALL = _SMALL_SETTINGS.split()
_INTERRUPTED = 130


def check_reproducible(scratch: Path) -> tuple[Path, Path]:
    """Build twice, in two folders, and return wheel and sdist."""
    first = build(copy_tree(scratch / "source"), scratch / "dist")
    second = build(copy_tree(scratch / "source again"), scratch / "dist again")
    for one, other in zip(first, second):
        if one.read_bytes() != other.read_bytes():
            raise ReleaseError(f"{one.name} differs from the same build in another folder: {one}, {other}.")
    return first


def check_metadata(wheel: Path, sdist: Path) -> None:
    """Let twine check what an index would show."""
    _run_here(["-m", "twine", "check", "--strict", str(wheel), str(sdist)], ROOT)


def check_sdist(wheel: Path, sdist: Path, scratch: Path) -> Path:
    """Check that the sdist holds every file of the repository and makes the same wheel; return its unpacked folder."""
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # old versions of Python have none
        archive.extractall(scratch / "sdist")
    missing = sorted(set(list_files()) - names)
    if missing:
        raise ReleaseError(f"The sdist lacks {', '.join(missing)}. MANIFEST.in decides what it holds.")
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    epoch = {"SOURCE_DATE_EPOCH": str(read_commit_time())}
    _run_here(["-m", "pip", "wheel", *options, str(sdist), "-w", str(scratch / "wheel")], scratch, **epoch)
    made = next((scratch / "wheel").glob("*.whl"))
    if made.read_bytes() != wheel.read_bytes():
        raise ReleaseError(f"The wheel that pip makes of the sdist differs: {made}, {wheel}.")
    return next((scratch / "sdist").iterdir())


def check_program(place: IsolatedEnvironment, version: str) -> None:
    """Start what is installed: versions, help, settings, two steps of the demo, an enlargement, the window."""
    for name in _NAMES:
        (place.current / f"{name}.py").write_text("raise SystemExit('another module')", encoding="utf-8")
    train, tools, window = map(place.script, ("wqv-upscale-trainer", "wqv-upscale-tools", "wqv-upscale-trainer-gui"))
    workspace, photo = place.folder / "runs ä" / "demo", place.folder / "capture é.png"
    alone = [str(place.python), "-I", "-c"]
    with place.connected():
        _expect(place.run([train, "--version"]), rf"wqv-upscale-trainer {re.escape(version)}$")
        _expect(place.run([*alone, _HELP, "--help"]), "--monochrome")
        _expect(place.run([tools, "--help"]), "enlarge")
        _expect(place.run([train, "--demo", str(workspace), *_SMALL, "--config-only"]), '"scale": 2')
        place.run([train, "--demo", str(workspace), *_SMALL])
        _expect_file(workspace / "models" / "wqv_neosr_x2.pth")
        Image.linear_gradient("L").resize((120, 120)).save(photo)
        place.run([tools, "enlarge", str(photo), "-o", str(place.folder / "enlarged")])
        _expect_file(place.folder / "enlarged" / photo.name)
        if os.name != "nt":  # there its texts are shown in boxes
            _expect(place.run([window, "--version"]), version)
        demo = place.folder / "runs ä" / "window"
        place.run([*alone, _WINDOW, str(demo), "--demo", "--start"], code=_INTERRUPTED)
        _expect_file(demo / "checkpoints")
        _expect(place.run([*alone, _MANUAL]), "# Manual")


def check_sdist_install(place: IsolatedEnvironment, sdist: Path, version: str) -> None:
    """Let pip install the sdist itself, and start what is installed."""
    place.install_sdist(sdist)
    check_program(place, version)


def check_upgrade_and_removal(place: IsolatedEnvironment, wheel: Path, version: str, scratch: Path) -> None:
    """Put an older version in place, upgrade it while a workspace of it is there, and remove the program."""
    before = place.list_files()
    place.install(_build_older(scratch))
    gone = place.site / "app" / "gone.py"
    _expect_file(gone)
    workspace = place.folder / "runs ä" / "older"
    train = place.script("wqv-upscale-trainer")
    with place.connected():
        place.run([train, "--demo", str(workspace), *_SMALL])
    place.install(wheel)
    if gone.exists():
        raise ReleaseError(f"The upgrade left a module of the older version: {gone}.")
    with place.connected():
        _expect(place.run([train, "--version"]), re.escape(version))
        place.run([train, "--demo", str(workspace), "--resume", "latest", "--steps", "3"])
    kept = _contents(place.folder / "runs ä")
    place.pip("uninstall", "--quiet", "--yes", "wqv-upscale-trainer")
    left = sorted(place.list_files() - before)
    if left:
        raise ReleaseError(f"After the removal there are still {', '.join(left)}.")
    if _contents(place.folder / "runs ä") != kept:
        raise ReleaseError("The removal changed a workspace.")


def check_tests(unpacked: Path) -> None:
    """Run the tests from the unpacked sdist, all but the long ones, and every command that the documents show."""
    options = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    documents = "tests/e2e/test_shown_commands.py"
    for tests in (["tests/core"], ["tests/gui", "tests/e2e", f"--ignore={documents}"], ["--long", documents]):
        _run_here([*options, *tests], unpacked, PYTHONPATH=str(unpacked))


def _build_older(scratch: Path) -> Path:
    """Build a wheel of an older version number, with one module more than there is now."""
    tree = copy_tree(scratch / "older source")
    main = tree / "trainer_core" / "__init__.py"
    main.write_text(re.sub(r'__version__ = ".*"', '__version__ = "0.0.1"', main.read_text("utf-8")), encoding="utf-8")
    (tree / "app" / "gone.py").write_text('"""A module that the next version lacks."""\n', encoding="utf-8")
    return build(tree, scratch / "older")[0]


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _run_here(arguments: list[str], folder: Path, **variables: str) -> None:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True)
    if done.returncode:
        raise ReleaseError(f"Exit code {done.returncode}: {command}\n{done.stdout[-6000:]}{done.stderr[-6000:]}")


def _expect(text: str, pattern: str) -> None:
    if not re.search(pattern, text, re.MULTILINE):
        raise ReleaseError(f"{pattern} is not in what was printed:\n{text}")


def _expect_file(path: Path) -> None:
    if not path.exists():
        raise ReleaseError(f"{path} was not written.")


def _step(title: str, begin: float) -> None:
    print(f"== {time.monotonic() - begin:5.0f} s  {title}", flush=True)


def check(scratch: Path, out: Path | None, quick: bool) -> None:
    """Do everything, below a folder that is empty."""
    begin = time.monotonic()
    _step("build twice", begin)
    wheel, sdist = check_reproducible(scratch)
    version = wheel.name.split("-")[1]
    _step("metadata", begin)
    check_metadata(wheel, sdist)
    _step("contents of the sdist", begin)
    unpacked = check_sdist(wheel, sdist, scratch)
    _step("install and start", begin)
    place = IsolatedEnvironment(scratch / "fresh")
    place.install(wheel)
    check_program(place, version)
    more: list[tuple[str, Callable[[], None]]] = [
        (
            "install the sdist and start",
            lambda: check_sdist_install(IsolatedEnvironment(scratch / "sdist ö"), sdist, version),
        ),
        (
            "upgrade and remove",
            lambda: check_upgrade_and_removal(IsolatedEnvironment(scratch / "upgrade"), wheel, version, scratch),
        ),
        ("tests and documented commands of the sdist", lambda: check_tests(unpacked)),
    ]
    for title, work in () if quick else more:
        _step(title, begin)
        work()
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for file in (wheel, sdist):
            shutil.copyfile(file, out / file.name)
    _step("all passed", begin)


def main() -> int:
    """Check, print the steps, and return 1 with a sentence if one fails."""
    parser = argparse.ArgumentParser(prog="release.check", description="Build wheel and sdist and try them.")
    parser.add_argument("--quick", action="store_true", help="without upgrade, removal and the tests of the sdist")
    parser.add_argument("--out", type=Path, help="folder for the two files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary, _FOLDER)
        scratch.mkdir()
        try:
            check(scratch, options.out.absolute() if options.out else None, options.quick)
        except ReleaseError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
