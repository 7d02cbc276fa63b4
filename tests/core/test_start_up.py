"""A quick start: what is imported for `--help`, and what is not imported for a training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_runs import TINY, flags, make_photos

ROOT = Path(__file__).resolve().parents[2]
_CODE = """
import json, sys
from trainer_core.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(json.dumps([code or 0, sorted(sys.modules)]))
"""


def modules_after(*arguments: str) -> set[str]:
    """The modules that the command line has imported when it ends."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # it imports more
    command = [sys.executable, "-c", _CODE, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    code, names = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    return set(names)


def test_help_imports_no_library_and_little_of_the_program() -> None:
    names = modules_after("--help")
    assert not names & {"torch", "numpy", "PIL", "psutil", "safetensors", "tensorboard", "tqdm", "multiprocessing"}
    own = {name for name in names if name.startswith("trainer_core.")}
    assert not any(name.split(".")[1] in ("data", "planning", "weights", "camera", "model") for name in own)


def test_a_training_does_not_import_the_compiler(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    photos = make_photos(tmp_path / "photos", 4)
    names = modules_after(str(photos), str(tmp_path / "run"), *flags({**TINY, "steps": 2}))
    assert "torch" in names
    assert not names & {"torch._dynamo", "torch._inductor", "sympy", "tensorboard"}


def test_its_optimizer_is_adam_bit_for_bit() -> None:
    torch = pytest.importorskip("torch")
    from trainer_core.training.adam import Adam

    weights = []
    for kind in (torch.optim.Adam, Adam):
        layer = torch.nn.Conv2d(3, 8, 3)
        with torch.no_grad():
            layer.weight.copy_(torch.linspace(-1, 1, layer.weight.numel()).view_as(layer.weight))
            layer.bias.zero_()
        optimizer = kind(layer.parameters(), lr=1e-2, betas=(0.9, 0.99), weight_decay=1e-3, fused=True)
        for step in range(5):
            (layer(torch.full((1, 3, 8, 8), 0.1 * step)) ** 2).sum().backward()
            setattr(optimizer, "found_inf", torch.tensor(float(step == 3)))  # noqa: B010
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            optimizer.load_state_dict(optimizer.state_dict())
        weights.append(layer.weight.detach())
    assert torch.equal(*weights)
