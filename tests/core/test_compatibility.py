"""What docs/formats.md promises to stay compatible in versions 1.x, beside workspaces (test_stored_workspace.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.stored_files import collect_options
from trainer_core.camera.profile import BUILTIN_PROFILES, CameraProfile
from trainer_core.events import event_from_json, event_to_json
from trainer_core.settings.config import SETTINGS
from trainer_core.starters.card import read_card
from trainer_core.starters.registry import find_starters

DATA = Path(__file__).parents[1] / "data"
STORED = DATA / "interface_1.0"
EVENTS = [json.loads(line) for line in (STORED / "events.jsonl").read_text("utf-8").splitlines()]


def read(name: str) -> Any:
    return json.loads((STORED / name).read_text("utf-8"))


@pytest.mark.parametrize("command", read("options.json"))
def test_every_option_of_version_1_0_still_exists(command: str) -> None:
    assert sorted(set(read("options.json")[command]) - set(collect_options()[command])) == []


@pytest.mark.parametrize("version", ["0.1.0", "1.0"])
def test_every_stored_setting_still_exists(version: str) -> None:
    stored = json.loads((DATA / f"workspace_{version}" / "training_config.json").read_text("utf-8"))
    no_settings = {"schema", "derived", "warm_start", "workspace_id"}
    assert sorted(set(stored) - no_settings - set(SETTINGS)) == []


@pytest.mark.parametrize("record", EVENTS, ids=lambda record: record["event"])
def test_an_event_of_version_1_0_is_read_and_written_with_every_field(record: dict[str, Any]) -> None:
    event = event_from_json(record)
    assert event is not None
    assert {name: value for name, value in event_to_json(event).items() if name in record} == {
        **record,
        "time": pytest.approx(event_to_json(event)["time"], abs=60),
    }


@pytest.mark.parametrize("name", BUILTIN_PROFILES)
def test_a_camera_profile_of_version_1_0_means_what_it_meant(name: str) -> None:
    stored = read(f"{name}_profile.json")
    written = CameraProfile.load(STORED / f"{name}_profile.json").to_json()
    for section in ("ranges", "chances"):
        assert {key: written[section][key] for key in stored[section]} == stored[section]
    assert {key: written[key] for key in ("schema", "kind", "name", "notes")} == {
        key: stored[key] for key in ("schema", "kind", "name", "notes")
    }


def test_a_model_card_of_version_1_0_is_read() -> None:
    stored = read("card.json")
    starter = read_card(STORED / "card.json")
    assert (starter.watch.profile, starter.scale, starter.sha256) == (
        stored["watch"],
        stored["scale"],
        stored["sha256"],
    )
    assert [vars(figures) for figures in starter.measured] == stored["measured"]


@pytest.mark.parametrize("starter", find_starters(), ids=lambda starter: starter.name)
def test_a_model_card_has_every_key_of_version_1_0(starter: Any) -> None:
    assert sorted(set(read("card.json")) - set(starter.card)) == []
