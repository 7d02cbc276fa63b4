r"""Train a starter, measure it beside bicubic enlargement, and write it with its card into `trainer_core/starters`.

    python -m benchmarks.starters train wqv1_x4 --work runs/starters --minutes 120 \
        --photos "21 photographs of gb82 (CC0)" PHOTOS --measure "the CID22 training set (CC BY-SA 4.0)" OTHER_PHOTOS
    python -m benchmarks.starters release wqv1_x4 --work runs/starters --measure NAME OTHER_PHOTOS
    python -m benchmarks.starters list

`train` renders scenes (`--scenes 0`: none to train on), adds the photos, trains in `--work`/NAME, and releases the
result. `--variants 12` adds twelve turned, reduced and re-exposed copies of each photo, because a long training
overfits few photos. A new training starts from the present starter, so that starters get better from session to
session; `--start nothing` starts over, `--start wqv1_x4` from another starter, `--start FILE` from any model. Options
after `--` are passed to the trainer, such as `-- --lr 1e-4`. An interrupted training continues with the same command;
of another one, only `--minutes` and the options after `--` change the training. The card records all options that
change the result, without paths.

Only photographs whose license allows it without condition may be named with `--photos`. Frames to measure on must be
unseen: with `--measure` name other photographs; the built-in scenes of seed 92 are always measured, too. The starter is
replaced only if the new one is better on the last set of frames.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.conditions import describe_conditions
from benchmarks.starter_variants import write_variants
from trainer_core import cli, environment
from trainer_core.data.fingerprints import compute_fingerprints
from trainer_core.data.photos import scan_photos
from trainer_core.files import write_json
from trainer_core.json_files import read_json
from trainer_core.machine import count_processors
from trainer_core.scenes.painter import write_scenes
from trainer_core.starters import registry
from trainer_core.starters.registry import find_starter, find_starters
from trainer_core.watches import WATCHES, WQV1, Watch
from trainer_core.weights.warm_start import identify_source
from trainer_core.workspace.checkpoints import is_ended, list_checkpoints
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.models import model_of

if TYPE_CHECKING:
    from benchmarks.starter_frames import FrameSet

TRAIN_SEED, VAL_SEED = 7, 91
VAL_SCENES = 12
_SESSION = "session.json"
NETWORK = (48, 4, 24)  # six of them need 21 MB in fp16


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options, more = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    given = _parser().parse_args(options)
    if given.into is not None:
        registry.FOLDER = given.into
    environment.configure_libraries()  # before anything here imports torch
    if given.command == "list":
        _list()  # of the cards: nothing is measured
        return 0
    print(describe_conditions(), flush=True)
    watch, scale = _parse_name(given.name)
    if given.command == "train":
        code = train(given, watch, scale, more)
        if code:
            print("Not released. Run the same command again to continue.", file=sys.stderr)
            return code
    return _release(given, watch, scale)


def train(given: argparse.Namespace, watch: Watch, scale: int, more: Sequence[str]) -> int:
    """Start or continue a training and return its exit code; one that is complete is followed by a new one.

    A training that continues has the photos, scenes, start and network of its first command.
    """
    folder = given.work / given.name
    workspace = Workspace(folder / "run")
    checkpoints = list_checkpoints(workspace)
    record = folder / _SESSION
    words = [str(folder / "photos"), str(workspace.root)]
    words += ["--max-minutes", str(given.minutes), "--device", "cpu", *more]
    if checkpoints and not is_ended(workspace, checkpoints[0][0]):
        session = read_json(record, advice="Train it again.")
        if "options" in session:  # not in a session of an older program
            write_json(record, {**session, "options": _continue_options(session["options"], given.minutes, more)})
        return cli.main([*words, "--resume", "latest"])
    _gather_photos(given, folder / "photos")
    start = _find_start(given)
    source = _read_network(start[0]) if start else NETWORK
    network = given.network or source
    session = {
        "started_from": _describe_start(*start, source) if start else None,
        "trained_on": _describe_material(given),
        "options": _describe_options(given, more),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_json(record, session)
    return cli.main(
        [
            *words[:2],
            *("--monochrome-style" if watch == WQV1 else "--no-monochrome-style", "--scale", str(scale)),
            *("--preset", "nano", "--compact-export", "--keep-checkpoints", "2"),
            *("--num-feat", str(network[0]), "--num-block", str(network[1]), "--num-grow-ch", str(network[2])),
            *(("--init-weights", str(start[0])) if start else ("--no-init-weights",)),
            *words[2:],
        ]
    )


def _release(given: argparse.Namespace, watch: Watch, scale: int) -> int:
    from benchmarks.starter_release import NotBetter, TrainedModel, release
    from trainer_core.training.checkpoint import load_checkpoint

    folder = given.work / given.name
    workspace = Workspace(folder / "run")
    model = model_of(workspace)
    checkpoints = list_checkpoints(workspace)
    if model is None or not checkpoints:
        print(f"There is no model in {workspace.root}. Train it first.", file=sys.stderr)
        return 2
    state = load_checkpoint(checkpoints[0][1])
    session = {
        "run": state.run_id,
        "date": time.strftime("%Y-%m-%d", time.gmtime(model.stat().st_mtime)),
        "steps": state.step,
        "seconds": round(state.plan["seconds"]),
        "machine": f"{_count_text(count_processors())}, {state.plan['device_name']}, {state.plan['precision']}",
        **read_json(folder / _SESSION, advice="Train it again."),
    }
    try:
        path = release(TrainedModel(model, watch, session), _frames(given, watch, scale), force=given.force)
    except NotBetter as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    return 0


def _count_text(processors: int) -> str:
    return f"{processors} processor{'s' * (processors > 1)}"


def _frames(given: argparse.Namespace, watch: Watch, scale: int) -> list[FrameSet]:
    from benchmarks.starter_frames import photo_frames, scene_frames

    trained = _fingerprints(given.work / given.name / "photos" / "train")
    for name, folder in given.measure:
        if trained & _fingerprints(Path(folder)):
            raise SystemExit(f"Photos of {name} are among those it was trained on. Measure on other photos.")
    measured = [photo_frames(Path(folder), watch, scale, name=name) for name, folder in given.measure]
    return [scene_frames(watch, scale), *measured]


def _fingerprints(folder: Path) -> set[str]:
    return set(compute_fingerprints(scan_photos(folder).photos).values())


def _gather_photos(given: argparse.Namespace, folder: Path) -> None:
    """Fill a source folder with links: scenes and the photos in `train`, other scenes in `val`."""
    for link in folder.glob("*/*"):  # of a training on other photos
        link.unlink()
    scenes = given.work / "scenes"  # shared by all trainings
    write_scenes(scenes, seed=TRAIN_SEED, train=given.scenes, val=0, test=0)
    write_scenes(scenes, seed=VAL_SEED, train=0, val=VAL_SCENES, test=0)
    for split, count in (("train", given.scenes), ("val", VAL_SCENES)):
        for path in sorted((scenes / split).glob("*.png"))[:count]:
            _link(path, folder / split / path.name)
    for number, (_, source) in enumerate(given.photos):
        photos = scan_photos(Path(source)).photos
        variants = write_variants(photos, given.work / "variants", given.variants, seed=TRAIN_SEED)
        for path in [*(photo.path for photo in photos), *variants]:
            _link(path, folder / "train" / f"{number}_{path.name}")


def _link(file: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        os.symlink(os.path.abspath(file), link)


def _find_start(given: argparse.Namespace) -> tuple[Path, list[str]] | None:
    """Return the model to start from and what it was trained on."""
    if given.start == "nothing":
        return None
    if given.start == "present":
        starter = next((entry for entry in find_starters() if entry.name == f"{given.name}_starter"), None)
        return (starter.path, starter.card["trained_on"]) if starter else None
    starter = find_starter(given.start)
    if starter is not None:
        return starter.path, starter.card["trained_on"]
    path = Path(given.start).absolute()
    record = path.parents[2] / _SESSION  # of a model in --work/NAME/run/models
    if not record.is_file():
        raise SystemExit(f"Nothing says what {path} was trained on. Start from a built-in model or from one in --work.")
    session = read_json(record, advice="Start from another model.")
    return path, list(dict.fromkeys([*(session["started_from"] or session)["trained_on"], *session["trained_on"]]))


def _describe_start(path: Path, trained_on: list[str], network: tuple[int, ...]) -> dict[str, Any]:
    """Return what `started_from` of a session says of a model."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": path.stem, "sha256": sha256, "network": "/".join(map(str, network)), "trained_on": trained_on}


def _describe_material(given: argparse.Namespace) -> list[str]:
    """Return the sets of pictures that a training learns from, in words."""
    scenes = [f"{given.scenes} built-in scenes of seed {TRAIN_SEED}"] if given.scenes else []
    names = [name for name, _ in given.photos]
    if given.variants:
        names = [f"{name}, and {given.variants} variants of each" for name in names]
    return [*scenes, *names]


def _describe_options(given: argparse.Namespace, more: Sequence[str]) -> dict[str, Any]:
    """Return the options of the command that change the result, files by their name alone."""
    return {
        "minutes": given.minutes,
        "scenes": given.scenes,
        "variants": given.variants,
        "photos": [name for name, _ in given.photos],
        "start": Path(given.start).name,
        "network": given.network,
        "trainer": [_remove_folder(word) for word in more],
    }


def _continue_options(options: dict[str, Any], minutes: float, more: Sequence[str]) -> dict[str, Any]:
    """Return the options of a training that continues: further words for the trainer follow the first ones.

    The trainer resumes with what it stored, so words that are not repeated still hold; of those that are, the last one.
    """
    words, further = options["trainer"], [_remove_folder(word) for word in more]
    repeated = words[len(words) - len(further) :] == further
    return {**options, "minutes": minutes, "trainer": words if repeated else [*words, *further]}


def _remove_folder(word: str) -> str:
    """Return a word of a command line without the folder of a path, also in "--option=PATH"."""
    option, equals, value = word.rpartition("=")
    return f"{option}{equals}{Path(value).name}"


def _read_network(path: Path) -> tuple[int, ...]:
    spec = identify_source(path).spec
    return spec.num_feat, spec.num_block, spec.num_grow_ch


def _list() -> None:
    from benchmarks.starter_release import format_table

    starters = find_starters()
    for starter in starters:
        print(*format_table(starter.name, starter.measured), sep="\n")
        card = starter.card
        print(f"{card['steps']} steps in {card['seconds'] / 60:.0f} min, {card['bytes'] / 1e6:.2f} MB\n")
    print(f"{len(starters)} starters, {sum(s.path.stat().st_size for s in starters) / 1e6:.1f} MB")


def _parse_name(name: str) -> tuple[Watch, int]:
    profile, _, scale = name.partition("_x")
    return next(watch for watch in WATCHES.values() if watch.profile == profile), int(scale)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    names = [f"{watch.profile}_x{scale}" for watch in WATCHES.values() for scale in (2, 4, 8)]
    training, releasing = commands.add_parser("train"), commands.add_parser("release")
    listing = commands.add_parser("list")
    for command in (training, releasing, listing):
        command.add_argument("--into", type=Path, help="folder of the starters, instead of that of the program")
    for command in (training, releasing):
        command.add_argument("name", choices=names)
        command.add_argument("--work", type=Path, required=True, help="folder for the trainings, one subfolder each")
        command.add_argument("--measure", nargs=2, action="append", default=[], metavar=("NAME", "FOLDER"))
        command.add_argument("--force", action="store_true", help="replace the starter even if this one is no better")
    training.add_argument("--minutes", type=float, required=True, help="of all sessions of this training together")
    training.add_argument("--photos", nargs=2, action="append", default=[], metavar=("NAME", "FOLDER"))
    training.add_argument("--scenes", type=int, default=400)
    training.add_argument("--variants", type=int, default=0, help="turned, reduced and re-exposed copies of each photo")
    training.add_argument("--network", nargs=3, type=int, metavar=("FEATURES", "BLOCKS", "GROWTH"))
    training.add_argument("--start", default="present", help="present, nothing, the name of a starter, or a file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
