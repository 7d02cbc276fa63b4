"""Every command of this program that a document shows is one that the program accepts."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

import run as set_up
from app import __main__ as window
from tests.documented_commands import PAGES, commands_in_blocks
from trainer_core import cli, tool_options

PARSERS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "wqv-upscale-trainer": cli.build_parser,
    "wqv-upscale-tools": tool_options.build_parser,
    "wqv-upscale-trainer-gui": window.build_parser,
}
RUN_COMMANDS = {"train": "wqv-upscale-trainer", "tools": "wqv-upscale-tools", "enlarge": "wqv-upscale-tools"}


def program_and_arguments(words: list[str]) -> tuple[str, list[str]] | None:
    """The program of this project that a command line starts, and its arguments; None for other programs."""
    if words[0] in PARSERS:
        return words[0], words[1:]
    if words[0] == "torchrun" and "trainer_core" in words:
        return "wqv-upscale-trainer", words[words.index("trainer_core") + 1 :]
    if words[:2] == ["python3", "run.py"] and len(words) > 2 and words[2] in RUN_COMMANDS:
        verb = ["enlarge"] if words[2] == "enlarge" else []
        return RUN_COMMANDS[words[2]], [*verb, *words[3:]]
    return None


COMMANDS = [
    pytest.param(*found, id=f"{page.name}: {' '.join(words)[:60]}")
    for page in PAGES
    for words in commands_in_blocks(page)
    if (found := program_and_arguments(words)) is not None
]


def test_the_documents_show_commands_of_every_program() -> None:
    assert {parameters.values[0] for parameters in COMMANDS} == set(PARSERS) and len(COMMANDS) > 20


@pytest.mark.parametrize(("program", "arguments"), COMMANDS)
def test_a_documented_command_is_accepted(program: str, arguments: list[str]) -> None:
    PARSERS[program]().parse_args(arguments)  # exits with 2 otherwise


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_run_py_knows_each_of_its_documented_commands(page: Path) -> None:
    shown = {words[2] for words in commands_in_blocks(page) if words[:2] == ["python3", "run.py"] and len(words) > 2}
    assert all(command in (set_up.__doc__ or "") for command in shown)
