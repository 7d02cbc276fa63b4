"""The form's words: what it asks, its tooltips, and options by the names of their fields."""

from __future__ import annotations

import pytest

from app.widgets.wording import FORM_QUESTIONS, setting_tooltip, with_form_labels
from trainer_core.settings.config import SETTINGS


@pytest.mark.parametrize(
    ("text", "worded"),
    [
        ("Use --batch-size 2 --grad-accum-steps 4.", "Use Batch size 2 Gradient accumulation 4."),
        ("Leave --no-monochrome-style out, or --monochrome-style.", "Leave WQV-3/10 color out, or WQV-1/2 mono."),
        ("Give --no-init-weights.", "Give “Start from: Nothing”."),
        ("Use --init-weights starter or --scale 2.", "Use “Start from: Built-in model” or “How much larger: x2”."),
        (
            "--init-weights a.pth needs --preset nano; see --max-minutes",
            "“Start from” a.pth needs “How long: Quick try”; see “Time limit”",
        ),
        ("Set --no-camera-profile.", "Set no Camera profile."),
        ("The file --scale-less/my--scale.pth", "The file --scale-less/my--scale.pth"),
    ],
)
def test_options_go_by_the_form_s_names(text: str, worded: str) -> None:
    assert with_form_labels(text) == worded


def test_the_form_asks_in_this_order_and_in_these_words() -> None:
    assert [question.label for question in FORM_QUESTIONS.values()] == [
        "Sharp photos to learn from",
        "Your watch",
        "How much larger",
        "How long",
        "Time limit",
        "Start from",
        "Where the results go",
    ]
    assert list(FORM_QUESTIONS["preset"].choices.items()) == [
        ("nano", "Quick try"),
        ("light", "Good, on a normal computer"),
        ("full", "Best, needs a graphics card"),
    ]


def test_only_the_tooltips_of_the_experts_name_options() -> None:
    for name, setting in SETTINGS.items():
        tip = setting_tooltip(setting, setting.default)
        if name in FORM_QUESTIONS:
            assert "--" not in tip and "Option" not in tip and tip.endswith("."), name
        else:
            assert setting.help in tip and f"Option {setting.flag}" in tip, name
