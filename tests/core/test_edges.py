"""No path draws a dark rim around a picture: `enlarge`, `upscale` and the window share `Upscaler`; previews do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos
from trainer_core.control import RunControl
from trainer_core.events import Event, PreviewReady
from trainer_core.model.initialize import initialize
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.pixels import to_uint8
from trainer_core.planning.plan import make_plan
from trainer_core.starters.card import Starter
from trainer_core.starters.registry import choose_starter, find_starters
from trainer_core.training.edges import EdgeExtender
from trainer_core.training.pinned_previews import PinnedPreviews
from trainer_core.training.trainer import Trainer
from trainer_core.verbs.upscale import Upscaler
from trainer_core.watches import WATCHES
from trainer_core.weights.network import load_network

_RIM = 8  # pixels of a result that may be darker
_MAX_DIFFERENCE = 2.0  # levels of 255, too little to be seen


def measure_rims(sr: np.ndarray, plain: np.ndarray) -> list[float]:
    """Return how much brighter the two outer pixels of each side are than the inside, beside plain enlargement."""
    difference = sr.astype(float) - plain
    inside = difference[_RIM:-_RIM, _RIM:-_RIM].mean()
    sides = difference[:2], difference[-2:], difference[:, :2], difference[:, -2:]
    return [float(side.mean() - inside) for side in sides]


@pytest.mark.parametrize("starter", find_starters(), ids=lambda starter: starter.path.stem)
@pytest.mark.parametrize("level", [128, 240, 255])
def test_a_built_in_model_draws_no_rim_around_a_bright_picture(starter: Starter, level: int) -> None:
    sr = Upscaler(starter.path)(np.full((32, 32, 3), level, np.uint8))
    assert max(map(abs, measure_rims(sr, np.full_like(sr, level)))) < _MAX_DIFFERENCE


def pin_bright_photo(folder: Path) -> None:
    folder.mkdir(parents=True)
    Image.new("L", (120, 120), 13 * 17).save(folder / "bright.png")


def test_the_preview_of_a_trained_network_has_no_rim(tmp_path: Path) -> None:
    network, source = load_network(choose_starter(WATCHES["mono"], 4).path)
    pin_bright_photo(tmp_path / "pinned")
    previews = PinnedPreviews(
        tmp_path / "pinned", source.spec, mono=True, device=torch.device("cpu"), sink=lambda event: None
    )
    (image,) = previews.render(network)
    assert max(map(abs, measure_rims(image.sr, image.bicubic))) < _MAX_DIFFERENCE


def test_the_first_preview_of_a_run_has_no_rim(tmp_path: Path) -> None:
    pin_bright_photo(tmp_path / "run" / "preview_photos")
    control, previews = RunControl(), []

    def stop_after_preview(event: Event) -> None:
        if isinstance(event, PreviewReady):
            previews.append(event)
            control.stop()

    photos = make_photos(tmp_path / "photos", 6)
    settings = {**TINY, "source_dir": str(photos), "workspace": str(tmp_path / "run")}
    Trainer(make_plan(settings), stop_after_preview, control).run()
    *_, image = previews[0].images
    assert image.name == "bright" and max(map(abs, measure_rims(image.sr, image.bicubic))) < _MAX_DIFFERENCE
    assert all(each.psnr is None for each in previews[0].images), "it is not checked"


@pytest.mark.parametrize("scale", [2, 4])
def test_an_untrained_network_draws_none_where_the_edges_continue(scale: int) -> None:
    network = RRDBNet(NetworkSpec(scale, 16, 1, 8))
    initialize(network, 1)
    bright = torch.full((1, 3, 24, 20), 220 / 255)
    with torch.no_grad():
        black, extended = (to_uint8(run(bright))[0] for run in (network.eval(), EdgeExtender(network, scale).eval()))
    assert extended.shape == black.shape == (24 * scale, 20 * scale, 3)
    assert min(measure_rims(black, np.full_like(black, 220))) < -20, "convolutions see black beyond the edge"
    assert max(map(abs, measure_rims(extended, np.full_like(extended, 220)))) < _MAX_DIFFERENCE
