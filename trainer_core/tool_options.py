"""The options of each verb of `wqv-upscale-tools`: `build_parser` declares them, `tools` runs the verbs."""

from __future__ import annotations

import argparse
from pathlib import Path

import trainer_core
from trainer_core.blind.comparison import DEFAULT_PAIRS, MAX_PAIRS
from trainer_core.pasted_path import to_path
from trainer_core.priority import LEVELS
from trainer_core.settings.config import SETTINGS
from trainer_core.text import ArgumentParser, CommandParser
from trainer_core.verbs.export_options import ALPHA, BLEND, DEFAULT_ALPHA, FORMATS, HALF_HELP, VIEWER_COMPATIBLE
from trainer_core.watches import WATCHES

PROGRAM = "wqv-upscale-tools"
_MODEL_NAMES = ("realesrgan-x4plus", "realesrgan-x2plus", "realesrgan-x4plus-anime")


def build_parser() -> ArgumentParser:
    """Build the parser; its result has the name of the verb in `verb`."""
    parser = ArgumentParser(
        prog=PROGRAM,
        description="Enlarge photos; inspect, use, convert, install and download models; simulate and calibrate watch "
        "cameras.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {trainer_core.__version__}")
    verbs: _Verbs[CommandParser] = parser.add_subparsers(
        title="commands", dest="verb", metavar="COMMAND", required=True, parser_class=CommandParser
    )
    for add in (
        _add_enlarge,
        _add_upscale,
        _add_blind,
        _add_inspect,
        _add_export,
        _add_install,
        _add_fetch,
        _add_simulate,
        _add_calibrate,
    ):
        add(verbs)
    return parser


_Verbs = argparse._SubParsersAction  # argparse has no public name for it


def _add_inspect(verbs: _Verbs[CommandParser]) -> None:
    parser = verbs.add_parser("inspect", help="describe a weight file and list the programs that load it")
    parser.add_argument("file", type=to_path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_enlarge(verbs: _Verbs[CommandParser]) -> None:
    parser = verbs.add_parser(
        "enlarge",
        help="enlarge photos of a watch with the built-in models",
        description="Enlarge photos of a watch with the built-in models. The photo decides between the models for mono "
        "and for color.",
    )
    parser.add_argument(
        "photos",
        type=to_path,
        nargs="+",
        metavar="PHOTOS",
        help="files, and folders with their subfolders: pictures, dumps, Palm databases",
    )
    _add_out_folder(parser)
    parser.add_argument("--scale", type=int, choices=(2, 4, 8), help="factor (default: 4, or that of FILE)")
    parser.add_argument("--model", type=to_path, metavar="FILE", help="use this weight file instead")
    parser.add_argument(
        "--best",
        action="store_true",
        help="also enlarge mirrored photos and average the results, where that helps; takes up to four times as long",
    )
    _add_device(parser)
    _add_priority(parser)


def _add_upscale(verbs: _Verbs[CommandParser]) -> None:
    parser = verbs.add_parser("upscale", help="upscale photos, folders of photos, watch dumps and Palm databases")
    parser.add_argument("model", type=to_path, metavar="MODEL")
    parser.add_argument(
        "images", type=to_path, nargs="+", metavar="IMAGES", help="files, and folders with their subfolders"
    )
    _add_out_folder(parser)
    parser.add_argument(
        "--tile",
        type=int,
        default=256,
        metavar="N",
        help="tile side in LR pixels; 0 means no tiles (default: %(default)s)",
    )
    _add_device(parser)
    parser.add_argument("--half", action="store_true", help="compute in half precision")
    parser.add_argument(
        "--compare",
        nargs="?",
        type=to_path,
        const=Path(),
        metavar="OTHER",
        help="also write DIR/NAME_compare.png, which shows bicubic, this model and, if given, the model OTHER",
    )
    _add_priority(parser)


def _add_blind(verbs: _Verbs[CommandParser]) -> None:
    parser = verbs.add_parser(
        "blind",
        help="compare two models without knowing which is which",
        description="Show photos upscaled by two models side by side in your browser, in random order, and ask which "
        "one is better: arrow keys left and right, down for no difference. Only this computer can open the page.",
    )
    parser.add_argument("first", type=to_path, metavar="A", help="a weight file, or a built-in model such as wqv1_x4")
    parser.add_argument("second", type=to_path, metavar="B", help="the model to compare it with")
    parser.add_argument(
        "photos",
        type=to_path,
        nargs="+",
        metavar="CAPTURES",
        help="files with photos from your watch, and folders with their subfolders",
    )
    parser.add_argument(
        "--pairs",
        type=int,
        default=DEFAULT_PAIRS,
        metavar="N",
        help=f"largest number of pairs, up to {MAX_PAIRS} (default: %(default)s)",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=to_path,
        metavar="FILE",
        help="new JSON file for the answers (default: blind_A_B.json beside A, or here if A is a built-in model)",
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address of the page")
    _add_device(parser)
    _add_priority(parser)


def _add_export(verbs: _Verbs[CommandParser]) -> None:
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
    parser.add_argument("--alpha", type=float, metavar="A", help=f"{ALPHA} ({DEFAULT_ALPHA})")
    parser.add_argument("--replace", action="store_true", help="overwrite an existing FILE")


def _add_install(verbs: _Verbs[CommandParser]) -> None:
    parser = verbs.add_parser("install", help="put a model into WQV-Viewer's models/custom folder")
    parser.add_argument(
        "model",
        type=to_path,
        metavar="MODEL",
        help="a weight file, or a built-in model such as wqv1_x4, which is padded to the size that the viewer needs; "
        "starters: all built-in models",
    )
    parser.add_argument("--into", type=to_path, required=True, metavar="MODELS_CUSTOM_DIR")
    parser.add_argument("--replace", action="store_true", help="overwrite an existing file with the same name")


def _add_fetch(verbs: _Verbs[CommandParser]) -> None:
    parser = verbs.add_parser("fetch", help="download a released Real-ESRGAN model for a warm start")
    parser.add_argument("name", choices=_MODEL_NAMES, metavar="{" + ",".join(_MODEL_NAMES) + "}")
    parser.add_argument(
        "--into",
        type=to_path,
        default=Path("models/realesrgan"),
        metavar="DIR",
        help="folder for the download (default: %(default)s)",
    )


def _add_simulate(verbs: _Verbs[CommandParser]) -> None:
    parser = verbs.add_parser(
        "simulate",
        help="make synthetic watch photos from clean photos",
        description="Make synthetic watch photos from clean photos. Photos with the same name get their folder as a "
        "prefix: FOLDER_NAME. The command replaces earlier results with the same names and no other file.",
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
    _add_priority(parser)


def _add_calibrate(verbs: _Verbs[CommandParser]) -> None:
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
    _add_priority(parser)


def _add_out_folder(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--out", type=to_path, required=True, metavar="DIR", help="folder for the results (NAME.png)"
    )


def _add_device(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        default="auto",
        metavar="DEVICE",
        help=f"{SETTINGS['device'].limits}; only cpu has been tested (default: %(default)s)",
    )


def _add_priority(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--priority",
        choices=LEVELS,
        default="low",
        help="low: other programs come first; normal: like other programs (default: %(default)s)",
    )
