"""The door of the installed commands and of `run.py`: start a program with its own packages.

`app` and `resources` are names that another installed package, or a file in the current folder, may have as well.
Therefore the packages beside this file are imported first, by their place, before anything can take their names.

    python wqv_upscale_trainer.py {train,tools,window,window-problem} [ARGS...]     what run.py does
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys

_PACKAGES = ("trainer_core", "resources", "app")


def train() -> int:
    """Run `wqv-upscale-trainer` and return its exit code."""
    _prepare()
    from trainer_core.cli import main

    return main()


def tools() -> int:
    """Run `wqv-upscale-tools` and return its exit code."""
    _prepare()
    from trainer_core.tools import main

    return main()


def window() -> int:
    """Run `wqv-upscale-trainer-gui` and return its exit code."""
    _prepare()
    from app.__main__ import main

    return main()


def print_window_problem() -> int:
    """Print why no window can open here, or an empty line."""
    _prepare()
    from app.__main__ import window_problem
    from trainer_core.text import print_lines

    print_lines(window_problem())
    return 0


def _prepare() -> None:
    """Import the packages beside this file; until a program handles Ctrl+C, it ends the process without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    for name in _PACKAGES:
        _import_package(name, os.path.join(os.path.dirname(os.path.abspath(__file__)), name))


def _import_package(name: str, folder: str) -> None:
    file = os.path.join(folder, "__init__.py")
    if getattr(sys.modules.get(name), "__file__", None) == file:
        return
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        raise ImportError(f"the package {name} is missing in {os.path.dirname(folder)}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


_PROGRAMS = {"train": train, "tools": tools, "window": window, "window-problem": print_window_problem}

if __name__ == "__main__":
    sys.exit(_PROGRAMS[sys.argv.pop(1)]())
