"""Write tests/data/workspace_1.0 and tests/data/interface_1.0: one of each file that version 1.0 writes.

    python -m tests.stored_files

Later versions must read these files (`tests/core/test_stored_workspace.py` and `test_compatibility.py`), so they are
written again only before 1.0 is released. Paths in text files become `/photos` and `/workspace`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from app.__main__ import build_parser as build_window_parser
from tests.small_runs import TINY
from trainer_core import cli, tool_options
from trainer_core.camera.profile import BUILTIN_PROFILES, CameraProfile
from trainer_core.control import RunControl
from trainer_core.events import (
    CheckpointSaved,
    Event,
    Notice,
    PlanChanged,
    PreviewReady,
    RolledBack,
    RunFinished,
    RunStarted,
    SaveBlocked,
    StepDone,
    Validated,
    event_to_json,
)
from trainer_core.planning.plan import make_plan
from trainer_core.starters.registry import find_starters

DATA = Path(__file__).parent / "data"
WORKSPACE, INTERFACE = DATA / "workspace_1.0", DATA / "interface_1.0"
STEPS, STOPPED_AT = 12, 8
# An adversarial stage with Muon: a checkpoint with everything that one can hold.
SETTINGS: dict[str, Any] = {
    **TINY,
    "scale": 2,
    "steps": STEPS,
    "val_interval": 4,
    "checkpoint_interval": 8,
    "image_log_interval": 4,
    "num_workers": 1,
    "optimizer": "muon",
    "gan_weight": 0.05,
    "gan_ramp": 4,
    "gan_features": 4,
    "model_name": "harbor",
}
# Every class with a value in every field that can be absent.
EVENTS: tuple[Event, ...] = (
    RunStarted("1a", "w", 4, True, 5, 9, "cuda:1", "bf16", 7, {"train": 3}, "c.pth", "GPU", 8 << 30, 2),
    PlanChanged(5, 90, 80),
    StepDone(6, 90, {"l1": 0.5, "total": 0.5}, 1e-3, 0.1, 2.0, 1.0, 40.0, 1 << 20, 1, 0.25, {"loss": 0.7}),
    Validated(6, "val", 24.5, 0.75, 23.0, 0.7, True, 3, 1.5, 2.0, 4.0, 1.25, 0.5, 0.25),
    PreviewReady(6, (), ("previews/step00000006_1.png",)),
    CheckpointSaved(6, "checkpoints/scale4_best.pth", "best", ("models/a_x4.pth",), "loads in spandrel", 0.5),
    SaveBlocked(6, "The disk is full.", 600.0),
    RolledBack(8, 6, "the loss rose", 5e-4, 1, "previous_runs/1"),
    Notice("warning", "A sentence."),
    RunFinished("failed", 9, 24.5, 6, 23.0, 24.0, "c.pth", "m.pth", "A sentence.", 9.0, {"batch_size": 4}, 2.0),
)


def write_workspace() -> None:
    """Train until `STOPPED_AT`, stop, and store the workspace."""
    from trainer_core.training.trainer import Trainer  # here, because the options can be collected without torch

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(DATA / "photos", folder / "photos")
        control = RunControl()

        def on_event(event: Event) -> None:
            if isinstance(event, StepDone) and event.step == STOPPED_AT:
                control.stop()

        places = {"source_dir": str(folder / "photos"), "workspace": str(folder / "workspace")}
        Trainer(make_plan({**SETTINGS, **places}), on_event, control).run()
        shutil.rmtree(WORKSPACE, ignore_errors=True)
        shutil.copytree(folder / "workspace", WORKSPACE, ignore=shutil.ignore_patterns(".*"))
        for path in WORKSPACE.rglob("*"):
            if path.suffix in (".json", ".jsonl", ".log"):
                path.write_text(path.read_text("utf-8").replace(name, ""), "utf-8")


def write_interface() -> None:
    """Store events, camera profiles, a model card and the options of all commands."""
    INTERFACE.mkdir(exist_ok=True)
    lines = (json.dumps({**event_to_json(event), "time": 1.5}) for event in EVENTS)
    (INTERFACE / "events.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    for name in BUILTIN_PROFILES:
        _write_json(INTERFACE / f"{name}_profile.json", CameraProfile.builtin(name).to_json())
    _write_json(INTERFACE / "card.json", dict(find_starters()[0].card))
    _write_json(INTERFACE / "options.json", collect_options())


def collect_options() -> dict[str, list[str]]:
    """Return all options of each command, in the order of the alphabet."""
    tools = tool_options.build_parser()
    verbs = next(action for action in tools._actions if isinstance(action, argparse._SubParsersAction))
    parsers: dict[str, argparse.ArgumentParser] = {
        "wqv-upscale-trainer": cli.build_parser(),
        "wqv-upscale-trainer-gui": build_window_parser(),
        **{f"wqv-upscale-tools {verb}": parser for verb, parser in verbs.choices.items()},
    }
    return {name: sorted(parser._option_string_actions) for name, parser in parsers.items()}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    write_workspace()
    write_interface()
