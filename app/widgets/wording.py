"""Texts of the form: the questions that it asks first, and tooltips, hints and button labels for all settings.

A question words a setting for someone with a watch and a folder of photos; the form shows them in this order. All
other settings stand behind *Expert* with the schema's own terms. In messages, option names become labels of the form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from app.widgets.file_filters import make_file_filter
from trainer_core.settings.config import SETTINGS, STARTER
from trainer_core.settings.schema import Setting, format_value


@dataclass(frozen=True)
class FormQuestion:
    """The words of a setting that the form shows without unfolding anything.

    Attributes:
        label: the question.
        help: the tooltip, in sentences.
        hint: placeholder of an empty path entry.
        choices: value -> text of its button; empty: those of the schema.
        note_lines: lines of room for the note below it.
        note: note while there is nothing to say about the value.
    """

    label: str
    help: str
    hint: str = ""
    choices: Mapping[Any, str] = field(default_factory=dict)
    note_lines: int = 1
    note: str = ""


FORM_QUESTIONS: Mapping[str, FormQuestion] = {
    "source_dir": FormQuestion(
        "Sharp photos to learn from",
        "Choose a folder with ordinary sharp photos, not photos from the watch: the program makes watch photos of them "
        "and learns the way back. Subfolders are included, and no photo is changed.",
        hint="choose or drop a folder",
        note_lines=2,
        note="Ordinary photos of anything, none from the watch. A few dozen are enough to begin.",
    ),
    "monochrome_style": FormQuestion(
        "Your watch",
        "Choose the watch whose photos you want to enlarge. WQV-1 and WQV-2 take photos of 120x120 pixels in 16 grays, "
        "WQV-3 and WQV-10 color photos of 176x144 pixels.",
    ),
    "scale": FormQuestion("How much larger", "Photos become 2, 4 or 8 times as wide and as high."),
    "preset": FormQuestion(
        "How long",
        "A quick try shows within minutes whether everything works; on a slow computer, its small network is also the "
        "right one for an hour. A good model takes an hour or a night on a normal computer. The best one needs a "
        "graphics card: without one, it takes days.",
        choices={"nano": "Quick try", "light": "Good, on a normal computer", "full": "Best, needs a graphics card"},
    ),
    "max_minutes": FormQuestion(
        "Time limit",
        "Training ends after this time. Pauses do not count, and a training that was interrupted continues with the "
        "time that is left. Without a limit, the number of steps decides.",
        note="Pauses do not count.",
    ),
    "init_weights": FormQuestion(
        "Start from",
        "The built-in model already knows your watch, so that training gets further in the same time. Start from "
        "nothing to learn from your photos alone, or from a file to continue with a model of your own.",
        hint="a weight file",
        choices={STARTER: "Built-in model", None: "Nothing"},
    ),
    "workspace": FormQuestion(
        "Where the results go",
        "Choose a folder for the models, the pictures and all that an interrupted training needs to continue. It is "
        "made if it is missing. When you choose photos, a new folder in your documents is proposed.",
        hint="choose or type a new folder",
        note_lines=2,
        note="For the models, the pictures and all that an interrupted training needs to continue.",
    ),
}


ACCEPT_CAPTURES = (
    "Use anyway",
    "Train on all pictures of the folder, although most look like photos from the watch.\n"
    "Expert > Photos > Accept captures takes it back.",
)
"""Label and tooltip of the button beside the refusal of photos from the watch."""

DIALOG_KEYS = {
    "Blind comparison": "← left is better, ↓ no difference, → right is better, Backspace takes back the last answer."
}
"""Title and keys of dialogs whose keys are in no menu, for the sheet of shortcuts."""


def form_label(setting: Setting) -> str:
    """Return the label of a setting in the form."""
    question = FORM_QUESTIONS.get(setting.name)
    return question.label if question else setting.label


def note_lines(setting: Setting) -> int:
    """Return the lines of room for the note below a setting."""
    return FORM_QUESTIONS[setting.name].note_lines if setting.name in FORM_QUESTIONS else 1


def empty_note(setting: Setting) -> str:
    """Return the note below a setting while there is nothing to say about its value."""
    return FORM_QUESTIONS[setting.name].note if setting.name in FORM_QUESTIONS else ""


def setting_file_filter(setting: Setting) -> str:
    """Return the filter of the file dialog for a setting, "" for all files."""
    return make_file_filter(setting.files.name, setting.files.suffixes) if setting.files else ""


def setting_hint(setting: Setting) -> str:
    """Return the placeholder of an empty path entry."""
    question = FORM_QUESTIONS.get(setting.name)
    return question.hint if question else setting.hint or f"choose a {setting.kind}"


def segment_labels(setting: Setting) -> Mapping[Any, str] | None:
    """Return the button texts of choices shown side by side, or None if the setting has another entry."""
    question = FORM_QUESTIONS.get(setting.name)
    if question is None:
        return None
    return question.choices or setting.choice_labels or {choice: str(choice) for choice in setting.choices} or None


def setting_tooltip(setting: Setting, default: Any) -> str:
    """Return the tooltip of a setting: of a question its sentences, else help, limits, unit, default and option."""
    if setting.name in FORM_QUESTIONS:
        return FORM_QUESTIONS[setting.name].help
    facts = [f"Default: {format_value(default)}"]
    if setting.limits and setting.kind not in ("choice", "switch"):
        facts.insert(0, f"{setting.limits} {setting.unit}".strip().capitalize())
    if setting.flag:
        facts.append(f"Option {setting.flag}")
    return f"{setting.help}\n{' · '.join(facts)}"


def with_form_labels(text: str) -> str:
    """Return `text` with each option name, and the choice after it, replaced by the words of the form."""
    if "--" not in text:
        return text
    return re.sub(r"(?<![\w-])(--[a-z0-9-]*[a-z0-9])( \w+)?", _replace_option, text)


def _replace_option(match: re.Match[str]) -> str:
    option, value = match[1], match[2] or ""
    labels = _labels_by_option()
    return labels.get(option + value) or labels.get(option, option) + value


@lru_cache(maxsize=1)
def _labels_by_option() -> dict[str, str]:
    """Return the label of each option, and of each option with a choice of a question; questions are quoted."""
    labels = {}
    for setting in (setting for setting in SETTINGS.values() if setting.flag):
        label, off = form_label(setting), setting.flag.replace("--", "--no-", 1)
        if setting.name in FORM_QUESTIONS:
            for value, text in (segment_labels(setting) or {}).items():
                labels[off if value is None else f"{setting.flag} {value}"] = f"“{label}: {text}”"
            label = f"“{label}”"
        switch_labels = setting.choice_labels if setting.kind == "switch" else {}
        labels[setting.flag] = switch_labels.get(True, label)
        labels.setdefault(off, switch_labels.get(False, f"no {label}"))
    return labels
