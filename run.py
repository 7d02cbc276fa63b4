"""Set up the project and start it. Needs only Python 3.9 or newer; works on Linux, macOS and Windows.

    python3 run.py                    set up, then open the window; if no window can open, print the reason and run
                                      `demo`
    python3 run.py enlarge PHOTOS... -o DIR
                                      set up, then enlarge photos of a watch with the built-in models
    python3 run.py demo               set up, then train on built-in scenes in the terminal for about two minutes
    python3 run.py test [ARGS...]     set up, then run all tests (pytest gets ARGS)
    python3 run.py train ARGS...      set up, then run the trainer with these arguments
    python3 run.py tools ARGS...      set up, then run the tools with these arguments
    python3 run.py setup              set up only

The setup creates `.venv` beside this file, installs the project into it with the versions in constraints.txt, and
installs the system libraries that the window needs. It runs again only when something has changed.
"""

import sys

if sys.version_info < (3, 9):
    sys.exit(
        "This is Python %d.%d, but 3.9 or newer is required. Install a newer one (from python.org or your system's "
        "packages) and run this file with it, for example: python3.11 run.py" % sys.version_info[:2]
    )

import ctypes
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "set-up.json"
DEMO_WORKSPACE = ROOT / "runs" / "demo"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"  # builds of PyTorch without CUDA

# Libraries that Qt loads when a window opens, and the Debian packages that contain them.
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
TEST_PROGRAMS = {"Xvfb": "xvfb", "xdotool": "xdotool"}
# Starts the programs of this project, for the Python of .venv.
LAUNCHER = ROOT / "wqv_upscale_trainer.py"
# For the Python of .venv: print whether everything is installed, and which build of torch.
PROBE = """
import importlib.util, json, pathlib, sys
names = ("torch", "numpy", "PIL", "trainer_core")
found = {name: importlib.util.find_spec(name) for name in names}
version = pathlib.Path(found["torch"].origin).with_name("version.py").read_text() if found["torch"] else ""
print(json.dumps({"python": sys.version_info[:2], "complete": all(found.values()), "torch": version}))
"""


def main(arguments: "list[str]") -> int:
    """Set up, start the requested command and return its exit code; 1 if the setup failed, 2 for bad usage."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("window", [])
    if command in ("-h", "--help"):
        print(__doc__)
        return 0
    if command not in ("window", "enlarge", "demo", "test", "train", "tools", "setup"):
        known = "enlarge, demo, test, train, tools, setup (or nothing)"
        print("run.py: unknown command %s. Use one of: %s. See: run.py --help" % (command, known), file=sys.stderr)
        return 2
    try:
        set_up({"window", "tensorboard", *(["dev"] if command == "test" else [])})
        if command == "setup":
            report("Setup complete.")
            return 0
        job = job_arguments(command, rest)
    except SetUpError as error:
        report(str(error))
        return 1
    except KeyboardInterrupt:
        report("Interrupted. Start run.py again to continue the setup.")
        return 130
    return start(job)


class SetUpError(Exception):
    """A problem that ends the setup, as a sentence for the user."""


def report(text: str) -> None:
    """Print a message for the user to standard error."""
    print("run.py: " + text, file=sys.stderr, flush=True)


def job_arguments(command: str, rest: "list[str]") -> "list[str]":
    """Return the arguments for the Python of `.venv` that run a command."""
    if command == "test":
        missing = find_missing_libraries()
        if missing:
            report("Skipping the window tests because libraries are missing: %s" % ", ".join(missing))
        os.chdir(ROOT)  # pytest reads its settings from the current folder
        return ["-m", "pytest", *(["-p", "no:pytest-qt"] if missing else []), *rest]
    if command in ("tools", "enlarge"):
        return [str(LAUNCHER), "tools", *(["enlarge"] if command == "enlarge" else []), *rest]
    if command == "window":
        reason = window_problem()
        if not reason:
            return [str(LAUNCHER), "window"]
        report("%s Training in the terminal instead." % reason)
        command = "demo"
    return [str(LAUNCHER), "train", *(["--demo", str(DEMO_WORKSPACE)] if command == "demo" else rest)]


def window_problem() -> str:
    """Return a sentence on why no window can be shown here, or ""."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform in ("offscreen", "minimal"):
        return "A window would be invisible (QT_QPA_PLATFORM is %s)." % platform
    command = [str(PYTHON), "-I", str(LAUNCHER), "window-problem"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode != 0:
        return "Could not check whether a window can open."
    return done.stdout.decode("utf-8", "replace").strip()


def start(arguments: "list[str]") -> int:
    """Run the Python of `.venv` in place of this one, so that signals reach it and its exit code is returned."""
    sys.stdout.flush()
    command = [str(PYTHON), *arguments]
    if os.name == "posix":
        os.execv(str(PYTHON), command)
    child = subprocess.Popen(command)
    for name in ("SIGINT", "SIGBREAK"):  # Ctrl+C and Ctrl+Break also reach the child, which saves and ends
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    return child.wait()


def set_up(extras: "set[str]") -> None:
    """Complete the environment; quick if nothing has changed.

    Raises:
        SetUpError: Python's venv module is missing, or an installation failed.
    """
    state = probe()
    if state is None or tuple(state["python"]) < (3, 9):
        make_environment()
    stamp = read_stamp()
    fingerprint = compute_fingerprint()
    installed = set(stamp.get("extras", ()))
    if not (state and state["complete"] and stamp.get("fingerprint") == fingerprint and extras <= installed):
        install(extras | installed)
        stamp = {"fingerprint": fingerprint, "extras": sorted(extras | installed)}
        state = probe()
    stamp["packages_tried"] = install_libraries(stamp.get("packages_tried", []))
    if stamp != read_stamp():
        STAMP.write_text(json.dumps(stamp), encoding="utf-8")
    warn_of_unused_gpu(state["torch"] if state else "")


def probe() -> "dict[str, Any] | None":
    """Return the output of PROBE, or None without a working environment."""
    try:
        done = subprocess.run([str(PYTHON), "-I", "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return dict(json.loads(done.stdout)) if done.returncode == 0 else None
    except (OSError, ValueError):
        return None


def make_environment() -> None:
    """Create `.venv`, replacing a broken one."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        package = "python%d.%d-venv" % sys.version_info[:2]
        if not apt_install([package]):
            raise SetUpError(
                "Python's venv module is missing. On Debian and Ubuntu, install it with: sudo apt-get install -y %s ; "
                "on other systems, install Python from python.org. Then start run.py again." % package
            )
    report("Creating the environment %s" % VENV)
    if subprocess.call([sys.executable, "-I", "-m", "venv", "--clear", str(VENV)]) != 0:
        raise SetUpError("The environment %s could not be created. See the messages above." % VENV)


def install(extras: "set[str]") -> None:
    """Install the project and its dependencies with the versions in constraints.txt."""
    report("Installing (this takes a few minutes the first time)")
    advise_small_torch()
    target = "%s[%s]" % (ROOT, ",".join(sorted(extras)))
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--editable", target]
    if subprocess.call([*command, "--constraint", str(ROOT / "constraints.txt")], cwd=str(ROOT)) != 0:
        raise SetUpError(
            "pip could not install everything. See the messages above, check the network connection, then "
            "start run.py again."
        )


def advise_small_torch() -> None:
    """Report how to get the smaller PyTorch on Linux without an NVIDIA GPU, where pip downloads the build for one."""
    has_torch = any(VENV.glob("lib*/python*/site-packages/torch/version.py"))
    index_is_chosen = any(os.environ.get(name) for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"))
    if sys.platform.startswith("linux") and not has_torch and not index_is_chosen and not find_nvidia_gpu():
        found = "Found no NVIDIA GPU."
        if shutil.which("nvidia-smi"):
            found = "No NVIDIA driver answers: nvidia-smi fails. To use an NVIDIA GPU, update its driver first."
        report(
            "%s PyTorch for such GPUs, several GB, also works without one; for a much smaller download press Ctrl+C, "
            "then run:\n  PIP_EXTRA_INDEX_URL=%s python3 run.py\n"
            '(for a GPU of AMD or Intel see docs/manual.md, "Which device trains")' % (found, CPU_INDEX)
        )


def compute_fingerprint() -> str:
    """Return a hash that changes when the installation must run again."""
    digest = hashlib.sha256(str(ROOT).encode("utf-8", "surrogateescape"))  # an editable install depends on its folder
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def read_stamp() -> "dict[str, Any]":
    """Read the record of the last complete installation; empty if there is none."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        return stamp if isinstance(stamp, dict) else {}
    except (OSError, ValueError):
        return {}


def find_missing_libraries() -> "list[str]":
    """Return libraries that a window needs and Linux cannot load; on other systems Qt includes them."""
    return [name for name in QT_LIBRARIES if not can_load(name)] if sys.platform.startswith("linux") else []


def can_load(library: str) -> bool:
    """Whether the system can load a shared library."""
    try:
        ctypes.CDLL(library)
        return True
    except OSError:
        return False


def install_libraries(tried: "list[str]") -> "list[str]":
    """Install missing system libraries, or print the command for it; training without a window needs none.

    Args:
        tried: packages whose installation failed before; they are not tried again.

    Returns:
        The packages that are still missing.
    """
    packages = [QT_LIBRARIES[name] for name in find_missing_libraries()]
    if sys.platform.startswith("linux") and not has_screen():  # the tests start an X server and send input to it
        packages += [package for program, package in TEST_PROGRAMS.items() if shutil.which(program) is None]
    if not packages or (packages != tried and apt_install(packages)):
        return []
    if shutil.which("apt-get"):
        advice = "sudo apt-get update && sudo apt-get install -y %s" % " ".join(packages)
    else:
        advice = "your system's package manager (Debian names: %s)" % " ".join(packages)
    report(
        "The window needs system packages that are missing; training works without them. Install them with: %s" % advice
    )
    return packages


def has_screen() -> bool:
    """Whether a window could be shown."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def apt_install(packages: "list[str]") -> bool:
    """Install Debian packages without prompts if possible (as root, with apt-get); return whether it worked."""
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    report("Installing system packages: %s" % " ".join(packages))
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    subprocess.call(["apt-get", "update", "-qq"], env=environment)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    return subprocess.call(command, env=environment, stdout=subprocess.DEVNULL) == 0


def warn_of_unused_gpu(torch_version: str) -> None:
    """Report an NVIDIA GPU beside a torch that uses only the CPU, with the command that installs another build.

    Args:
        torch_version: content of torch/version.py.
    """
    number = re.search(r"__version__ = '([\d.]+)", torch_version)
    builds = set(re.findall(r"^(?:cuda|hip|xpu)\b.*= (\S+)", torch_version, re.MULTILINE))
    if number is None or builds != {"None"}:
        return
    gpu = find_nvidia_gpu()
    if gpu:
        build = "cu128" if number.group(1).startswith("2.8.") else "cu130"
        report(
            "Found %s, but the installed torch uses only the CPU. To use the GPU, run:\n"
            "  %s -m pip install torch==%s+%s --index-url https://download.pytorch.org/whl/%s\n"
            "(for GPUs before the RTX 20 series, use cu126 in both places)"
            % (gpu, format_python(), number.group(1), build, build)
        )


def format_python() -> str:
    """Return the Python of `.venv` as a terminal takes it, on Windows PowerShell, where a quoted path needs an `&`."""
    path = str(PYTHON)
    if " " not in path:
        return path
    return '& "%s"' % path if os.name == "nt" else '"%s"' % path


def find_nvidia_gpu() -> str:
    """Return the name of the first NVIDIA GPU from its driver, or ""."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
