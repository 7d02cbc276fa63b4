"""The settings under way before a run: choices, presets, the workspace's values, the demo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from trainer_core.errors import UserError
from trainer_core.planning.draft import Draft
from trainer_core.planning.plan import make_plan
from trainer_core.planning.starting_weights import identify_start
from trainer_core.settings.config import STARTER
from trainer_core.settings.presets import NETWORK_FIELDS, PRESETS
from trainer_core.workspace.layout import Workspace


def stored(folder: Path, **values: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "training_config.json").write_text(json.dumps({"schema": 1, **values}), "utf-8")
    return folder


def test_the_learning_rate_of_a_preset_follows_the_warm_start() -> None:
    draft = Draft()
    draft.set("preset", "nano")
    assert draft.config.learning_rate == 4e-3
    draft.set("init_weights", "/a.pth")
    assert draft.config.learning_rate == draft.default("learning_rate") == 1e-3
    draft.reset("init_weights")
    assert draft.config.learning_rate == draft.default("learning_rate") == 4e-3
    draft.set("learning_rate", 3e-3)
    draft.set("init_weights", "/a.pth")
    assert draft.config.learning_rate == 3e-3


def test_a_choice_means_what_the_option_means() -> None:
    draft = Draft()
    draft.set("preset", "nano")
    draft.set("batch_size", 8)
    assert draft.given == {"preset": "nano", "batch_size": 8}
    assert (draft.config.num_feat, draft.config.batch_size) == (32, 8)


def test_choosing_a_preset_takes_back_what_belongs_to_it() -> None:
    draft = Draft()
    draft.set("num_feat", 48)
    draft.set("preset", "nano")
    assert draft.config.num_feat == 32


def test_steps_and_a_time_budget_replace_each_other() -> None:
    draft = Draft()
    draft.set("max_minutes", 5.0)
    draft.set("steps", 100)
    assert (draft.config.steps, draft.config.max_minutes) == (100, None)
    draft.set("max_minutes", 5.0)
    assert draft.given == {"max_minutes": 5.0}


def test_a_source_folder_replaces_the_demo_and_an_emptied_one_does_not(tmp_path: Path) -> None:
    draft = Draft()
    draft.open_workspace(str(stored(tmp_path / "run", demo=True, source_dir="/made/scenes")))
    assert draft.given["demo"] is True and "source_dir" not in draft.given
    draft.set("source_dir", "")
    assert draft.config.demo
    draft.set("source_dir", "/photos")
    assert (draft.config.demo, draft.config.source_dir) == (False, "/photos")


def test_a_choice_that_undoes_others_counts_even_if_it_repeats_what_holds(tmp_path: Path) -> None:
    draft = Draft()
    draft.open_workspace(str(stored(tmp_path / "run", preset="nano", num_block=9, max_minutes=5.0, steps=70)))
    draft.set("steps", 70)
    assert draft.given["steps"] == 70 and draft.config.max_minutes is None
    draft.set("preset", "nano")
    assert draft.given["preset"] == "nano" and draft.config.num_block == 4
    draft.set("max_minutes", 5.0)
    assert not {"steps", "max_minutes"} & {*draft.given}, "the workspace has this budget"


def test_a_proposed_preset_gives_way_to_every_choice(tmp_path: Path) -> None:
    draft = Draft()
    draft.propose_preset("light")
    assert draft.config.num_block == 6
    draft.open_workspace(str(stored(tmp_path / "run", preset="full")))
    assert draft.config.preset == "full"
    draft.set("preset", "nano")
    assert draft.config.preset == "nano"


def test_a_proposed_preset_leaves_a_workspace_s_own_sizes_alone(tmp_path: Path) -> None:
    draft = Draft()
    draft.propose_preset("light")
    draft.open_workspace(str(stored(tmp_path / "run", num_block=3, batch_size=5)))
    assert (draft.config.num_block, draft.config.batch_size) == (3, 5) and "preset" not in draft.given


def test_a_workspace_brings_its_settings_and_its_photos(tmp_path: Path) -> None:
    draft = Draft()
    draft.open_workspace(str(stored(tmp_path / "run", scale=2, source_dir="/photos")))
    assert (draft.config.scale, draft.config.source_dir) == (2, "/photos")


def test_an_opened_workspace_s_own_settings_replace_every_earlier_choice(tmp_path: Path) -> None:
    own = stored(tmp_path / "run", scale=2, source_dir="/photos", init_weights="/seed.pth", monochrome_style=True)
    earlier = {"source_dir": "/mine", "scale": 8, "preset": "light", "init_weights": "/mine.pth", "steps": 7}
    draft = Draft()
    for name, value in earlier.items():
        draft.set(name, value)
    draft.open_workspace(str(own))
    assert draft.given == {"source_dir": "/photos", "workspace": str(own)}
    config = draft.config
    assert (config.scale, config.init_weights, config.monochrome_style) == (2, "/seed.pth", True)
    draft.use_demo(str(tmp_path / "demo"))
    draft.open_workspace(str(own))
    assert (draft.config.demo, draft.config.source_dir) == (False, "/photos")


def test_opening_the_same_workspace_again_keeps_what_was_chosen_there(tmp_path: Path) -> None:
    own = stored(tmp_path / "run", scale=2, source_dir="/photos")
    draft = Draft()
    draft.open_workspace(str(own))
    draft.set("scale", 4)
    draft.set("source_dir", "/mine")
    draft.open_workspace(str(own))
    assert (draft.config.scale, draft.config.source_dir) == (4, "/mine")


def test_settings_that_another_process_stored_in_between_replace_the_choices(tmp_path: Path) -> None:
    draft = Draft()
    draft.set("source_dir", "/mine")
    draft.open_workspace(str(tmp_path / "run"))
    assert draft.config.source_dir == "/mine"
    stored(tmp_path / "run", source_dir="/photos")
    draft.open_workspace(str(tmp_path / "run"))
    assert draft.config.source_dir == "/photos"


def test_a_workspace_that_is_passed_while_typing_leaves_nothing_behind(tmp_path: Path) -> None:
    stored(tmp_path / "mono", scale=2, source_dir="/photos")
    draft = Draft()
    draft.set("source_dir", "/mine")
    draft.set("steps", 7)
    draft.open_workspace(str(tmp_path / "mono"), typed=True)
    assert (draft.config.scale, draft.config.source_dir) == (2, "/photos")
    draft.open_workspace(str(tmp_path / "mono2"), typed=True)
    assert draft.given == {"source_dir": "/mine", "steps": 7, "workspace": str(tmp_path / "mono2")}
    draft.open_workspace(str(tmp_path / "mono"), typed=True)
    draft.set("scale", 8)
    draft.open_workspace(str(tmp_path / "mono3"), typed=True)
    assert draft.config.scale == 8, "a choice made in it is not lost"


def test_the_built_in_scenes_are_chosen_even_if_the_workspace_has_other_photos(tmp_path: Path) -> None:
    draft = Draft()
    draft.use_demo(str(stored(tmp_path / "demo", source_dir="/photos", steps=9)))
    assert draft.given == {"demo": True, "workspace": str(tmp_path / "demo")} and draft.config.steps == 9


@pytest.mark.parametrize("new_workspace", [False, True])
@pytest.mark.parametrize("clear", ["reset", "set"])
def test_without_its_warm_start_the_network_is_the_preset_s_again(
    tmp_path: Path, clear: str, new_workspace: bool
) -> None:
    network = {"num_feat": 32, "num_block": 4, "num_grow_ch": 16}
    draft = Draft()
    draft.open_workspace(str(stored(tmp_path / "run", preset="light", init_weights="/nano.pth", **network)))
    assert draft.config.num_block == 4
    if new_workspace:
        draft.open_workspace(str(tmp_path / "new"))
    if clear == "reset":
        draft.reset("init_weights")
    else:
        draft.set("init_weights", "")
    assert (draft.config.init_weights, draft.config.preset, draft.config.num_block) == (None, "light", 6)
    draft.open_workspace(str(tmp_path / "newer"))
    assert (draft.config.num_feat, draft.config.num_block, draft.config.num_grow_ch) == (64, 6, 32)


def test_reset_goes_to_the_default_not_to_what_is_stored(tmp_path: Path) -> None:
    draft = Draft()
    draft.open_workspace(str(stored(tmp_path / "run", batch_size=3)))
    draft.reset("batch_size")
    assert draft.config.batch_size == 16


def test_unreadable_settings_are_reported_and_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "training_config.json").write_text("{", "utf-8")
    draft = Draft()
    with pytest.raises(UserError, match="cannot be read as JSON"):
        draft.open_workspace(str(tmp_path))
    assert draft.config.workspace == str(tmp_path)


def test_a_value_that_cannot_be_used_is_kept_and_explained() -> None:
    draft = Draft()
    draft.set("batch_size", "many")
    assert "whole number" in draft.problems["batch_size"]
    assert draft.given["batch_size"] == "many"


def test_the_demo_needs_no_photos(tmp_path: Path) -> None:
    draft = Draft()
    draft.set("scale", 2)
    draft.use_demo(str(tmp_path / "demo"))
    assert draft.given == {"demo": True, "workspace": str(tmp_path / "demo")}
    assert (draft.config.scale, draft.config.preset) == (4, "nano")


def test_resuming_and_a_warm_start_take_each_other_back() -> None:
    draft = Draft()
    draft.set("init_weights", "a.pth")
    draft.set("resume_from", "scale4_step8.pth")
    assert draft.given == {"resume_from": "scale4_step8.pth"}
    draft.set("init_weights", "a.pth")
    assert draft.given == {"init_weights": "a.pth"}
    draft.set("resume_from", "scale4_step8.pth")
    draft.apply_imported({"init_weights": "b.pth"})
    assert draft.given == {"init_weights": "b.pth"}


def test_another_workspace_leaves_the_photos_of_the_one_before(tmp_path: Path) -> None:
    draft = Draft()
    draft.open_workspace(str(stored(tmp_path / "mono", source_dir="/photos")))
    draft.open_workspace(str(tmp_path / "mono2"))
    assert draft.given == {"workspace": str(tmp_path / "mono2")}
    draft.open_workspace(str(tmp_path / "mono"))
    draft.set("source_dir", "")
    assert not draft.config.source_dir
    draft.open_workspace(str(tmp_path / "mono"))
    draft.open_workspace("")
    assert draft.given == {}


def test_a_folder_that_remembers_nothing_changes_nothing_in_the_form(tmp_path: Path) -> None:
    draft = Draft()
    draft.propose_preset("light")
    draft.open_workspace(str(stored(tmp_path / "mono", preset="nano", monochrome_style=True, batch_size=5, scale=2)))
    before = draft.config
    draft.open_workspace(str(tmp_path / "passed"))
    draft.open_workspace(str(tmp_path / "new"))
    assert draft.config == before.replace(workspace=str(tmp_path / "new"))
    assert draft.given["batch_size"] == 5 and draft.session_choices["preset"] == "nano", "a run would be given them"
    draft.set("preset", "full")
    assert draft.config.batch_size == Draft().default("batch_size") and draft.config.scale == 2
    draft.reset("scale")
    assert draft.config.scale == 4
    draft.open_workspace(str(stored(tmp_path / "other", preset="light", scale=8)))
    assert (draft.config.scale, draft.config.monochrome_style) == (8, False), "its own"
    assert draft.config.preset == "light"
    draft.use_demo(str(tmp_path / "demo"))
    assert draft.given == {"demo": True, "workspace": str(tmp_path / "demo")}


def test_what_was_only_proposed_is_no_choice(tmp_path: Path) -> None:
    draft = Draft()
    draft.propose_preset("light")
    assert draft.given == {"preset": "light"} and draft.session_choices == {}


def propose(draft: Draft) -> Draft:
    draft.propose_preset("light")
    draft.propose_time_limits({"nano": 10.0, "light": 60.0})
    return draft


def test_a_time_limit_is_proposed_with_the_preset_until_someone_decides(tmp_path: Path) -> None:
    draft = propose(Draft())
    assert draft.given == {"preset": "light", "max_minutes": 60.0} and draft.session_choices == {}
    draft.set("preset", "nano")
    assert draft.config.max_minutes == draft.default("max_minutes") == 10.0
    draft.set("max_minutes", None)
    assert draft.config.max_minutes is None and draft.given["max_minutes"] is None
    draft.reset("max_minutes")
    assert draft.config.max_minutes == 10.0
    draft.set("steps", 500)
    assert (draft.config.steps, draft.config.max_minutes) == (500, None)
    draft.use_demo(str(tmp_path / "demo"))
    assert draft.config.max_minutes == 2.0


def test_a_start_is_proposed_until_someone_decides_about_it_or_the_size_of_the_network(tmp_path: Path) -> None:
    draft = Draft()
    draft.propose_start(STARTER)
    draft.set("preset", "nano")
    assert draft.config.init_weights == draft.default("init_weights") == STARTER
    assert draft.session_choices == {"preset": "nano"}
    assert draft.config.learning_rate == 1e-3, "a fourth, as in every run that starts from weights"
    draft.set("num_feat", 8)
    assert draft.config.init_weights is None and draft.default("init_weights") is None
    draft.reset("num_feat")
    draft.set("init_weights", None)
    assert draft.config.init_weights is None and draft.session_choices == {"preset": "nano", "init_weights": None}
    draft.reset("init_weights")
    assert draft.config.init_weights == STARTER
    draft.open_workspace(str(stored(tmp_path / "run", preset="nano")))
    assert draft.config.init_weights is None, "the workspace has settings of its own"
    draft.use_demo(str(tmp_path / "demo"))
    assert draft.config.init_weights is None


@pytest.mark.parametrize(("minutes", "after"), [(60.0, 10.0), (45.0, 45.0)])
def test_the_limit_of_an_earlier_run_follows_the_preset_only_where_it_was_the_proposed_one(
    tmp_path: Path, minutes: float, after: float
) -> None:
    draft = propose(Draft())
    draft.open_workspace(str(stored(tmp_path / "run", preset="light", max_minutes=minutes)))
    draft.open_workspace(str(tmp_path / "new"))  # the settings stay
    assert draft.config.max_minutes == minutes
    draft.set("preset", "nano")
    assert draft.config.max_minutes == after
    draft.set("preset", "light")
    assert draft.config.max_minutes == minutes
    draft.set("preset", "nano")
    draft.set("max_minutes", 60.0)
    draft.set("preset", "full")
    assert draft.config.max_minutes == 60.0, "chosen"


def test_settings_of_a_workspace_and_imported_ones_get_no_proposed_time_limit(tmp_path: Path) -> None:
    draft = propose(Draft())
    draft.open_workspace(str(stored(tmp_path / "run", preset="nano", steps=9)))
    assert (draft.config.steps, draft.config.max_minutes) == (9, None)
    draft.open_workspace(str(tmp_path / "new"))
    assert (draft.config.steps, draft.config.max_minutes) == (9, None), "they stay in an empty workspace"
    for imported in ({"max_minutes": None, "steps": 200000}, {"max_minutes": None}):
        draft = propose(Draft())
        draft.apply_imported(imported)
        assert (draft.config.steps, draft.config.max_minutes) == (200000, None)


def test_a_run_s_choices_are_its_workspace_s_and_its_budget(tmp_path: Path) -> None:
    pytest.importorskip("torch")  # the plan chooses the hardware
    draft = Draft()
    draft.open_workspace(str(tmp_path / "run"))
    draft.set("max_minutes", 480.0)
    draft.set("batch_size", 8)
    stored(tmp_path / "run", max_minutes=480.0, steps=1234, batch_size=8)  # as the trainer writes it
    draft.commit()
    assert draft.session_choices == {"workspace": str(tmp_path / "run")}
    assert (draft.config.batch_size, draft.config.steps) == (8, 1234)
    checkpoint = Workspace(tmp_path / "run").checkpoint_path(4, "step1")
    checkpoint.parent.mkdir()
    checkpoint.touch()
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    plan = make_plan({**draft.given, "source_dir": str(tmp_path), "resume_from": "latest"})
    assert (plan.config.max_minutes, plan.config.steps, plan.checkpoint) == (480.0, 1234, checkpoint)


def test_a_workspace_that_names_no_source_leaves_the_chosen_one(tmp_path: Path) -> None:
    draft = Draft()
    draft.set("source_dir", "/mine")
    draft.set("scale", 8)
    draft.open_workspace(str(stored(tmp_path / "run", scale=2)))
    assert (draft.config.source_dir, draft.config.scale) == ("/mine", 2)


def test_a_draft_returns_to_an_earlier_state(tmp_path: Path) -> None:
    draft = Draft()
    draft.set("source_dir", "/mine")
    draft.set("preset", "nano")
    before, state = draft.config, draft.state
    draft.open_workspace(str(stored(tmp_path / "run", scale=2, source_dir="/photos")))
    draft.set("steps", 9)
    after, later = draft.config, draft.state
    draft.restore(state)
    assert draft.config == before
    draft.restore(later)
    assert draft.config == after
    draft.open_workspace(str(tmp_path / "run"))
    assert draft.config == after, "it is still the open one"


def test_the_network_that_follows_from_the_built_in_model_is_no_change_of_the_user() -> None:
    draft = Draft()
    draft.propose_start(STARTER)
    draft.set("preset", "nano")
    draft.warm_start = start = identify_start(STARTER, draft.config)
    assert start.spec.num_feat > PRESETS["nano"]["num_feat"], "the network is widened to the model"
    for name in NETWORK_FIELDS:
        assert getattr(draft.config, name) == draft.default(name) >= PRESETS["nano"][name], name


def test_the_network_of_a_weight_file_is_no_change_of_the_user() -> None:
    draft = Draft()
    file = identify_start(STARTER, draft.config)
    draft.set("init_weights", str(file.path))
    draft.warm_start = file
    for name in NETWORK_FIELDS:
        assert getattr(draft.config, name) == draft.default(name) == getattr(file.spec, name), name
