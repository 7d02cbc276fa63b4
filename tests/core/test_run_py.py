"""run.py: what it installs and when, what it says when something is missing, and that it hands over cleanly."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest

import run as set_up

ROOT = Path(__file__).resolve().parents[2]
CPU_TORCH = "__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\nhip: Optional[str] = None\n"
CUDA_TORCH = "__version__ = '2.13.0+cu130'\ncuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n"
ROCM_TORCH = "__version__ = '2.13.0+rocm7.2'\ncuda: Optional[str] = None\nhip: Optional[str] = '7.2'\n"
XPU_TORCH = "__version__ = '2.13.0+xpu'\ncuda: Optional[str] = None\nhip = None\nxpu: Optional[str] = '2025'\n"
posix = pytest.mark.skipif(os.name != "posix", reason="uses shell scripts as stand-ins for programs")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """run.py as a module, moved to an empty project, where nothing can be installed by accident."""
    spec = importlib.util.spec_from_file_location("run_under_test", ROOT / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("a")
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "set-up.json")
    monkeypatch.setattr(module.subprocess, "call", lambda *a, **k: pytest.fail(f"ran {a}"))
    monkeypatch.setattr(module, "can_load", lambda library: True)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    return module


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n" + script + "\n")
    path.chmod(0o755)


def set_ups(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """From here on installations are only recorded, by their extras."""
    done: list[set[str]] = []
    monkeypatch.setattr(run, "install", done.append)
    monkeypatch.setattr(run, "probe", lambda: {"python": [3, 11], "complete": True, "torch": ""})
    return done


def test_it_installs_again_only_when_something_changed(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    done = set_ups(run, monkeypatch)
    run.set_up({"window"})
    run.set_up({"window"})
    assert done == [{"window"}]
    run.set_up({"window", "dev"})
    run.set_up({"window"})
    assert done[1:] == [{"window", "dev"}]
    (run.ROOT / "constraints.txt").write_text("b")
    run.set_up({"window"})
    assert done[2:] == [{"window", "dev"}]


def test_a_failed_installation_is_tried_again_and_ends_with_a_sentence(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_ups(run, monkeypatch)
    monkeypatch.setattr(run, "install", lambda extras: (_ for _ in ()).throw(run.SetUpError("pip failed.")))
    assert run.main([]) == 1
    assert "pip failed." in capsys.readouterr().err
    assert not run.STAMP.exists()


def test_ctrl_c_during_the_installation_leaves_no_traceback(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    set_ups(run, monkeypatch)
    monkeypatch.setattr(run, "install", lambda extras: (_ for _ in ()).throw(KeyboardInterrupt()))
    assert run.main([]) == 130
    assert not run.STAMP.exists()


def test_a_broken_environment_is_replaced(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    done = set_ups(run, monkeypatch)
    states = iter([None, {"python": [3, 11], "complete": True, "torch": ""}])
    monkeypatch.setattr(run, "probe", lambda: next(states))
    made: list[bool] = []
    monkeypatch.setattr(run, "make_environment", lambda: made.append(True))
    run.set_up({"window"})
    assert made == [True]
    assert done == [{"window"}]


def test_the_probe_knows_a_working_interpreter_from_a_broken_one(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PYTHON", Path(sys.executable))
    assert run.probe()["python"] == list(sys.version_info[:2])
    monkeypatch.setattr(run, "PYTHON", run.ROOT / "absent")
    assert run.probe() is None


def test_a_missing_venv_module_is_named_with_the_command(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(run.SetUpError, match=r"sudo apt-get install -y python3\.\d+-venv"):
        run.make_environment()


@posix
def test_root_on_debian_gets_missing_libraries_installed_without_questions(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    log = tmp_path / "log"
    program(tmp_path / "programs", "apt-get", f'echo "$DEBIAN_FRONTEND $*" >> {log}')
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(run.sys, "platform", "linux")
    monkeypatch.setattr(run.os, "geteuid", lambda: 0)
    monkeypatch.setattr(run, "can_load", lambda library: library != "libEGL.so.1")
    assert run.install_libraries([]) == []
    update, install = log.read_text().splitlines()
    assert update.startswith("noninteractive update")
    assert install.startswith("noninteractive install -y")
    assert install.endswith("libegl1 xvfb xdotool")


@posix
def test_anyone_else_is_told_the_exact_command_and_training_goes_on(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(tmp_path / "programs", "apt-get", "exit 1")
    monkeypatch.setattr(run.sys, "platform", "linux")
    monkeypatch.setattr(run.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(run, "can_load", lambda library: library != "libGL.so.1")
    assert run.install_libraries([]) == ["libgl1"]
    assert "sudo apt-get update && sudo apt-get install -y libgl1" in capsys.readouterr().err


def test_packages_that_could_not_be_installed_are_not_tried_at_every_start(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_ups(run, monkeypatch)
    tried: list[list[str]] = []
    monkeypatch.setattr(run.sys, "platform", "linux")
    monkeypatch.setattr(run, "apt_install", tried.append)  # installs nothing, returns None: it failed
    monkeypatch.setattr(run, "can_load", lambda library: library != "libGL.so.1")
    run.set_up({"window"})
    run.set_up({"window"})
    assert tried == [["libgl1"]]


@posix
@pytest.mark.parametrize(
    ("torch", "expected"),
    [(CPU_TORCH, True), (CUDA_TORCH, False), (ROCM_TORCH, False), (XPU_TORCH, False), ("", False)],
)
def test_a_gpu_that_torch_cannot_use_is_named_with_the_command(
    run: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], torch: str, expected: bool
) -> None:
    program(tmp_path / "programs", "nvidia-smi", "echo NVIDIA Example 9000")
    run.warn_of_unused_gpu(torch)
    said = capsys.readouterr().err
    assert ("NVIDIA Example 9000" in said) is expected
    assert ("pip install torch==2.13.0+cu130 --index-url" in said) is expected


@pytest.mark.parametrize(
    ("system", "path", "expected"),
    [
        ("posix", "/home/me/.venv/bin/python", "/home/me/.venv/bin/python"),
        ("posix", "/home/my name/python", '"/home/my name/python"'),
        ("nt", "C:/me/python.exe", "C:/me/python.exe"),
        ("nt", "C:/my name/python.exe", '& "C:/my name/python.exe"'),
    ],
)
def test_the_command_can_be_pasted_into_a_terminal(
    run: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    system: str,
    path: str,
    expected: str,
) -> None:
    monkeypatch.setattr(run, "PYTHON", PurePosixPath(path))
    monkeypatch.setattr(run, "find_nvidia_gpu", lambda: "NVIDIA Example 9000")
    with monkeypatch.context() as patched:
        patched.setattr(os, "name", system)
        run.warn_of_unused_gpu(CPU_TORCH)
    assert f"\n  {expected} -m pip install torch==2.13.0+cu130 " in capsys.readouterr().err


@posix
def test_a_gpu_whose_driver_fails_is_not_mentioned(
    run: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(tmp_path / "programs", "nvidia-smi", "echo no devices; exit 9")
    run.warn_of_unused_gpu(CPU_TORCH)
    assert capsys.readouterr().err == ""


@posix
def test_without_a_gpu_the_smaller_torch_is_offered_once(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run.sys, "platform", "linux")
    monkeypatch.setattr(run.subprocess, "call", lambda *a, **k: 0)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    command = "PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu python3 run.py"
    run.install({"window"})
    said, manual = capsys.readouterr().err, (ROOT / "docs" / "manual.md").read_text("utf-8")
    assert command in said and command in manual
    assert "Found no NVIDIA GPU." in said
    assert 'see docs/manual.md, "Which device trains"' in said and "\n## Which device trains\n" in manual
    program(Path(os.environ["PATH"]), "nvidia-smi", "echo failed; exit 9")
    run.install({"window"})
    said = capsys.readouterr().err
    assert command in said and "No NVIDIA driver answers: nvidia-smi fails." in said and "Found no" not in said
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://download.pytorch.org/whl/cpu")
    run.install({"window"})
    assert "PIP_EXTRA" not in capsys.readouterr().err
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL")
    torch = run.VENV / "lib" / "python3.11" / "site-packages" / "torch"
    torch.mkdir(parents=True)
    (torch / "version.py").write_text(CUDA_TORCH)
    run.install({"window"})
    assert "PIP_EXTRA" not in capsys.readouterr().err
    shutil.rmtree(torch)
    program(Path(os.environ["PATH"]), "nvidia-smi", "echo GPU")
    run.install({"window"})
    assert "PIP_EXTRA" not in capsys.readouterr().err


def test_without_libraries_the_tests_run_without_the_window(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert "no:pytest-qt" not in run.job_arguments("test", [])
    monkeypatch.setattr(run.sys, "platform", "linux")
    monkeypatch.setattr(run, "can_load", lambda library: False)
    assert run.job_arguments("test", ["-x"])[:4] == ["-m", "pytest", "-p", "no:pytest-qt"]


@posix
def test_where_changes_are_checked_the_window_s_tests_cannot_be_left_out(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:pytest-qt", "-p", "no:cacheprovider", "--collect-only", __file__],
        cwd=ROOT,
        env={**os.environ, "CI": "true", "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "the window's libraries" in done.stderr
    if sys.platform.startswith("linux"):
        assert "Xvfb, xdotool" in done.stderr


def test_a_file_in_the_current_folder_shadows_nothing(
    run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the photos may hold an app.py, or a module that Python itself has."""
    for name in ("app", "resources", "trainer_core", "argparse", "runpy", "json", "venv"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    for command, rest in (("tools", ["--help"]), ("train", ["--version"])):
        arguments = [sys.executable, *run.job_arguments(command, rest)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "") and "wqv-upscale-t" in done.stdout
    monkeypatch.setattr(run, "window_problem", lambda: "")
    arguments = [sys.executable, *run.job_arguments("window", [])[:2], "--version"]
    done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and "wqv-upscale-trainer-gui" in done.stdout


def test_a_file_in_the_current_folder_does_not_shadow_what_run_py_itself_imports(tmp_path: Path) -> None:
    if set_up.read_stamp().get("fingerprint") != set_up.compute_fingerprint():
        pytest.skip("run.py has not set up this folder, so it would install packages")
    for name in ("app", "argparse", "json", "subprocess", "venv"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    arguments = [sys.executable, str(ROOT / "run.py"), "tools", "--help"]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "wqv-upscale-tools" in done.stdout, done.stderr


def test_an_unknown_command_is_a_usage_error(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["trian"]) == 2
    assert "unknown command trian" in capsys.readouterr().err


def test_its_syntax_is_old_enough_to_reach_the_sentence_about_old_pythons() -> None:
    assert ast.parse((ROOT / "run.py").read_text(encoding="utf-8"), feature_version=(3, 6)).body


def test_an_old_python_gets_a_message_with_the_needed_version() -> None:
    home = Path.home() / ".pyenv" / "versions"
    found = [shutil.which(f"python3.{minor}") for minor in (6, 7, 8)] + sorted(
        map(str, home.glob("3.[678].*/bin/python"))
    )
    for python in filter(None, found):
        done = subprocess.run([python, str(ROOT / "run.py")], capture_output=True, text=True)
        if "3.9 or newer is required" in done.stderr:
            assert done.returncode == 1
            assert "Traceback" not in done.stderr
            return
        assert "pyenv" in done.stderr, done.stderr  # a shim of a version that is not switched on
    pytest.skip("no Python older than 3.9 on this machine")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of run.py whose environment is complete, its Python a script that tells how it was called."""
    shutil.copy(ROOT / "run.py", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("a")
    state = json.dumps({"python": [3, 11], "complete": True, "torch": ""})
    script = f"""case "$3" in window-problem) echo "$WINDOW_PROBLEM"; exit 0;; esac
[ "$1" = -I ] && echo '{state}' && exit 0
echo "$@"
[ "$3" = hang ] && trap 'exit 130' INT && trap 'exit 143' TERM && while :; do /bin/sleep 0.05; done
exit 7"""
    (tmp_path / ".venv").mkdir()
    program(tmp_path / ".venv" / "bin", "python", script)
    code = "import sys; sys.path.insert(0, '.'); import run; print(run.compute_fingerprint())"
    wanted = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    stamp = {"fingerprint": wanted.stdout.strip(), "extras": ["dev", "tensorboard", "window"], "packages_tried": []}
    (tmp_path / ".venv" / "set-up.json").write_text(json.dumps(stamp))
    return tmp_path


def start(project: Path, *arguments: str, window_problem: str = "") -> subprocess.Popen[str]:
    def hear_ctrl_c() -> None:
        """Where the tests run in a shell's background it is ignored, and children inherit that."""
        signal.signal(signal.SIGINT, signal.default_int_handler)

    return subprocess.Popen(
        [sys.executable, str(project / "run.py"), *arguments],
        env={"PATH": "", "DISPLAY": ":0", "WINDOW_PROBLEM": window_problem},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c if os.name == "posix" else None,
    )


@posix
@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        ([], "window"),
        (["demo"], "train --demo {root}/runs/demo"),
        (["train", "photos", "runs/x4"], "train photos runs/x4"),
        (["tools", "inspect", "a b.pth"], "tools inspect a b.pth"),
        (["enlarge", "a b.png", "-o", "c"], "tools enlarge a b.png -o c"),
    ],
)
def test_a_complete_environment_is_used_at_once_and_its_exit_code_passed_on(
    project: Path, arguments: list[str], called: str
) -> None:
    process = start(project, *arguments)
    out, _ = process.communicate(timeout=30)
    assert out.strip() == f"{project}/wqv_upscale_trainer.py {called.format(root=project)}"
    assert process.returncode == 7


@posix
def test_without_a_window_the_demo_runs_in_the_terminal_and_the_reason_is_said(project: Path) -> None:
    process = start(project, window_problem="There is no display.")
    out, said = process.communicate(timeout=30)
    assert out.strip() == f"{project}/wqv_upscale_trainer.py train --demo {project}/runs/demo"
    assert "There is no display. Training in the terminal instead." in said
    assert process.returncode == 7


@posix
def test_the_environment_is_asked_whether_a_window_can_open(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PySide6")
    monkeypatch.setattr(run, "PYTHON", Path(sys.executable))
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert "offscreen" in run.window_problem()
    monkeypatch.delenv("QT_QPA_PLATFORM")
    if sys.platform.startswith("linux"):
        assert "no display" in run.window_problem()
    monkeypatch.setattr(run, "PYTHON", Path("/bin/false"))
    assert "Could not check whether a window can open" in run.window_problem()


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_reach_the_job_and_its_answer_comes_back(project: Path, number: signal.Signals, code: int) -> None:
    process = start(project, "train", "hang")
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == code
