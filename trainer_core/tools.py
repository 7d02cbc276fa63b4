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
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from trainer_core import environment
from trainer_core.errors import UserError
from trainer_core.pasted_path import to_path
from trainer_core.priority import LEVELS, set_priority
from trainer_core.requirements import find_unsafe_library
from trainer_core.settings.config import SETTINGS
from trainer_core.signals import TerminationSignals
from trainer_core.text import ArgumentParser, OutputError, configure_streams, print_lines, print_over
from trainer_core.verbs.export_options import ALPHA, BLEND, DEFAULT_ALPHA, FORMATS, HALF_HELP, VIEWER_COMPATIBLE
from trainer_core.watches import WATCHES

PROGRAM = "wqv-upscale-tools"
_PROGRESS_WIDTH = 60  # columns
_MODEL_NAMES = ("realesrgan-x4plus", "realesrgan-x2plus", "realesrgan-x4plus-anime")


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
    options = _parser().parse_args(arguments)
    environment.configure_libraries()
    unsafe = find_unsafe_library()
    if unsafe:
        print_lines(f"{PROGRAM}: {unsafe}", stream=sys.stderr)
        return 2
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except OutputError as error:
        return error.report(PROGRAM)
    except (UserError, OSError) as error:
        _print_message(error)
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
        """Raise `KeyboardInterrupt`, so that the work under way removes what it has not completed."""
        if self.exit_code:
            os._exit(self.exit_code)
        self.exit_code = 128 + number
        raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog=PROGRAM,
        description="Inspect, use, convert, install and download models; simulate and calibrate watch cameras.",
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_inspect, _add_upscale, _add_export, _add_install, _add_fetch, _add_simulate, _add_calibrate):
        add(verbs)
    return parser


_Verbs = argparse._SubParsersAction  # argparse has no public name for it


def _add_inspect(verbs: _Verbs[ArgumentParser]) -> None:
    parser = verbs.add_parser("inspect", help="describe a weight file and list the programs that load it")
    parser.add_argument("file", type=to_path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=_inspect)


def _inspect(options: argparse.Namespace) -> int:
    from trainer_core.verbs.inspect import inspect_file

    found = inspect_file(options.file)
    text = json.dumps(found.as_dict(), indent=2) if options.json else found.format_report()
    print_lines(*text.split("\n"))
    return 0


def _add_upscale(verbs: _Verbs[ArgumentParser]) -> None:
    parser = verbs.add_parser("upscale", help="upscale photos, folders of photos, watch dumps and Palm databases")
    parser.add_argument("model", type=to_path, metavar="MODEL")
    parser.add_argument("images", type=to_path, nargs="+", metavar="IMAGES")
    parser.add_argument(
        "-o", "--out", type=to_path, required=True, metavar="DIR", help="folder for the results (NAME.png)"
    )
    parser.add_argument(
        "--tile",
        type=int,
        default=256,
        metavar="N",
        help="tile side in LR pixels; 0 means no tiles (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        default="auto",
        metavar="DEVICE",
        help=f"{SETTINGS['device'].limits}; only cpu has been tested (default: %(default)s)",
    )
    parser.add_argument("--half", action="store_true", help="compute in half precision")
    parser.add_argument(
        "--compare",
        nargs="?",
        type=to_path,
        const=Path(),
        metavar="OTHER",
        help="also write DIR/NAME_compare.png, which shows bicubic, this model and, if given, the model OTHER",
    )
    parser.add_argument(
        "--priority",
        choices=LEVELS,
        default="low",
        help="low: other programs come first; normal: like other programs (default: %(default)s)",
    )
    parser.set_defaults(run=_upscale)


def _upscale(options: argparse.Namespace) -> int:
    from trainer_core.verbs.upscale import upscale

    set_priority(options.priority)
    other = options.compare if options.compare not in (None, Path()) else None
    done = upscale(
        options.model,
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


def _add_export(verbs: _Verbs[ArgumentParser]) -> None:
    parser = verbs.add_parser("export", help="convert a model file")
    parser.add_argument("model", type=to_path, metavar="MODEL")
    parser.add_argument("-o", "--out", type=to_path, required=True, metavar="FILE")
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="",
        help="format (default: the suffix of FILE); " + "; ".join(f"{name}: {text}" for name, text in FORMATS.items()),
    )
    parser.add_argument("--half", action="store_true", help=HALF_HELP)
    parser.add_argument("--viewer-compatible", action="store_true", help=VIEWER_COMPATIBLE)
    parser.add_argument("--blend", type=to_path, metavar="OTHER", help=BLEND)
    parser.add_argument("--alpha", type=float, default=DEFAULT_ALPHA, metavar="A", help=f"{ALPHA} (%(default)s)")
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    from trainer_core.verbs.export import export_model

    done = export_model(
        options.model,
        options.out,
        format=options.format,
        half=options.half,
        viewer_compatible=options.viewer_compatible,
        blend=options.blend,
        alpha=options.alpha,
    )
    print_lines(f"{done.path}: {done.spec.describe()}. {done.summary}")
    if done.notice:
        _print_message(done.notice)
    return 0


def _add_install(verbs: _Verbs[ArgumentParser]) -> None:
    parser = verbs.add_parser("install", help="copy a model into WQV-Viewer's models/custom folder")
    parser.add_argument("model", type=to_path, metavar="MODEL")
    parser.add_argument("--into", type=to_path, required=True, metavar="MODELS_CUSTOM_DIR")
    parser.add_argument("--replace", action="store_true", help="overwrite an existing file with the same name")
    parser.set_defaults(run=_install)


def _install(options: argparse.Namespace) -> int:
    from trainer_core.verbs.install import install_model

    print_lines(str(install_model(options.model, options.into, replace=options.replace)))
    return 0


def _add_fetch(verbs: _Verbs[ArgumentParser]) -> None:
    parser = verbs.add_parser("fetch", help="download a released Real-ESRGAN model for a warm start")
    parser.add_argument("name", choices=_MODEL_NAMES, metavar="{" + ",".join(_MODEL_NAMES) + "}")
    parser.add_argument(
        "--into",
        type=to_path,
        default=Path("models/realesrgan"),
        metavar="DIR",
        help="folder for the download (default: %(default)s)",
    )
    parser.set_defaults(run=_fetch)


def _fetch(options: argparse.Namespace) -> int:
    from trainer_core.verbs.fetch import fetch_model

    print_lines(str(fetch_model(options.name, options.into, progress=_print_download_progress)))
    return 0


def _add_simulate(verbs: _Verbs[ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "simulate",
        help="make synthetic watch photos from clean photos",
        description="Make synthetic watch photos from clean photos. Photos with the same name get their folder as a "
        "prefix: FOLDER_NAME. The command replaces earlier results with the same names and leaves other files "
        "in DIR unchanged.",
    )
    parser.add_argument(
        "photos",
        type=to_path,
        nargs="+",
        metavar="PHOTOS",
        help="files, and folders with their subfolders (except DIR/lr and DIR/target)",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=to_path,
        required=True,
        metavar="DIR",
        help="folder for the results: DIR/lr/NAME.png (wqv10: also NAME.jpg) and DIR/target/NAME.png",
    )
    cameras = tuple(watch.profile for watch in WATCHES.values())
    parser.add_argument(
        "--camera", choices=cameras, required=True, help="camera to simulate, of the mono or the color watch"
    )
    parser.add_argument("--scale", type=int, choices=(2, 4, 8), required=True)
    parser.add_argument(
        "--count",
        type=int,
        default=1,
        metavar="K",
        help="frames per photo, 1 to 1000, saved as NAME_1 to NAME_K (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=1337,
        metavar="S",
        help="seed of the random numbers, from 0 to 2147483647 (default: %(default)s)",
    )
    parser.set_defaults(run=_simulate)


def _simulate(options: argparse.Namespace) -> int:
    from trainer_core.verbs.simulate import simulate

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


def _add_calibrate(verbs: _Verbs[ArgumentParser]) -> None:
    parser = verbs.add_parser("calibrate", help="fit a camera profile to captures from your own watch")
    parser.add_argument(
        "captures", type=to_path, nargs="+", metavar="CAPTURES", help="files or folders with a dozen captures or more"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=to_path,
        required=True,
        metavar="FILE",
        help="camera profile to write, for --camera-profile FILE",
    )
    parser.add_argument(
        "--photos",
        type=to_path,
        metavar="DIR",
        help="folder of clean photos to simulate instead of the built-in scenes",
    )
    parser.set_defaults(run=_calibrate)


def _calibrate(options: argparse.Namespace) -> int:
    from trainer_core.calibration.calibrate import calibrate

    done = calibrate(options.captures, options.out, photos=options.photos, progress=_print_fit_progress)
    for _, reason in done.refused:
        _print_message(f"skipped: {reason}")
    print_lines(*done.format_table().split("\n"), str(options.out))
    return 0


def _print_tile_progress(name: str, done: int, total: int) -> None:
    _print_progress(f"{name}: {done}/{total}", last=done == total)


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


if __name__ == "__main__":
    sys.exit(main())
