"""Installation of a model for WQV-Viewer: checked, with a scale mark in its name, copied durably.

`install` takes a weight file, which is copied as it is, or the name of a built-in model, which is padded on the way.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from trainer_core.errors import UserError
from trainer_core.files import atomic_write
from trainer_core.input_files import explain_missing, open_regular
from trainer_core.starters.card import Starter
from trainer_core.starters.registry import describe_choice, find_model, find_starter, find_starters
from trainer_core.weights.container.reader import open_weights
from trainer_core.weights.programs import check_programs, scale_mark_problem
from trainer_core.weights.rrdb.dialects import identify
from trainer_core.weights.rrdb.key_names import BASICSR

if TYPE_CHECKING:
    from trainer_core.weights.export import Deployable  # which imports torch

ALL_STARTERS = "starters"
"""The word that stands for all built-in models."""


class NotViewerCompatible(UserError):
    """Refusal of a file that WQV-Viewer would not load; an export with `viewer_compatible` writes one that it loads."""


class NameAlreadyUsed(UserError):
    """Refusal to overwrite other files of the same names.

    Args:
        targets: the files.
        hint: as for `UserError`.
    """

    def __init__(self, targets: Sequence[Path], *, hint: str) -> None:
        if len(targets) == 1:
            text = f"{targets[0]} already exists. It may be a model"
        else:
            names = f"{', '.join(path.name for path in targets[:-1])} and {targets[-1].name}"
            text = f"{names} already exist in {targets[0].parent}. They may be models"
        super().__init__(f"{text} that came with WQV-Viewer or that you installed before.", hint=hint)
        self.targets = tuple(targets)


def install(
    model: Path | str, folder: Path | str, *, replace: bool = False, report: Callable[[Path], None] = lambda path: None
) -> list[Path]:
    """Install a weight file or built-in models, and return the installed files.

    A file that is there already with the same content stays as it is, so an interrupted installation can be repeated.

    Args:
        model: a weight file, the name of a built-in model such as "wqv1_x4", or "starters" for all of them.
        folder: the `models/custom` folder of the viewer.
        replace: overwrite other files of the same names.
        report: called with each file as soon as it is installed.

    Raises:
        UserError: as `install_model`, or there are no built-in models.
    """
    starters = () if os.path.isfile(model) else _find_named(str(model))
    if starters:
        return _install_starters(starters, Path(folder), replace, report)
    installed = install_model(model, folder, replace=replace)
    report(installed)
    return [installed]


def _find_named(name: str) -> tuple[Starter, ...]:
    """Return the built-in models of a name, none for the name of anything else."""
    if name == ALL_STARTERS:
        starters = find_starters()
        if not starters:
            raise UserError(describe_choice(()))
        return starters
    starter = find_starter(name)
    if starter is None:
        find_model(name)  # names the built-in models where `name` has their form
    return (starter,) if starter is not None else ()


def install_model(model: Path | str, folder: Path | str, *, replace: bool = False) -> Path:
    """Copy a model into a folder and return the path of the copy.

    Args:
        model: a weight file.
        folder: the `models/custom` folder of the viewer.
        replace: overwrite another file of the same name.

    Raises:
        NotViewerCompatible: the viewer would not load the file.
        NameAlreadyUsed: the folder contains another file of this name, and `replace` is false.
        UserError: the scale mark in the name is missing or wrong, or the folder is missing.
    """
    model, folder = Path(model), Path(folder)
    found = identify(open_weights(model))
    name_problem = scale_mark_problem(model, found.spec.scale)
    if name_problem:
        raise UserError(
            f"WQV-Viewer takes the scale from the file name, but {name_problem}. "
            f"Rename the file so that its only scale mark is x{found.spec.scale}, such as wqv_x{found.spec.scale}.pth."
        )
    has_plain_names = found.dialect == BASICSR and found.is_complete and not found.unexpected
    has_plain_names = has_plain_names and all(ours == theirs for ours, theirs in found.names.items())
    problem = check_programs(model, found.spec, container=found.container, plain_names=has_plain_names).viewer
    if problem:
        command = f"wqv-upscale-tools export {model} -o wqv_x{found.spec.scale}.pth --viewer-compatible"
        raise NotViewerCompatible(f"WQV-Viewer cannot load {model}: {problem}.", hint=f"Convert it first: {command}")
    target = _find_target(folder, model.name)
    if os.path.isfile(target) and filecmp.cmp(model, target, shallow=False):
        return target
    _refuse_replacing([target], replace, can_rename=True)
    with open_regular(model) as source, atomic_write(target) as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    return target


def _install_starters(
    starters: Sequence[Starter], folder: Path, replace: bool, report: Callable[[Path], None]
) -> list[Path]:
    """Write built-in models into a folder, or none if one would replace another file and `replace` is false."""
    targets = [_find_target(folder, starter.path.name) for starter in starters]
    existing = [(starter, target) for starter, target in zip(starters, targets) if os.path.exists(target)]
    present = {target for starter, target in existing if _prepare_starter(starter, target).is_written()}
    _refuse_replacing([target for target in targets if target not in present], replace)
    for starter, target in zip(starters, targets):
        if target not in present:
            _prepare_starter(starter, target).write()
        report(target)
    return targets


def _prepare_starter(starter: Starter, target: Path) -> Deployable:
    """Prepare a built-in model for a file, padded to the size that the viewer builds."""
    from trainer_core.weights.export import pad_for_viewer, prepare_deployable
    from trainer_core.weights.network import load_network

    network, source = load_network(starter.path)
    state, spec = pad_for_viewer(network.state_dict(), source.spec)
    meta = {key: value for key, value in source.meta.items() if key not in ("arch", "scale", "spec", "loads_in")}
    half = starter.card.get("precision") == "fp16"
    return prepare_deployable(target, state, spec, meta, padded_from=source.spec, half=half)


def _find_target(folder: Path, name: str) -> Path:
    if not os.path.isdir(folder):
        raise UserError(f"{explain_missing(folder, 'folder')} Choose the models/custom folder of WQV-Viewer.")
    return folder / name


def _refuse_replacing(targets: Sequence[Path], replace: bool, *, can_rename: bool = False) -> None:
    existing = [target for target in targets if os.path.exists(target)]
    if existing and not replace:
        hint = f"Use --replace to overwrite {'it' if len(existing) == 1 else 'them'}"
        raise NameAlreadyUsed(existing, hint=f"{hint}, or rename the model." if can_rename else f"{hint}.")
