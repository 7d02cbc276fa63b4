"""`wqv-upscale-tools VERB …`: parse the command line, call the verb's function and print its result.

The functions are in `verbs/` and, for `calibrate`, in `calibration/`.

Exit codes: 0 done, 2 bad input or usage, or output that cannot be written, 130, 143 or 129 interrupted by Ctrl+C,
SIGTERM or SIGHUP, 141 nobody reads the output any longer.
"""

from __future__ import annotations

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `main` handles it, Ctrl+C ends the process without a traceback

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from trainer_core import environment
from trainer_core.errors import UserError
from trainer_core.files import explain_error
from trainer_core.priority import set_priority
from trainer_core.requirements import find_unsafe_library
from trainer_core.signals import TerminationSignals
from trainer_core.starters.registry import find_model
from trainer_core.text import OutputError, configure_streams, print_lines, print_over
from trainer_core.tool_options import PROGRAM, build_parser
from trainer_core.verbs.export_options import DEFAULT_ALPHA

_PROGRESS_WIDTH = 60  # columns


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    environment.replace_missing_streams()
    configure_streams()
    with _SignalHandler() as signals:
        try:
            return _run(arguments)
        except BaseException:
            if not signals.exit_code:
                raise
            # A library may have turned the KeyboardInterrupt into an error of its own.
            text = "Interrupted. Complete files stay, and none is half written."
            print_lines(f"{PROGRAM}: {text}", stream=sys.stderr)
            return signals.exit_code


def _run(arguments: Sequence[str] | None) -> int:
    options = build_parser().parse_args(arguments)
    environment.configure_libraries()
    obstacle = find_unsafe_library() or environment.find_lost_folder()
    if obstacle:
        print_lines(f"{PROGRAM}: {obstacle}", stream=sys.stderr)
        return 2
    try:
        return _VERBS[options.verb](options)
    except OutputError as error:
        return error.report(PROGRAM)
    except UserError as error:
        _print_message(error)
        return 2
    except OSError as error:
        _print_message(explain_error(error))
        return 2


class _SignalHandler(TerminationSignals):
    """Handler that raises `KeyboardInterrupt` for the first of the signals that end a program; a second one ends it.

    Attributes:
        exit_code: 128 plus the number of the first signal, else 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.exit_code = 0

    def handle(self, number: int) -> None:
        """Raise `KeyboardInterrupt`, so that the work under way removes what it has not completed.

        While torch is imported, end the process at once: nothing is written yet, and an exception that passes torch's
        own code aborts the process.
        """
        is_second, self.exit_code = bool(self.exit_code), self.exit_code or 128 + number
        if is_second or _is_importing_torch():
            os._exit(self.exit_code)
        raise KeyboardInterrupt


def _is_importing_torch() -> bool:
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "torch"]
    return any(getattr(getattr(module, "__spec__", None), "_initializing", False) for module in modules)


def _enlarge(options: argparse.Namespace) -> int:
    from trainer_core.verbs.enlarge import enlarge

    set_priority(options.priority)
    done = enlarge(
        options.photos,
        options.out,
        scale=options.scale,
        model=None if options.model is None else find_model(options.model),
        best=options.best,
        device=options.device,
        progress=_print_enlarge_progress,
    )
    print_lines(*map(str, done.written))
    for sentence in [*done.notices, *(reason for _, reason in done.refused), done.format_summary()]:
        _print_message(sentence)
    return 2 if done.refused else 0


def _blind(options: argparse.Namespace) -> int:
    import webbrowser

    from trainer_core.verbs.blind import ask_in_browser, prepare_comparison

    set_priority(options.priority)
    session, refused = prepare_comparison(
        (options.first, options.second),
        options.photos,
        pairs=options.pairs,
        out=options.out,
        device=options.device,
        progress=_print_photo_progress,
    )
    for _, reason in refused:
        _print_message(f"Skipped: {reason}")

    def show_page(address: str) -> None:
        _print_message(f"Open {address} in a browser on this computer, if it is not open yet. Ctrl+C ends early.")
        if not options.no_browser:
            webbrowser.open(address)

    def save() -> None:
        with contextlib.suppress(OSError):  # the last save reports it
            session.save()

    is_saved = True
    try:
        ask_in_browser(session, show_page, save)
    finally:
        if session.comparison.number:
            print_lines(session.text)
            try:
                print_lines(str(session.save()))
            except OSError as error:
                is_saved = False
                _print_message(explain_error(error))
    return 2 if refused or not is_saved else 0


def _inspect(options: argparse.Namespace) -> int:
    from trainer_core.verbs.inspect import inspect_file

    found = inspect_file(find_model(options.file))
    text = json.dumps(found.as_dict(), indent=2) if options.json else found.format_report()
    print_lines(*text.split("\n"))
    return 0


def _upscale(options: argparse.Namespace) -> int:
    from trainer_core.verbs.upscale import upscale

    set_priority(options.priority)
    other = find_model(options.compare) if options.compare not in (None, Path()) else None
    done = upscale(
        find_model(options.model),
        options.images,
        options.out,
        half=options.half,
        tile=options.tile,
        device=options.device,
        compare=options.compare is not None,
        compare_with=other,
        progress=_print_tile_progress,
    )
    print_lines(*map(str, done.written))
    if done.made_gray:
        photos = f"{done.made_gray} color photo{'s' if done.made_gray > 1 else ''}"
        _print_message(f"{options.model.name} is a gray model; it turned {photos} gray.")
    for sentence in [*done.notices, *(reason for _, reason in done.refused)]:
        _print_message(sentence)
    return 2 if done.refused else 0


def _export(options: argparse.Namespace) -> int:
    from trainer_core.verbs.export import export_model

    if options.alpha is not None and options.blend is None:
        raise UserError("--alpha is the share of another model, which --blend names. Add --blend OTHER.")
    done = export_model(
        find_model(options.model),
        options.out,
        format=options.format,
        half=options.half,
        viewer_compatible=options.viewer_compatible,
        blend=None if options.blend is None else find_model(options.blend),
        alpha=DEFAULT_ALPHA if options.alpha is None else options.alpha,
        replace=options.replace,
    )
    print_lines(f"{done.path}: {done.spec.describe()}. {done.summary}")
    if done.notice:
        _print_message(done.notice)
    return 0


def _install(options: argparse.Namespace) -> int:
    from trainer_core.verbs.install import install

    install(options.model, options.into, replace=options.replace, report=lambda path: print_lines(str(path)))
    return 0


def _fetch(options: argparse.Namespace) -> int:
    from trainer_core.verbs.fetch import fetch_model

    print_lines(str(fetch_model(options.name, options.into, progress=_print_download_progress)))
    return 0


def _simulate(options: argparse.Namespace) -> int:
    from trainer_core.verbs.simulate import simulate

    set_priority(options.priority)
    done = simulate(
        options.photos,
        options.out,
        camera=options.camera,
        scale=options.scale,
        count=options.count,
        seed=options.seed,
        progress=_print_photo_progress,
    )
    print_lines(*map(str, done.written))
    for sentence in [*done.notices, *(reason for _, reason in done.refused), done.format_summary()]:
        _print_message(sentence)
    return 2 if done.refused else 0


def _calibrate(options: argparse.Namespace) -> int:
    from trainer_core.calibration.calibrate import calibrate

    set_priority(options.priority)
    done = calibrate(options.captures, options.out, photos=options.photos, progress=_print_fit_progress)
    for _, reason in done.refused:
        _print_message(f"skipped: {reason}")
    print_lines(*done.format_table().split("\n"), str(options.out))
    return 0


def _print_tile_progress(name: str, done: int, total: int) -> None:
    _print_progress(f"{name}: {done}/{total}", last=done == total)


def _print_enlarge_progress(number: int, files: int, name: str, done: int, total: int) -> None:
    _print_progress(f"{number} of {files}, {name}: {done}/{total}", last=done == total)


def _print_photo_progress(done: int, total: int) -> None:
    _print_progress(f"{done} of {total} photos", last=done == total)


def _print_fit_progress(done: int, total: int, best: float) -> None:
    filled = 30 * done // total
    _print_progress(f"[{'#' * filled}{'.' * (30 - filled)}] {done}/{total}, best {best:.3f}", last=done == total)


def _print_download_progress(done: int, total: int | None) -> None:
    _print_progress(f"{done / 1e6:.1f} MB" + (f" of {total / 1e6:.1f} MB" if total else ""), last=done == total)


def _print_progress(text: str, *, last: bool) -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        print_over(f"{text[-_PROGRESS_WIDTH:]:<{_PROGRESS_WIDTH}}", sys.stderr, last=last)


def _print_message(message: object) -> None:
    print_lines(f"{PROGRAM}: {message}", stream=sys.stderr)


_VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "enlarge": _enlarge,
    "blind": _blind,
    "inspect": _inspect,
    "upscale": _upscale,
    "export": _export,
    "install": _install,
    "fetch": _fetch,
    "simulate": _simulate,
    "calibrate": _calibrate,
}


if __name__ == "__main__":
    sys.exit(main())
