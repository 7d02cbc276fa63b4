"""Libraries print nothing to the terminal by themselves: what concerns the user is said in the program's own words."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.small_runs import TINY, picture
from trainer_core.data.decoding import PhotoError, decode, read_size
from trainer_core.data.tiff_messages import silence_libtiff
from trainer_core.errors import UserError

ROOT = Path(__file__).parents[2]


def damaged_tiffs() -> list[bytes]:
    """TIFF files of several compressions with random bytes in them."""
    rng = np.random.default_rng(0)
    files = []
    for compression in ("jpeg", "tiff_lzw", "tiff_adobe_deflate", "group4", "tiff_ccitt"):
        for _ in range(6):
            packed = io.BytesIO()
            image = picture(1, 130, 130)
            (image.convert("1") if compression in ("group4", "tiff_ccitt") else image).save(
                packed, "TIFF", compression=compression
            )
            content = bytearray(packed.getvalue())
            for place in rng.integers(8, len(content), 30):
                content[place] = int(rng.integers(0, 256))
            files.append(bytes(content))
    return files


def test_damaged_tiff_files_print_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if not silence_libtiff():
        pytest.skip("libtiff is part of Pillow's module here")
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for content in damaged_tiffs():
            (tmp_path / "a.tif").write_bytes(content)
            try:
                read_size(tmp_path / "a.tif")
                decode(tmp_path / "a.tif")
            except PhotoError:
                refused += 1
    assert refused > 3 and capfd.readouterr() == ("", "")


PROBE = """
import logging, warnings
from trainer_core import cli
try:
    cli.main(["--version"])
except SystemExit:
    pass
warnings.warn("DecompressionBombWarning and others")
logging.getLogger("PIL").warning("a message without a handler")
logging.getLogger("torch").addHandler(logging.StreamHandler())  # as its compiler does
logging.getLogger("torch.utils.cpp_extension").warning("a message of torch with a handler")
"""


def test_warnings_and_logging_of_libraries_are_not_shown_unless_asked_for() -> None:
    for more, lines in (([], 0), (["-W", "always"], 3)):
        command = [sys.executable, *more, "-c", PROBE]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        shown = [line for line in done.stderr.splitlines() if "others" in line or "handler" in line]
        assert len([line for line in shown if "warnings.warn" not in line]) == lines, done.stderr


def test_why_a_gpu_is_not_used_is_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    from trainer_core.planning.plan import make_plan

    def is_available() -> bool:
        warnings.warn("The NVIDIA driver on your system is too old. (Triggered internally at x.cpp:1)", stacklevel=2)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    given: dict[str, Any] = {**TINY, "demo": True, "workspace": str(tmp_path / "w"), "device": "auto"}
    assert "The GPU is not used: The NVIDIA driver on your system is too old." in make_plan(given).notices
    with pytest.raises(
        UserError, match=r"no CUDA GPU \(The NVIDIA driver on your system is too old\)\. Install or update"
    ):
        make_plan({**given, "device": "cuda"})
    assert capsys.readouterr() == ("", "")
