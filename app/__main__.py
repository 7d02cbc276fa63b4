"""Entry point of `wqv-upscale-trainer-gui [workspace]` and `python -m app`: check for a display, then open the window.

It imports no large library. Without a display or without Qt it gives the command that trains without a window and exits
with 2.
"""

from __future__ import annotations

import argparse
import importlib.util
import signal
import sys
from collections.abc import Sequence

import trainer_core
from app.system.console import WindowArgumentParser, show_text
from app.system.display import display_problem
from trainer_core.environment import find_lost_folder
from trainer_core.planning.command_line import format_command
from trainer_core.requirements import find_unsafe_library, format_install_command
from trainer_core.text import configure_streams

PROGRAM = "wqv-upscale-trainer-gui"


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window, wait until it is closed and return the exit code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the window handles it, it ends without a traceback
    configure_streams()
    options = build_parser().parse_args(argv)
    obstacle = find_unsafe_library() or find_lost_folder()
    if obstacle:
        show_text(obstacle, PROGRAM)
        return 2
    reason = window_problem()
    if reason:
        show_text(f"{reason} To train without a window, run:\n  {_headless_advice(options)}", PROGRAM)
        return 2
    from app.start import run_application

    return run_application(workspace=options.workspace, demo=options.demo, begin=options.begin)


def window_problem() -> str:
    """Return why a window cannot be opened here and what would help, or ""."""
    if any(_is_missing(name) for name in ("PySide6", "pyqtgraph")):
        command = format_install_command("wqv-upscale-trainer[window]")
        return f"The window's packages are missing; install them with: {command}."
    return display_problem()


def _is_missing(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is None
    except ValueError:  # a module without a spec, such as a stub in sys.modules
        return True


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = WindowArgumentParser(
        prog=PROGRAM, description="Open the window, which trains networks that upscale Casio WQV wrist camera photos."
    )
    parser.add_argument("workspace", nargs="?", help="the workspace to open")
    parser.add_argument("--demo", action="store_true", help="use the built-in scenes; no photos are needed")
    parser.add_argument(
        "--start", dest="begin", action="store_true", help="start training as soon as the settings are checked"
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {trainer_core.__version__}")
    return parser


def _headless_advice(options: argparse.Namespace) -> str:
    given = {"workspace": options.workspace, **({"demo": True} if options.demo else {})}
    return format_command(given)


if __name__ == "__main__":
    sys.exit(main())
