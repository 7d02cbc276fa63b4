"""One schema: `--help`, JSON, the table, validation; and where a value comes from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from trainer_core.cli import build_parser
from trainer_core.errors import UserError
from trainer_core.settings.config import SETTINGS
from trainer_core.settings.merge import resolve_settings
from trainer_core.settings.options_page import format_options_page
from trainer_core.settings.presets import PRESETS, preset_for_device, time_limits_for_device
from trainer_core.settings.rules import CONTRADICTIONS
from trainer_core.settings.stored import StoredSettings, parse_stored_settings, settings_to_json

PLACES = {"source_dir": "photos", "workspace": "runs"}


@pytest.mark.parametrize(
    ("preset", "rate", "warm"), [("nano", 4e-3, 1e-3), ("light", 2e-3, 5e-4), ("full", 2e-4, 2e-4)]
)
def test_a_run_that_starts_from_weights_has_a_lower_learning_rate_with_muon(
    preset: str, rate: float, warm: float
) -> None:
    cold = {**PLACES, "preset": preset}
    start = {**cold, "init_weights": "x.pth"}
    assert resolve_settings(cold).learning_rate == rate
    assert resolve_settings(start).learning_rate == pytest.approx(warm)
    assert resolve_settings({**start, "learning_rate": 3e-3}).learning_rate == 3e-3
    stored = {"preset": preset, "learning_rate": rate, "optimizer": resolve_settings(cold).optimizer}
    from_weights = {**stored, "init_weights": "x.pth", "learning_rate": warm}
    assert resolve_settings({**PLACES, "init_weights": "x.pth"}, stored).learning_rate == pytest.approx(warm)
    assert resolve_settings(PLACES, from_weights).learning_rate == warm
    assert resolve_settings({**PLACES, "init_weights": None}, from_weights).learning_rate == rate
    chosen = {**stored, "learning_rate": 3e-3}
    assert resolve_settings({**PLACES, "init_weights": "x.pth"}, chosen).learning_rate == 3e-3


def test_the_schema_names_only_settings_that_exist() -> None:
    named = {name for setting in SETTINGS.values() for name in setting.replaces} | {*CONTRADICTIONS}
    assert named and named <= {*SETTINGS}
    for preset in PRESETS.values():
        assert {*SETTINGS["preset"].replaces} == {*preset}


def test_without_a_gpu_an_hour_is_proposed_and_each_preset_has_a_time_limit() -> None:
    limits = time_limits_for_device("cpu")
    assert {*limits} == {*PRESETS} and limits[preset_for_device("cpu")] == 60
    assert time_limits_for_device("cuda") == {}


def test_labels_belong_to_the_values_that_can_be_chosen() -> None:
    labeled = [setting for setting in SETTINGS.values() if setting.choice_labels]
    assert labeled
    for setting in labeled:
        assert {*setting.choice_labels} == {*(setting.choices or (False, True))}


def test_every_setting_is_an_option_and_every_switch_has_both_forms() -> None:
    help_text = build_parser().format_help()
    for described in SETTINGS.values():
        assert described.help and described.label and described.group
        if described.flag:
            assert described.flag in help_text
        if described.kind == "switch":
            assert f"--no-{described.flag[2:]}" in help_text


def test_the_first_trainers_keys_and_defaults_are_kept() -> None:
    config = resolve_settings(PLACES)
    expected = dict(
        scale=4,
        steps=200000,
        batch_size=16,
        learning_rate=2e-4,
        betas=(0.9, 0.99),
        weight_decay=0.0,
        patches_per_image=16,
        train_split=0.8,
        val_split=0.1,
        seed=1337,
        device="auto",
        amp=True,
        grad_accum_steps=1,
        tensorboard=False,
        log_interval=100,
        image_log_max_samples=4,
        resume_from=None,
        perceptual_weight=0.0,
        l1_weight=1.0,
        ema_decay=0.999,
        gradient_clip=0.5,
        base_resolution=120,
        monochrome_style=False,
        monochrome_levels=16,
        monochrome_noise=1.0,
        init_weights=None,
        init_arch="auto",
    )
    assert {name: getattr(config, name) for name in expected} == expected
    for name in ("num_workers", "val_interval", "checkpoint_interval", "image_log_interval"):
        assert hasattr(config, name)


def test_flag_beats_preset_beats_stored_file_beats_preset_default() -> None:
    stored = {"preset": "light", "learning_rate": 5e-4, "batch_size": 8, "num_block": 6}
    assert resolve_settings(PLACES, stored).learning_rate == 5e-4
    assert resolve_settings(PLACES, {"preset": "light"}).learning_rate == PRESETS["light"]["learning_rate"]
    nano = resolve_settings({**PLACES, "preset": "nano"}, stored)
    assert (nano.learning_rate, nano.batch_size, nano.num_block) == (4e-3, 16, 4)
    assert resolve_settings({**PLACES, "preset": "nano", "learning_rate": 7e-4}, stored).learning_rate == 7e-4


def test_a_warm_start_file_decides_the_network_but_flags_win_and_scale_never_comes_from_it() -> None:
    warm = {"num_feat": 48, "num_block": 9, "num_grow_ch": 24}
    given = {**PLACES, "preset": "nano", "init_weights": "x.pth"}
    assert resolve_settings(given, {"num_feat": 64}, warm).num_feat == 48
    assert resolve_settings({**given, "num_block": 3}, {}, warm).num_block == 3
    assert resolve_settings(given, {}, warm).scale == 4


def test_a_learning_rate_stored_without_an_optimizer_is_that_of_adam() -> None:
    def optimizer_of(data: dict[str, Any]) -> str:
        stored = parse_stored_settings({"schema": 1, "preset": "nano", **data}, "training_config.json")
        return resolve_settings(PLACES, stored.values).optimizer

    assert optimizer_of({"learning_rate": 1e-3}) == "adam", "no other existed when it was written"
    assert optimizer_of({}) == PRESETS["nano"]["optimizer"] == "muon"
    assert optimizer_of({"learning_rate": 1e-3, "optimizer": "muon"}) == "muon"


def test_a_stored_warm_start_that_is_switched_off_takes_its_network_along() -> None:
    stored = {"preset": "light", "init_weights": "nano.pth", "num_feat": 32, "num_block": 4, "num_grow_ch": 16}
    assert resolve_settings(PLACES, stored).num_block == 4
    off = {**PLACES, "init_weights": None}
    assert resolve_settings(off, stored).num_block == 6
    assert resolve_settings({**off, "num_block": 3}, stored).num_block == 3
    assert resolve_settings(off, {**stored, "init_weights": None}).num_block == 4, "chosen without one"


def test_steps_given_now_replace_a_stored_budget() -> None:
    stored = {"max_minutes": 10.0, "steps": 900}
    assert resolve_settings({**PLACES, "steps": 50}, stored).max_minutes is None
    assert resolve_settings(PLACES, stored).max_minutes == 10.0


def test_the_file_comes_back_as_it_was_written_with_unknown_fields_kept_and_reported() -> None:
    config = resolve_settings({**PLACES, "betas": (0.8, 0.95), "scale": 8})
    data = settings_to_json(config, stored=StoredSettings(unknown={"from_the_future": 3}), derived={}, warm_start=None)
    data = json.loads(json.dumps(data))
    stored = parse_stored_settings(data, "training_config.json")
    assert stored.unknown == {"from_the_future": 3}
    assert "from_the_future" in stored.notices[0]
    assert resolve_settings(PLACES, stored.values) == config
    assert settings_to_json(config, stored=stored, derived={}, warm_start=None)["from_the_future"] == 3


def test_resume_is_recorded_but_never_replayed() -> None:
    config = resolve_settings({**PLACES, "resume_from": "latest"})
    data = settings_to_json(config, stored=StoredSettings(), derived=None, warm_start=None)
    assert data["resume_from"] == "latest"
    assert resolve_settings(PLACES, parse_stored_settings(data, "f").values).resume_from is None


def test_the_first_trainers_file_is_read_without_what_means_something_else() -> None:
    stored = parse_stored_settings({"scale": 2, "perceptual_weight": 0.1, "monochrome_noise": 0.02}, "old.json")
    assert stored.values == {"scale": 2}
    assert "perceptual_weight and monochrome_noise" in stored.notices[0]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"steps": 0}, "--steps must be from 1"),
        ({"scale": 3}, "--scale must be one of 2, 4, 8"),
        ({"learning_rate": float("nan")}, "--lr must be a finite number"),
        ({"betas": (0.9, 1.5)}, "--betas must be from 0 to 0.99999"),
        ({"val_interval": 0}, "--val-interval must be auto or a number from 1"),
        ({"train_split": 0.9, "val_split": 0.2}, "must not exceed 1"),
        ({"perceptual_weight": 0.5}, "vgg19-dcbb9e9d.pth"),
        ({"l1_weight": 0.0}, "must be above 0"),
        ({"patch_size": 160}, "must not exceed the watch's frame"),
        ({"patch_size": 30}, "multiple of 4"),
        ({"amp": "yes"}, "--amp must be true or false"),
    ],
)
def test_values_that_cannot_be_used_are_named_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        resolve_settings({**PLACES, **changes})


def test_a_stored_value_of_the_wrong_kind_names_the_file() -> None:
    with pytest.raises(UserError, match=r"old\.json: --batch-size must be a whole number"):
        parse_stored_settings({"schema": 1, "batch_size": "many"}, "old.json")
    with pytest.raises(UserError, match="JSON object"):
        parse_stored_settings([1], "old.json")


def test_a_message_shows_values_as_the_file_spells_them_and_long_ones_in_part() -> None:
    for data, words in (
        ({"steps": True}, "must be a whole number, not true."),
        ({"betas": [0.9]}, "must be two numbers, not [0.9]."),
        ({"preset": "x" * 10_000}, f"not '{'x' * 59}…."),
        ({"steps": 10**4000}, f"not 1{'0' * 59}…."),
    ):
        with pytest.raises(UserError) as refusal:
            parse_stored_settings({"schema": 1, **data}, "f.json")
        assert words in refusal.value.message and len(refusal.value.message) < 250
    (notice,) = parse_stored_settings(
        {"schema": 1, **{f"future{n:03}" * 1000: n for n in range(500)}}, "f.json"
    ).notices
    assert notice.endswith("and 490 more.") and len(notice) < 800


def test_the_options_page_is_what_the_schema_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "options.md"
    hint = "run: python -m trainer_core.settings.options_page > docs/options.md"
    assert page.read_text("utf-8") == format_options_page(), hint


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        resolve_settings(PLACES).steps = 3  # type: ignore[misc]


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "xpu:1", "mps"])
def test_a_device_may_have_the_number_of_a_gpu(device: str) -> None:
    assert build_parser().parse_args(["photos", "runs", "--device", device]).device == device
    assert resolve_settings({**PLACES, "device": device}).device == device


@pytest.mark.parametrize("device", ["CUDA", "Cuda:1", "CPU", "Auto"])
def test_a_device_may_be_written_in_capitals(device: str) -> None:
    assert build_parser().parse_args(["photos", "runs", "--device", device]).device == device.lower()


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda:-1", "mps:0", "cpu:0", "CUDA:", ""])
def test_other_devices_are_refused_with_those_that_can_be_chosen(
    device: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["photos", "runs", "--device", device])
    reason = f"must be one of auto, cpu, cuda, cuda:N, mps, xpu, xpu:N, not {device!r}; "
    reason += "cuda is NVIDIA and AMD (ROCm), mps Apple, xpu Intel."
    assert reason in capsys.readouterr().err
    with pytest.raises(UserError, match="--device must be one of"):
        resolve_settings({**PLACES, "device": device})


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("harbor", None),
        ("Übung_2-b", None),
        ("x16", None),
        ("", "must be 1 to 60 letters, digits, _ and -, not ''"),
        ("a/b", "must be 1 to 60 letters, digits, _ and -, not 'a/b'"),
        ("a.pth", "must be 1 to 60 letters, digits, _ and -, not 'a.pth'"),
        ("n" * 61, "must be 1 to 60 letters"),
        ("sea_X4", "must not contain X4, because the program adds the scale"),
        (7, "must be 1 to 60 letters, digits, _ and -, not 7"),
    ],
)
def test_the_name_of_a_model_keeps_it_a_file_with_one_scale_mark(name: str, problem: str | None) -> None:
    found = SETTINGS["model_name"].problem(name)
    assert found is None if problem is None else str(found).startswith(f"--model-name {problem}")
