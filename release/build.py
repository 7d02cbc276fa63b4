"""Build the wheel and the sdist of this folder, with the same bytes each time.

    python -m release.build [--out dist]

What is built is what git lists, in its present state. All times in the archives are those of the last commit; owners
and permissions do not count. The wheel is built from the sdist. Needs the extra `dev`.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class ReleaseError(Exception):
    """What keeps this folder from being released, as a sentence."""


def list_files() -> list[str]:
    """Return the files of the repository, new ones included, as relative paths."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True)
    if done.returncode:
        raise ReleaseError(f"git does not list the files of {ROOT}. Run this in a clone of the repository.")
    names = sorted(set(os.fsdecode(done.stdout).split("\0")) - {""})
    return [name for name in names if (ROOT / name).is_file()]


def read_commit_time() -> int:
    """Return the time of the last commit, in seconds since 1970."""
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def copy_tree(target: Path) -> Path:
    """Copy the files of the repository to a new folder, with the time of the last commit; return the folder."""
    for name in list_files():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy)
        copy.chmod(0o755 if os.access(ROOT / name, os.X_OK) else 0o644)
    return target


def build(tree: Path, out: Path) -> tuple[Path, Path]:
    """Build the project in `tree` and return the paths of wheel and sdist in `out`.

    Raises:
        ReleaseError: it cannot be built.
    """
    epoch = read_commit_time()
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", scratch, str(tree)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "PYTHONPATH": ""}
        mask = os.umask(0o022)  # the permissions in the wheel
        try:
            done = subprocess.run(command, cwd=scratch, env=environment, capture_output=True, text=True)
        finally:
            os.umask(mask)
        if done.returncode:
            raise ReleaseError(f"The project could not be built:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        wheel, sdist = next(Path(scratch).glob("*.whl")), next(Path(scratch).glob("*.tar.gz"))
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wheel, out / wheel.name)
        _rewrite_sdist(sdist, out / sdist.name, epoch)
        return out / wheel.name, out / sdist.name


def _rewrite_sdist(source: Path, target: Path, epoch: int) -> None:
    """Copy an sdist with one order, time, owner and set of permissions."""
    with contextlib.ExitStack() as stack:
        old = stack.enter_context(tarfile.open(source))
        file = stack.enter_context(open(target, "wb"))
        packed = stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=epoch))
        new = stack.enter_context(tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT))
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.mtime, member.pax_headers = epoch, {}
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(member, old.extractfile(member) if member.isfile() else None)


def main() -> int:
    """Build into the folder of the command line and print the two paths."""
    parser = argparse.ArgumentParser(prog="release.build", description="Build wheel and sdist.")
    parser.add_argument("--out", type=Path, default=Path("dist"), help="where the files are written (default: dist)")
    out = parser.parse_args().out.absolute()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            print(*build(copy_tree(Path(scratch) / "source"), out), sep="\n")
        except ReleaseError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
