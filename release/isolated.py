"""An environment of its own in which an artifact is installed and started, apart from the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from release.build import ReleaseError

_TIMEOUT = 600  # seconds of one command
_LEFT_OUT = ("PYTHON", "PIP_", "VIRTUAL_ENV", "QT_", "XDG_", "COV", "DISPLAY", "WAYLAND")  # variables, by their begin


class IsolatedEnvironment:
    """A virtual environment without packages, a home folder and a current folder below `folder`.

    The program's dependencies are those of the Python that runs this, seen only while `connected`, so that pip installs
    and removes nothing there and nothing has to be downloaded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home, self.current = folder / "home", folder / "current folder"
        for place in (self.home, self.current):
            place.mkdir(parents=True)
        venv.create(folder / "env", symlinks=os.name != "nt")
        self.scripts = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.scripts / ("python.exe" if os.name == "nt" else "python")
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        self.site = Path(self.run([str(self.python), "-I", "-c", code]).strip())

    def pip(self, *arguments: str) -> None:
        """Run pip for this environment, without an index."""
        command = [sys.executable, "-I", "-m", "pip", "--python", str(self.python), "--disable-pip-version-check"]
        self.run([*command, *arguments])

    def install(self, artifact: Path) -> None:
        """Install a wheel without its dependencies, in place of another version."""
        self.pip("install", "--quiet", "--no-deps", "--no-index", str(artifact))

    def install_sdist(self, sdist: Path) -> None:
        """Install an sdist without its dependencies; pip builds it with a copy of this Python's setuptools."""
        tools, link = self.folder / "build tools", self.site / "build_tools.pth"
        packages = Path(sysconfig.get_path("purelib"))
        for pattern in ("setuptools", "setuptools-*.dist-info", "_distutils_hack"):
            for folder in packages.glob(pattern):
                shutil.copytree(folder, tools / folder.name)
        link.write_text(f"{tools}\n", encoding="utf-8")
        try:
            self.pip("install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", str(sdist))
        finally:
            link.unlink()

    def list_files(self) -> set[str]:
        """Return the files of the environment as relative paths, without compiled Python files."""
        place = self.folder / "env"
        files = (path.relative_to(place).as_posix() for path in place.rglob("*") if not path.is_dir())
        return {name for name in files if "__pycache__" not in name}

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Make the dependencies importable."""
        link = self.site / "dependencies.pth"
        folders = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        link.write_text("".join(f"{folder}\n" for folder in folders), encoding="utf-8")
        try:
            yield
        finally:
            link.unlink()

    def script(self, name: str) -> str:
        """Return the path of an installed command."""
        found = [path for path in (self.scripts / name, self.scripts / f"{name}.exe") if path.is_file()]
        if not found:
            raise ReleaseError(f"The command {name} is not installed in {self.scripts}.")
        return str(found[0])

    def run(self, command: list[str], code: int = 0) -> str:
        """Run a command in the current folder and return what it prints.

        Raises:
            ReleaseError: it ends with another exit code, or not in time.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
        home = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(self.home))
        environment = {**kept, **home, "QT_QPA_PLATFORM": "offscreen", "PYTHONUTF8": "1"}
        try:
            done = subprocess.run(
                command,
                cwd=self.current,
                env=environment,
                capture_output=True,
                timeout=_TIMEOUT,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise ReleaseError(f"This did not end within {_TIMEOUT} seconds: {command}") from None
        output, errors = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        if done.returncode != code:
            raise ReleaseError(f"Exit code {done.returncode} instead of {code}: {command}\n{output}{errors}")
        return output
