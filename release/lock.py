"""The lock `lock.txt`: versions and hashes of all that the program needs, for every system and Python.

    python -m release.lock            make it again; asks the index, needs uv (`pip install uv`)
    python -m release.lock --check    whether it is in step with constraints.txt; needs no network

`pip install --require-hashes -r lock.txt` installs exactly that, or nothing. The versions are those of
`constraints.txt`, which is edited first. `lock-cpu.txt` is the same without PyTorch and the CUDA libraries that it
needs on Linux, for those who install a build of PyTorch for processors first.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK, LOCK_CPU, CONSTRAINTS = ROOT / "lock.txt", ROOT / "lock-cpu.txt", ROOT / "constraints.txt"
EXTRAS = ("window", "tensorboard")
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
SYSTEMS = {"linux": "Linux", "win32": "Windows", "darwin": "Darwin"}  # sys_platform -> platform_system
_OF_TORCH = ("nvidia-", "cuda-", "triton")  # torch itself says which versions of these it needs
_HEADER = "# Made by `python -m release.lock` from pyproject.toml and constraints.txt; do not edit.\n"
_HEADER_CPU = "# Made by `python -m release.lock`: lock.txt without PyTorch and its CUDA libraries; do not edit.\n"


class Pin(NamedTuple):
    """A line of the lock, or of the constraints, without its hashes."""

    requirement: Requirement
    hashes: int

    @property
    def name(self) -> str:
        """Name of the package, in one spelling."""
        return canonicalize_name(self.requirement.name)


def parse(text: str) -> list[Pin]:
    """Return the pins of a file of requirements."""
    lines = re.sub(r"\\\n", " ", re.sub(r"#.*", "", text)).splitlines()
    found = ((line.split("--hash=")[0], line.count("--hash=sha256:")) for line in lines if line.strip())
    return [Pin(Requirement(words), hashes) for words, hashes in found]


def find_differences(lock: str, constraints: str) -> Iterator[str]:
    """Yield a sentence for each difference between the lock and the constraints, on any system and Python."""
    yield from (f"{pin.requirement} has no hash." for pin in parse(lock) if not pin.hashes)
    for system, python in ((system, python) for system in SYSTEMS for python in PYTHONS):
        wanted = applying(constraints, system, python)
        for name, version in applying(lock, system, python).items():
            if wanted.get(name) != version and not name.startswith(_OF_TORCH):
                place = f"with Python {python} on {SYSTEMS[system]}"
                yield f"{name}{version} in lock.txt is {name}{wanted.get(name, ' missing')} in constraints.txt {place}."


def without_torch(lock: str) -> str:
    """Return the text of `lock-cpu.txt`: the lock without torch and the libraries that only its CUDA build needs."""
    entries = re.split(r"^(?=[^\s#])", lock.removeprefix(_HEADER), flags=re.MULTILINE)
    return _HEADER_CPU + "".join(entry for entry in entries if not entry.startswith(("torch=", *_OF_TORCH)))


def applying(text: str, system: str, python: str) -> dict[str, str]:
    """Return name -> version, such as "==1.2", of the pins that count on a system with a Python."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_system": SYSTEMS[system],
        "os_name": "nt" if system == "win32" else "posix",
        "platform_machine": "arm64" if system == "darwin" else "x86_64",
    }
    return {
        pin.name: str(pin.requirement.specifier)
        for pin in parse(text)
        if pin.requirement.marker is None or pin.requirement.marker.evaluate(environment)
    }


def make() -> int:
    """Make the lock again and return the exit code."""
    uv = shutil.which("uv")
    if uv is None:
        print("uv is missing; install it with: python -m pip install uv", file=sys.stderr)
        return 1
    command = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", PYTHONS[0], "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--constraint", CONSTRAINTS.name, "pyproject.toml"]
    command += [word for extra in EXTRAS for word in ("--extra", extra)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode == 0:
        LOCK.write_text(_HEADER + done.stdout, encoding="utf-8")
        LOCK_CPU.write_text(without_torch(_HEADER + done.stdout), encoding="utf-8")
    return done.returncode


def main() -> int:
    """Make or check the lock, print the differences, and return 1 if there are some."""
    parser = argparse.ArgumentParser(prog="release.lock", description="Make or check lock.txt.")
    parser.add_argument("--check", action="store_true", help="only compare it with constraints.txt")
    code = 0 if parser.parse_args().check else make()
    lock = LOCK.read_text("utf-8")
    differences = list(find_differences(lock, CONSTRAINTS.read_text("utf-8"))) if code == 0 else []
    if LOCK_CPU.read_text("utf-8") != without_torch(lock):
        differences.append("lock-cpu.txt is not lock.txt without PyTorch.")
    for difference in differences:
        print(difference, file=sys.stderr)
    return code or int(bool(differences))


if __name__ == "__main__":
    sys.exit(main())
