"""The page docs/options.md: `python -m trainer_core.settings.options_page > docs/options.md` generates it."""

from __future__ import annotations

from itertools import groupby

from trainer_core.settings.config import SETTINGS
from trainer_core.settings.schema import Setting, format_value

_HEAD = """\
# Options

The options of `wqv-upscale-trainer` that are settings of a training. `--no-` before the name of a switch turns it off,
such as `--no-amp`. The window has most of them behind *Expert*; `training_config.json` has them all, with `_` for `-`,
`learning_rate` for `--lr` and `resume_from` for `--resume`. `--help` shows them, too, with `--config-only`, `--events`
and `--version`.
"""
_TABLE_HEAD = "| Option | Default | Values | Meaning |\n| --- | --- | --- | --- |\n"


def format_options_page() -> str:
    """Return the page: all options as Markdown, one table per group."""
    by_group = groupby(sorted(SETTINGS.values(), key=_group), key=_group)
    tables = (f"\n## {group}\n\n{_TABLE_HEAD}{''.join(map(_row, settings))}" for group, settings in by_group)
    return _HEAD + "".join(tables)


def _group(setting: Setting) -> str:
    return setting.group


def _row(setting: Setting) -> str:
    name = f"`{setting.flag}`" if setting.flag else f"`<{setting.name}>`"
    values = " ".join(part for part in (setting.limits, setting.unit) if part) or setting.kind
    return f"| {name} | {format_value(setting.default)} | {values} | {setting.help} |\n"


if __name__ == "__main__":
    print(format_options_page(), end="")
