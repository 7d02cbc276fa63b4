"""The form's words: options by the names of their fields."""

from __future__ import annotations

import pytest

from app.form.wording import with_form_labels
from trainer_core.settings.config import SETTINGS


@pytest.mark.parametrize(
    ("text", "worded"),
    [
        ("Use --batch-size 2 --grad-accum-steps 4.", "Use Batch size 2 Gradient accumulation 4."),
        ("Leave --no-monochrome-style out, or --monochrome-style.", "Leave WQV-3/10 color out, or WQV-1/2 mono."),
        ("Give --no-init-weights.", "Give no {init_weights}."),
        ("The file --scale-less/my--scale.pth", "The file --scale-less/my--scale.pth"),
    ],
)
def test_options_go_by_the_form_s_names(text: str, worded: str) -> None:
    labels = {name: setting.label for name, setting in SETTINGS.items()}
    assert with_form_labels(text) == worded.format(**labels)
