"""The file of a blind comparison, `blind_FIRST_SECOND.json`: the models, the answer to each pair, and the result."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trainer_core
from trainer_core.blind.comparison import CONFIDENCE, BlindComparison
from trainer_core.files import shorten_name, write_json
from trainer_core.input_files import read_regular
from trainer_core.starters import registry

SCHEMA = 1


@dataclass(frozen=True)
class ComparedModel:
    """A weight file and its content when it was compared, which a training may replace later.

    Args:
        path: the file.
        sha256: of its content.
    """

    path: Path
    sha256: str

    @property
    def is_built_in(self) -> bool:
        """Whether it is one of the program's own models."""
        return self.path.parent == registry.FOLDER


def read_compared_model(path: Path) -> ComparedModel:
    """Read what identifies a weight file."""
    return ComparedModel(path, hashlib.sha256(read_regular(path)).hexdigest())


def choose_record_path(folder: Path, models: tuple[ComparedModel, ComparedModel]) -> Path:
    """Return a path in `folder` that no file has yet, named after both models."""
    name = shorten_name(f"blind_{models[0].path.stem}_{models[1].path.stem}")
    path, number = folder / f"{name}.json", 1
    while path.exists():
        number += 1
        path = folder / f"{name}_{number}.json"
    return path


def write_record(
    path: Path, comparison: BlindComparison, models: tuple[ComparedModel, ComparedModel], names: tuple[str, str]
) -> None:
    """Write the answers so far and their result.

    Raises:
        WriteError: the file cannot be written.
    """
    result = comparison.result
    first, second = (
        {"name": name, "file": model.path.name, "sha256": model.sha256} for name, model in zip(names, models)
    )
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "program": trainer_core.PROGRAM,
        "date": time.strftime("%Y-%m-%d %H:%M:%S"),
        "first": first,
        "second": second,
        "pairs": len(comparison.pairs),
        "answers": [{"photo": photo, "better": preference} for photo, preference in comparison.preferences],
        "result": {
            "first": result.first,
            "second": result.second,
            "equal": result.equal,
            "interval": [round(result.low, 4), round(result.high, 4)],
            "confidence": CONFIDENCE,
        },
    }
    write_json(path, content)
