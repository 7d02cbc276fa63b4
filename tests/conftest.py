"""Shared by all tests: the option `--long`, and a check that CI has all packages and programs.

A test file is named after the module or the package that it tests, with the package in front where the name alone says
too little (`test_weights_export.py`); tests of the whole program are named after their subject (`test_leaks.py`).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

# The networks of the tests are tiny: more threads would only wait for each other, above all on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# In a background job of a script signals may be ignored, and the programs under test would rightly ignore them, too.
for _name, _handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if getattr(signal, _name, None) and signal.getsignal(getattr(signal, _name)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _name), _handler)

# Tests skip without these; under CI that would hide that nothing was checked. The versions are those of pyproject.toml.
_NEEDED_BESIDE_TORCH = (
    "tensorboard",
    "hypothesis",
    "safetensors",
    "PySide6",
    "pyqtgraph",
    "pytestqt",
    *(("spandrel", "torchvision") if sys.version_info >= (3, 10) else ()),
    *(("onnx", "onnxruntime") if sys.version_info >= (3, 11) else ()),
)
_NEEDED_PROGRAMS = ("Xvfb", "xdotool")


def _declare_torchvision_operators() -> object:
    """Let spandrel be imported beside a CPU torch: it needs torchvision, whose CUDA build then misses two operators.

    Neither is ever called by the architectures tested here. The library object must stay alive. Beside a CUDA build of
    torch, or with a CPU build of torchvision, declaring them again would abort Python.
    """
    import torch

    found = importlib.util.find_spec("torchvision")
    assert found is not None and found.origin is not None
    if torch.version.cuda or "+cu" not in Path(found.origin).with_name("version.py").read_text("utf-8"):
        return None
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    return library


if importlib.util.find_spec("torch") and importlib.util.find_spec("torchvision"):
    _torchvision_operators = _declare_torchvision_operators()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes")


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI") and importlib.util.find_spec("torch"):
        missing = [name for name in _NEEDED_BESIDE_TORCH if importlib.util.find_spec(name) is None]
        if sys.platform.startswith("linux"):
            missing += [name for name in _NEEDED_PROGRAMS if shutil.which(name) is None]
        if not config.pluginmanager.has_plugin("pytest-qt"):
            missing.append("the window's libraries")
        if missing:
            raise pytest.UsageError(f"tests would be skipped, because these are not installed: {', '.join(missing)}")


@pytest.fixture(autouse=True)
def _normal_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run in the process of the tests keep its priority, which could not be raised again."""
    monkeypatch.setattr("trainer_core.priority._LOW_NICENESS", -20)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if "long" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="takes minutes; run with --long"))


def pytest_ignore_collect(collection_path: os.PathLike[str], config: pytest.Config) -> bool | None:
    """Without Qt's plugin (`-p no:pytest-qt`: run.py found no libraries for a window) leave the window out."""
    window = os.path.basename(collection_path) == "gui"
    return True if window and not config.pluginmanager.has_plugin("pytest-qt") else None
