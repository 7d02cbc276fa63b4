"""Sets everything up and starts the main job. Needs only Python 3.9 or newer; works on Linux, macOS and Windows.

    python3 run.py                    set up, then open the window with the built-in scenes filled in;
                                      where no window can open, say why and do as `demo`
    python3 run.py demo               set up, then train on built-in scenes in the terminal, for about two minutes
    python3 run.py test [ARGS...]     set up, then run all tests (ARGS go to pytest)
    python3 run.py train ARGS...      set up, then the trainer with these arguments
    python3 run.py tools ARGS...      set up, then the tools with these arguments
    python3 run.py setup              set up only

The set-up makes `.venv` beside this file, installs the project there at the versions of constraints.txt, and
the system libraries that the window needs. It is done again only when something changed.
"""

import sys

if sys.version_info < (3, 9):
    sys.exit(
        "Python 3.9 or newer is needed, this is %d.%d. Install a newer one (from python.org or your system's "
        "packages) and start this file with it, for example: python3.11 run.py" % sys.version_info[:2]
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

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "set-up.json"
DEMO_WORKSPACE = ROOT / "runs" / "demo"

# What Qt loads when a window opens: the library, and the Debian package that has it.
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
# Said by the environment's own Python, too: why no window can be opened, or nothing.
WINDOW_PROBE = "from app.__main__ import window_problem; print(window_problem())"
# Said by the environment's own Python: is everything there, and is its torch made for CUDA?
PROBE = """
import importlib.util, json, pathlib, sys
names = ("torch", "numpy", "PIL", "trainer_core")
found = {name: importlib.util.find_spec(name) for name in names}
version = pathlib.Path(found["torch"].origin).with_name("version.py").read_text() if found["torch"] else ""
print(json.dumps({"python": sys.version_info[:2], "complete": all(found.values()), "torch": version}))
"""


def main(arguments: "list[str]") -> int:
    """Set up and start what `arguments` name; the exit code of that job, 1 if the set-up failed, 2 for bad usage."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("window", [])
    if command in ("-h", "--help"):
        print(__doc__)
        return 0
    if command not in ("window", "demo", "test", "train", "tools", "setup"):
        known = "(nothing), demo, test, train, tools, setup"
        print("run.py knows: %s; not %s. See: run.py --help" % (known, command), file=sys.stderr)
        return 2
    try:
        set_up({"window", "dev"} if command == "test" else {"window"})
        if command == "setup":
            say("The set-up is complete.")
            return 0
        wanted = job(command, rest)
    except SetUpError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Interrupted; the set-up goes on at the next start.")
        return 130
    return start(wanted)


class SetUpError(Exception):
    """Why the set-up cannot go on, in a sentence for the user."""


def say(text: str) -> None:
    """Tell the user something, on standard error."""
    print("run.py: " + text, file=sys.stderr, flush=True)


def job(command: str, rest: "list[str]") -> "list[str]":
    """The arguments of the environment's Python for a command."""
    if command == "test":
        missing = missing_libraries()
        if missing:
            say("The window's tests are left out, because libraries are missing: %s" % ", ".join(missing))
        os.chdir(ROOT)  # pytest finds its settings there
        return ["-m", "pytest", *(["-p", "no:pytest-qt"] if missing else []), *rest]
    if command == "tools":
        return ["-m", "trainer_core.tools", *rest]
    if command == "window":
        reason = window_problem()
        if not reason:
            return ["-m", "app", "--demo", str(DEMO_WORKSPACE)]
        say("%s So this trains in the terminal." % reason)
        command = "demo"
    return ["-m", "trainer_core", *(["--demo", str(DEMO_WORKSPACE)] if command == "demo" else rest)]


def window_problem() -> str:
    """Why no window can be seen here, in a sentence, or ""."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform in ("offscreen", "minimal"):
        return "No window would be seen (QT_QPA_PLATFORM is %s)." % platform
    command = [str(PYTHON), "-I", "-c", WINDOW_PROBE]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode != 0:
        return "Whether a window can be opened could not be found out."
    return done.stdout.decode("utf-8", "replace").strip()


def start(arguments: "list[str]") -> int:
    """Run the environment's Python in the place of this one, so that signals and exit codes are its own."""
    sys.stdout.flush()
    command = [str(PYTHON), *arguments]
    if os.name == "posix":
        os.execv(str(PYTHON), command)
    child = subprocess.Popen(command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the child as well, which saves and leaves
    return child.wait()


def set_up(extras: "set[str]") -> None:
    """Make the environment complete; quick when nothing changed.

    Raises:
        SetUpError: Python's venv module is missing, or an installation failed.
    """
    state = probe()
    if state is None or tuple(state["python"]) < (3, 9):
        make_environment()
    stamp = read_stamp()
    wanted = fingerprint()
    installed = set(stamp.get("extras", ()))
    if not (state and state["complete"] and stamp.get("fingerprint") == wanted and extras <= installed):
        install(extras | installed)
        stamp = {"fingerprint": wanted, "extras": sorted(extras | installed)}
        state = probe()
    stamp["packages_tried"] = install_libraries(stamp.get("packages_tried", []))
    if stamp != read_stamp():
        STAMP.write_text(json.dumps(stamp), encoding="utf-8")
    warn_of_unused_gpu(state["torch"] if state else "")


def probe() -> "dict | None":
    """What PROBE says, or None when there is no working environment."""
    try:
        done = subprocess.run([str(PYTHON), "-I", "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError):
        return None


def make_environment() -> None:
    """Make `.venv`, in the place of a broken one."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        package = "python%d.%d-venv" % sys.version_info[:2]
        if not apt_install([package]):
            raise SetUpError(
                "Python's venv module is missing. On Debian and Ubuntu install it with: sudo apt-get install -y %s ; "
                "elsewhere install Python from python.org. Then start run.py again." % package
            )
    say("Making the environment %s" % VENV)
    if subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]) != 0:
        raise SetUpError("The environment %s could not be made (see above)." % VENV)


def install(extras: "set[str]") -> None:
    """Install the project and what it needs, at the versions of constraints.txt."""
    say("Installing (the first time this takes some minutes)")
    target = "%s[%s]" % (ROOT, ",".join(sorted(extras)))
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--editable", target]
    if subprocess.call([*command, "--constraint", str(ROOT / "constraints.txt")], cwd=str(ROOT)) != 0:
        raise SetUpError("pip could not install everything (see above). Check the network, then start run.py again.")


def fingerprint() -> str:
    """A hash that changes when the installation has to be done again."""
    digest = hashlib.sha256(str(ROOT).encode("utf-8", "surrogateescape"))  # an editable install knows its folder
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def read_stamp() -> "dict":
    """What the last complete installation left, or nothing."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        return stamp if isinstance(stamp, dict) else {}
    except (OSError, ValueError):
        return {}


def missing_libraries() -> "list[str]":
    """Libraries that a window needs and this system cannot load (Linux; elsewhere Qt brings its own)."""
    return [name for name in QT_LIBRARIES if not loads(name)] if sys.platform.startswith("linux") else []


def loads(library: str) -> bool:
    """Whether the system finds a shared library."""
    try:
        ctypes.CDLL(library)
        return True
    except OSError:
        return False


def install_libraries(tried: "list[str]") -> "list[str]":
    """Install missing system libraries, or name the command that does; training without a window needs none.

    Args:
        tried: packages that could not be installed before, and are only named now.

    Returns:
        the packages that are still missing.
    """
    packages = [QT_LIBRARIES[name] for name in missing_libraries()]
    if sys.platform.startswith("linux") and not has_screen():  # the tests bring a screen and hands of their own
        packages += [package for program, package in TEST_PROGRAMS.items() if shutil.which(program) is None]
    if not packages or (packages != tried and apt_install(packages)):
        return []
    if shutil.which("apt-get"):
        advice = "sudo apt-get update && sudo apt-get install -y %s" % " ".join(packages)
    else:
        advice = "your system's package manager; on Debian they are called %s" % " ".join(packages)
    say("The window (not the training) needs system packages that are missing. Install them with: %s" % advice)
    return packages


def has_screen() -> bool:
    """Whether a window could be shown."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def apt_install(packages: "list[str]") -> bool:
    """Install Debian packages without questions, if this is root on such a system; whether it worked."""
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    say("Installing system packages: %s" % " ".join(packages))
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    subprocess.call(["apt-get", "update", "-qq"], env=environment)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    return subprocess.call(command, env=environment, stdout=subprocess.DEVNULL) == 0


def warn_of_unused_gpu(torch_version: str) -> None:
    """Name an NVIDIA GPU that the installed torch cannot use, with the command that changes it.

    Args:
        torch_version: the text of torch/version.py.
    """
    number = re.search(r"__version__ = '([\d.]+)", torch_version)
    if number is None or not re.search(r"^cuda\b.*= None", torch_version, re.MULTILINE):
        return
    gpu = nvidia_gpu()
    if gpu:
        build = "cu128" if number.group(1).startswith("2.8.") else "cu130"
        say(
            "%s is here, but the installed torch computes on the processor only. For the GPU:\n"
            '  "%s" -m pip install torch==%s+%s --index-url https://download.pytorch.org/whl/%s\n'
            "(GPUs before the RTX 20 series: cu126 in both places)" % (gpu, PYTHON, number.group(1), build, build)
        )


def nvidia_gpu() -> str:
    """The name of the first NVIDIA GPU as its driver gives it, or ""."""
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
