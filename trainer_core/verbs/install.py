"""Put a model where WQV-Viewer finds it: checked, under a name it takes the scale from, copied durably."""

from __future__ import annotations

import shutil
from pathlib import Path

from trainer_core.errors import UserError
from trainer_core.files import atomic_write
from trainer_core.weights.container.reader import open_weights
from trainer_core.weights.programs import check_programs, scale_mark_problem
from trainer_core.weights.rrdb.dialects import identify
from trainer_core.weights.rrdb.key_names import BASICSR


class NotViewerCompatible(UserError):
    """WQV-Viewer would not load this form of the model; an export writes one that it loads."""


class NameAlreadyUsed(UserError):
    """Another file of this name lies in the folder."""


def install_model(model: Path | str, folder: Path | str, *, replace: bool = False) -> Path:
    """Copy `model` into the folder `into` (the viewer's `models/custom`); the new file's path.

    Args:
        replace: overwrite a different file of the same name.

    Raises:
        NotForViewer, NameTaken: as they say.
        UserError: the name tells no scale, or the folder is missing.
    """
    model, folder = Path(model), Path(folder)
    found = identify(open_weights(model))
    has_scale_problem = scale_mark_problem(model, found.spec.scale)
    if has_scale_problem:
        raise UserError(
            f"WQV-Viewer takes the scale from the file name, but {has_scale_problem}. "
            f"Rename it so that it carries x{found.spec.scale} exactly once, such as wqv_x{found.spec.scale}.pth."
        )
    plain = found.dialect == BASICSR and found.is_complete and not found.unexpected
    plain = plain and all(ours == theirs for ours, theirs in found.names.items())
    fault = check_programs(model, found.spec, container=found.container, plain_names=plain).viewer
    if fault:
        command = f"wqv-upscale-tools export {model} -o wqv_x{found.spec.scale}.pth --viewer-compatible"
        raise NotViewerCompatible(f"WQV-Viewer would not load {model}: {fault}.", hint=f"Convert it first: {command}")
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}. Name the viewer's models/custom folder.")
    target = folder / model.name
    if target.exists() and target.samefile(model):
        return target
    if target.exists() and not replace:
        raise NameAlreadyUsed(
            f"There is a file {target} already.", hint="Give --replace to overwrite it, or rename the model."
        )
    with open(model, "rb") as source, atomic_write(target) as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    return target
