"""Which starters are present, and which one suits a watch and a scale (no torch).

A starter is present if its weight file and its card lie in this package, also in an installed wheel. The program works
with any set of them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from trainer_core.errors import UserError
from trainer_core.starters.card import Starter, read_card, starter_name
from trainer_core.watches import WATCHES, Watch

FOLDER = Path(__file__).parent
_NAME_ENDING = "_starter"
_BUILT_IN = re.compile(r"wqv\d+_x\d+(_starter)?")


def find_starters() -> tuple[Starter, ...]:
    """Return the starters that are present: mono before color, small scales first.

    Raises:
        UserError: a card cannot be read.
    """
    cards = (card for card in FOLDER.glob(f"*{_NAME_ENDING}.json") if card.with_suffix(".pth").is_file())
    order = list(WATCHES.values())
    return tuple(sorted(map(read_card, cards), key=lambda starter: (order.index(starter.watch), starter.scale)))


def choose_starter(watch: Watch, scale: int) -> Starter:
    """Return the starter of a watch and scale.

    Raises:
        UserError: there is none; the message names those that are present.
    """
    starters = find_starters()
    for starter in starters:
        if (starter.watch, starter.scale) == (watch, scale):
            return starter
    missing = f"There is no built-in model for the {watch.description} at x{scale}. " if starters else ""
    raise UserError(missing + describe_choice(starters))


def choose_nearest_starter(watch: Watch, scale: int) -> Starter:
    """Return the starter of a watch and scale, else that of the next larger scale, else that of the largest one.

    The result of another scale can be resized: a larger one by averaging, a smaller one by interpolation.

    Raises:
        UserError: there is none for the watch; the message names those that are present.
    """
    starters = [starter for starter in find_starters() if starter.watch == watch]
    if not starters:
        return choose_starter(watch, scale)
    return next((starter for starter in starters if starter.scale >= scale), starters[-1])


def find_model(name: Path | str) -> Path:
    """Return the weight file of a built-in model by its name, such as "wqv1_x4"; any other name is that of a file.

    Raises:
        UserError: `name` has the form of a built-in model, but there is none of that name; the message names them.
    """
    if os.path.isfile(name):
        return Path(name)
    starter = find_starter(str(name))
    if starter is None and _BUILT_IN.fullmatch(str(name)):
        names = ", ".join(found.path.stem.removesuffix(_NAME_ENDING) for found in find_starters())
        raise UserError(f"There is no built-in model {name}. Use one of {names}, or a file.")
    return Path(name) if starter is None else starter.path


def find_starter(name: str) -> Starter | None:
    """Return the starter of this name, such as "wqv1_x4_starter" or "wqv1_x4"; None if no starter is named so.

    Raises:
        UserError: a starter would be named so, but is not present; the message names those that are.
    """
    full = name if name.endswith(_NAME_ENDING) else name + _NAME_ENDING
    for watch in WATCHES.values():
        for scale in (2, 4, 8):
            if full == starter_name(watch, scale):
                return choose_starter(watch, scale)
    return None


def describe_choice(starters: tuple[Starter, ...]) -> str:
    """Return sentences that name the starters that are present and what else can be chosen."""
    if not starters:
        return "This installation has no built-in models. Choose a weight file of your own."
    parts = []
    for watch in WATCHES.values():
        scales = [f"x{starter.scale}" for starter in starters if starter.watch == watch]
        if scales:
            parts.append(
                f"for the {watch.kind} watch at {' and '.join(filter(None, (', '.join(scales[:-1]), scales[-1])))}"
            )
    return f"Built-in models exist {' and '.join(parts)}. Choose one of these, or a weight file of your own."
