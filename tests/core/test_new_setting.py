"""Adding a setting is one edit: in a program whose schema has one more field, everything else follows by itself."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_runs import TINY, flags, make_photos

ROOT = Path(__file__).resolve().parents[2]

# The one edit, made in memory before anything else reads the schema.
EDIT = """
import dataclasses
from trainer_core.settings import config
from trainer_core.settings.schema import settings_of

@dataclasses.dataclass(frozen=True)
class TrainerConfig(config.TrainerConfig):
    sparkle: float = config.Group("Camera")("Sparkle", "How much the photos sparkle.").number(
        0.25, minimum=0, maximum=2, unit="stars", fixed_on_resume=True, of_camera=True
    )

config.TrainerConfig, config.SETTINGS = TrainerConfig, settings_of(TrainerConfig)
"""


def run_extended(code: str, *arguments: str) -> str:
    """What a program with that schema prints."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "COLUMNS": "300"}
    command = [sys.executable, "-c", EDIT + code, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"needs {package}")


def test_it_is_an_option() -> None:
    printed = run_extended("from trainer_core.cli import build_parser; build_parser().print_help()")
    assert "--sparkle X" in printed
    assert "How much the photos sparkle. (from 0 to 2 stars; default 0.25)" in printed


def test_it_is_documented() -> None:
    printed = run_extended("import runpy; runpy.run_module('trainer_core.settings.options_page', run_name='__main__')")
    camera = printed.partition("## Camera\n")[2].partition("##")[0]
    assert "| `--sparkle` | 0.25 | from 0 to 2 stars | How much the photos sparkle. |" in camera


def test_it_is_validated_and_stored_and_read_again() -> None:
    printed = run_extended("""
from trainer_core.settings.merge import merge_settings
from trainer_core.settings.rules import find_problems
from trainer_core.settings.stored import StoredSettings, parse_stored_settings, settings_to_json
print(find_problems(merge_settings({"source_dir": "a", "workspace": "b", "sparkle": 3.0})))
content = settings_to_json(merge_settings({"sparkle": 1.5}), stored=StoredSettings(), derived=None, warm_start=None)
print(parse_stored_settings(content, "a file").values["sparkle"])
""")
    assert printed == "{'sparkle': '--sparkle must be from 0 to 2, not 3.'}\n1.5\n"


def test_it_is_part_of_a_draft_and_of_the_command() -> None:
    printed = run_extended("""
from trainer_core.planning.command_line import format_command
from trainer_core.planning.draft import Draft
draft = Draft()
draft.set("sparkle", 0.5)
print(draft.config.sparkle, format_command(draft.given))
""")
    assert printed == "0.5 wqv-upscale-trainer <source_dir> <workspace_dir> --sparkle 0.5\n"


@needs("torch")
def test_a_resumed_run_warns_where_it_has_changed(tmp_path: Path) -> None:
    photos, settings = make_photos(tmp_path / "photos", 4), {**TINY, "scale": 2}
    train = "import sys; from trainer_core.cli import main; sys.exit(main(sys.argv[1:]))"
    places = (str(photos), str(tmp_path / "run"))
    run_extended(train, *places, *flags({**settings, "steps": 2}))
    more = flags({**settings, "steps": 3, "resume_from": "latest"})
    printed = run_extended(train, *places, *more, "--sparkle", "0.5")
    assert "Resumed with changed settings: sparkle 0.25 -> 0.5." in printed


@needs("torch")
def test_what_the_camera_shows_depends_on_it() -> None:
    printed = run_extended("from trainer_core.training.simulated_view import CAMERA_SETTINGS; print(CAMERA_SETTINGS)")
    assert "'sparkle'" in printed


@needs("PySide6")
def test_it_has_a_row_in_the_form() -> None:
    printed = run_extended("""
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
application = QApplication([])
from app.form.form import SettingsForm
from app.form.project import Project
from app.widgets.theme import install_theme
install_theme(application)
project = Project()
form = SettingsForm(project)
row = form.rows["sparkle"]
print(row.entry.value(), row.setting.group)
row.entry.focusProxy().clear()
QTest.keyClicks(row.entry.focusProxy(), "7")
print(project.draft.config.sparkle, row.note)
project.close()
""")
    assert printed == "0.25 Camera\n7.0 Sparkle must be from 0 to 2, not 7.\n"
