"""What all tests share: `--long`, and what must not be missing where CI runs."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
import types

import pytest

# The networks of the tests are tiny: more threads would only wait for each other, above all on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Tests skip without these; under CI that would hide that nothing was checked.
_NEEDED_BESIDE_TORCH = ("spandrel", "tensorboard", "hypothesis", "safetensors", "onnx", "onnxruntime")


def _stand_in_for_torchvision() -> None:
    """Let spandrel be imported whatever torchvision is installed.

    It takes three names from it, for architectures that are not ours; and a torchvision built for CUDA fails
    to import beside a torch built for processors, which is what some indexes give.
    """
    names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
    for name in names:
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        module.__path__ = []
        sys.modules.setdefault(name, module)
    functional = sys.modules[names[-1]]
    functional.InterpolationMode = functional.rotate = functional.normalize = None  # type: ignore[attr-defined]


_stand_in_for_torchvision()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes")


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI") and importlib.util.find_spec("torch"):
        missing = [name for name in _NEEDED_BESIDE_TORCH if importlib.util.find_spec(name) is None]
        if missing:
            raise pytest.UsageError(f"tests would be skipped, because these are not installed: {', '.join(missing)}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if "long" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="takes minutes; run with --long"))


def pytest_ignore_collect(collection_path: os.PathLike[str], config: pytest.Config) -> bool | None:
    """Without Qt's plugin (`-p no:pytest-qt`: run.py found no libraries for a window) leave the window out."""
    window = os.path.basename(collection_path) == "gui"
    return True if window and not config.pluginmanager.has_plugin("pytest-qt") else None
