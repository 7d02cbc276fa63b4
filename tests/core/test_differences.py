"""In which settings two runs differ."""

from __future__ import annotations

from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.differences import describe_differences

THIS = TrainerConfig()


def test_equal_settings_have_no_difference() -> None:
    assert describe_differences(THIS, TrainerConfig()) == ""


def test_the_values_of_the_other_run_are_named_in_the_order_of_the_options() -> None:
    other = THIS.replace(batch_size=8, scale=2)
    assert describe_differences(THIS, other) == "Scale x2, Batch size 8"


def test_the_place_of_a_run_is_no_difference() -> None:
    assert describe_differences(THIS, THIS.replace(workspace="elsewhere", source_dir="photos")) == ""


def test_many_differences_are_counted() -> None:
    other = THIS.replace(batch_size=8, scale=2, patch_size=48, seed=5, ema_decay=0.9)
    text = describe_differences(THIS, other)
    assert text.startswith("Scale x2, ") and text.endswith(", 2 more") and text.count(",") == 3
