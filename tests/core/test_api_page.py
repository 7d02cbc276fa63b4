"""docs/api.md: its example runs as it stands, and the functions it names exist."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.small_runs import make_photos, make_workspace, watch_photo

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
SHORTENED = {'"preset": "light",': "", '"max_minutes": 60,': '"steps": 2,'}


def test_the_example_trains_and_upscales(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    for words, shorter in SHORTENED.items():
        assert words in code
        code = code.replace(words, shorter)
    make_photos(tmp_path / "photos")
    make_workspace(tmp_path / "runs" / "mono")  # its stored settings make the network tiny
    watch_photo(tmp_path / "captures" / "harbor.png")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^step 2: \d+\.\d\d dB, bicubic \d+\.\d\d dB$", done.stdout, re.MULTILINE)
    assert re.search(r"^completed 2 \d+\.\d+ \S+wqv_neosr_x4\w*\.pth$", done.stdout, re.MULTILINE)
    assert (tmp_path / "enlarged" / "harbor.png").is_file()


def test_the_functions_it_names_exist() -> None:
    named = re.findall(r"`(trainer_core(?:\.[a-z_]+)+)\.(\w+)[(`]", PAGE)
    assert len(named) > 8
    for module, name in named:
        assert hasattr(importlib.import_module(module), name) or importlib.util.find_spec(f"{module}.{name}"), name
