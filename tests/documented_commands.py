"""The commands that the documents show: the lines of their `bash` blocks, and those within a sentence."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([page for pattern in ("*.md", "docs/*.md", "models/*/*.md") for page in ROOT.glob(pattern)])
_BASH = re.compile(r"^```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)
_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
# In a sentence the name of a program, also with a verb, is a mention; with arguments it is a command.
_IN_A_SENTENCE = re.compile(
    r"`(wqv-upscale-tools \w+ [^`]+|wqv-upscale-trainer(?:-gui)? [^`]+|python3 run\.py \w[^`]+"
    r"|python -m (?:benchmarks|release|tests|trainer_core)\.[^`]+)`"
)
_OPTIONAL_PART = re.compile(r"\[[^\]]*\]")


def commands_in_blocks(page: Path) -> list[list[str]]:
    """The words of each command line in the blocks of a page, without comments and optional parts."""
    return _split("\n".join(_BASH.findall(page.read_text("utf-8"))).replace("\\\n", " ").splitlines())


def commands_in_sentences(page: Path) -> list[list[str]]:
    """The words of each command of this program that the sentences of a page contain."""
    found = _IN_A_SENTENCE.findall(_BLOCK.sub("", page.read_text("utf-8")))
    return _split([" ".join(command.split()) for command in found])


def _split(lines: list[str]) -> list[list[str]]:
    plain = [_OPTIONAL_PART.sub("", line).replace("...", "") for line in lines]
    return [words for line in plain if (words := shlex.split(line, comments=True))]
