"""Installation of a model for WQV-Viewer: checked, with a scale mark in its name, copied durably."""

from __future__ import annotations

import shutil
from pathlib import Path

from trainer_core.errors import UserError
from trainer_core.files import atomic_write
from trainer_core.input_files import open_regular
from trainer_core.weights.container.reader import open_weights
from trainer_core.weights.programs import check_programs, scale_mark_problem
from trainer_core.weights.rrdb.dialects import identify
from trainer_core.weights.rrdb.key_names import BASICSR


class NotViewerCompatible(UserError):
    """Refusal of a file that WQV-Viewer would not load; an export with `viewer_compatible` writes one that it loads."""


class NameAlreadyUsed(UserError):
    """Refusal to overwrite another file of the same name."""


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
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}. Choose the models/custom folder of WQV-Viewer.")
    target = folder / model.name
    if target.exists() and target.samefile(model):
        return target
    if target.exists() and not replace:
        raise NameAlreadyUsed(
            f"{target} already exists. It may be a model that came with WQV-Viewer or that you installed before.",
            hint="Use --replace to overwrite it, or rename the model.",
        )
    with open_regular(model) as source, atomic_write(target) as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    return target
