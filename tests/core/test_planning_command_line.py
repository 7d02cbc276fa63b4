"""The command that starts a run with the given settings."""

from __future__ import annotations

import shlex

from trainer_core.cli import build_parser
from trainer_core.planning.command_line import format_command


def test_the_command_gives_the_same_settings_again() -> None:
    given = {
        "source_dir": "my photos",
        "workspace": "runs/a b",
        "scale": 2,
        "monochrome_style": True,
        "amp": False,
        "learning_rate": 1e-3,
        "betas": (0.9, 0.999),
        "max_minutes": None,
        "val_interval": "auto",
    }
    words = shlex.split(format_command(given))
    read = vars(build_parser().parse_args(words[1:]))
    assert {**read, "betas": tuple(read["betas"])} == given


def test_the_demo_s_command_names_only_the_workspace() -> None:
    assert format_command({"demo": True, "workspace": "runs/demo"}) == "wqv-upscale-trainer runs/demo --demo"


def test_missing_places_are_marked_in_the_command() -> None:
    assert format_command({}) == "wqv-upscale-trainer <source_dir> <workspace_dir>"
