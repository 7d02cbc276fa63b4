"""`wqv-upscale-trainer-gui [workspace]` and `python -m app`: look whether a window can open, then open it.

Imports nothing heavy itself. Where there is no display, or Qt is not installed, it prints the command that
trains without a window, and exits with 2.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence

import trainer_core
from app.system.display import display_problem
from trainer_core.planning.command_line import format_command

PROGRAM = "wqv-upscale-trainer-gui"


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and stay until it is closed; the exit code."""
    options = _parser().parse_args(argv)
    reason = window_problem()
    if reason:
        _print_or_show(f"{reason} Train without a window:\n  {_headless_advice(options)}")
        return 2
    from app.start import run_application

    return run_application(workspace=options.workspace, demo=options.demo, begin=options.begin)


def window_problem() -> str:
    """Why a window cannot be opened here and what would help, or ""."""
    if any(_is_missing(name) for name in ("PySide6", "pyqtgraph")):
        return (
            "The window's packages are missing; install them with: python -m pip install 'wqv-upscale-trainer[window]'."
        )
    return display_problem()


def _is_missing(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is None
    except ValueError:  # it is there in name only
        return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="Train networks that enlarge Casio WQV wrist camera photos, in a window."
    )
    parser.add_argument("workspace", nargs="?", help="the workspace to open")
    parser.add_argument("--demo", action="store_true", help="fill in the built-in scenes; no photos are needed")
    parser.add_argument("--start", dest="begin", action="store_true", help="begin to train at once")
    parser.add_argument("--version", action="version", version=f"%(prog)s {trainer_core.__version__}")
    return parser


def _headless_advice(options: argparse.Namespace) -> str:
    given = {"workspace": options.workspace, **({"demo": True} if options.demo else {})}
    return format_command(given)


def _print_or_show(text: str) -> None:
    if sys.stderr is not None:  # there is none under pythonw
        print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
