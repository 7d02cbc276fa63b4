"""What a result says of its making: model, program, date of the photo; and what a model says of its training."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import trainer_core
from tests.core.networks import network_of, saved
from tests.small_runs import TINY, make_photos
from trainer_core.control import RunControl
from trainer_core.data.date_taken import make_exif
from trainer_core.data.decoding import read_date_taken
from trainer_core.data.fingerprints import combine_fingerprints
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.plan import make_plan
from trainer_core.training.checkpoint import compute_digest
from trainer_core.training.trainer import Trainer
from trainer_core.verbs.export import export_model
from trainer_core.verbs.upscale import upscale
from trainer_core.weights.container.reader import open_weights
from trainer_core.weights.network import load_network
from trainer_core.weights.warm_start import identify_source
from trainer_core.workspace.layout import Workspace, deploy_path

TAKEN = "2001:05:14 12:30:00"


def photo(path: Path, *, taken: str = "") -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (24, 24, 3), np.uint8)
    Image.fromarray(pixels).save(path, exif=make_exif(taken))
    return path


def text_of(path: Path) -> dict[str, str]:
    with Image.open(path) as image:
        image.load()
        return dict(image.text)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_the_date_of_a_photo_is_read(tmp_path: Path, suffix: str) -> None:
    assert read_date_taken(photo(tmp_path / f"a{suffix}", taken=TAKEN)) == TAKEN
    assert read_date_taken(photo(tmp_path / f"b{suffix}")) == ""


def test_a_date_that_is_none_and_a_file_that_is_no_picture_have_none(tmp_path: Path) -> None:
    assert read_date_taken(photo(tmp_path / "a.jpg", taken="in May")) == ""
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    assert read_date_taken(tmp_path / "b.jpg") == "" == read_date_taken(tmp_path / "missing.jpg")


def test_an_upscaled_picture_names_model_program_and_date(tmp_path: Path) -> None:
    model = saved(network_of(NetworkSpec(2, 8, 1, 4)), tmp_path / "harbor_x2.pth")
    done = upscale(model, [photo(tmp_path / "sea.jpg", taken=TAKEN)], tmp_path / "out", device="cpu")
    text = text_of(done.written[0])
    assert (text["Title"], text["Source"]) == ("sea", "sea.jpg")
    assert text["Description"].startswith("Enlarged x2 by harbor_x2 (")
    assert text["Description"].endswith(trainer_core.PROGRAM)
    assert text["Model SHA-256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert text["Creation Time"] == "2001-05-14T12:30:00" and read_date_taken(done.written[0]) == TAKEN


def test_a_comparison_names_all_models(tmp_path: Path) -> None:
    model, other = (
        saved(network_of(NetworkSpec(2, 8, blocks, 4)), tmp_path / f"m{blocks}_x2.pth") for blocks in (1, 2)
    )
    sea = photo(tmp_path / "sea.jpg", taken=TAKEN)
    enlarged, comparison = upscale(model, [sea], tmp_path / "out", device="cpu", compare_with=other).written
    text, hashes = text_of(comparison), [hashlib.sha256(file.read_bytes()).hexdigest() for file in (model, other)]
    second = text.pop("Compared with")
    assert text == text_of(enlarged) and text["Model SHA-256"] == hashes[0]
    assert second.startswith("m2_x2 (") and second.endswith(f", SHA-256 {hashes[1]}")
    assert read_date_taken(comparison) == TAKEN


def test_a_photo_from_a_dump_keeps_the_date_of_the_watch(tmp_path: Path) -> None:
    model = saved(network_of(NetworkSpec(2, 8, 1, 4)), tmp_path / "harbor_x2.pth")
    pixels = np.random.default_rng(1).integers(0, 256, 7200, np.uint8).tobytes()
    (tmp_path / "watch.bin").write_bytes(b"harbor".ljust(24, b"\0") + bytes((1, 5, 14, 12, 30)) + pixels)
    (written,) = upscale(model, [tmp_path / "watch.bin"], tmp_path / "out", device="cpu").written
    assert text_of(written)["Creation Time"] == "2001-05-14T12:30:00" and read_date_taken(written) == TAKEN


def test_a_picture_of_unknown_date_has_none(tmp_path: Path) -> None:
    model = saved(network_of(NetworkSpec(2, 8, 1, 4)), tmp_path / "harbor_x2.pth")
    (written,) = upscale(model, [photo(tmp_path / "sea.jpg")], tmp_path / "out", device="cpu").written
    assert "Creation Time" not in text_of(written) and read_date_taken(written) == ""


def test_the_fingerprint_of_photos_depends_on_their_content_alone() -> None:
    assert combine_fingerprints(["a", "b"]) == combine_fingerprints(["b", "a"]) != combine_fingerprints(["a", "c"])


def test_a_run_names_its_program_hardware_and_photos_everywhere(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "run")
    settings = {**TINY, "source_dir": str(make_photos(tmp_path / "photos")), "workspace": str(workspace.root)}
    plan = make_plan({**settings, "scale": 2, "steps": 2, "val_interval": 1})
    Trainer(plan, lambda event: None, RunControl()).run()
    derived = json.loads(workspace.settings_file.read_text("utf-8"))["derived"]
    tree = open_weights(workspace.model_path(2, best=False)).tree
    assert isinstance(tree, dict)
    meta = tree["meta"]
    assert derived["trainer"] == meta["trainer"] == trainer_core.PROGRAM
    assert derived["photos_fingerprint"] == meta["photos_fingerprint"] and len(meta["photos_fingerprint"]) == 16
    assert meta["photos"] == derived["images"]["train"]
    assert meta["hardware"] == f"{derived['device_name']}, {derived['precision']}"
    previews = [text_of(path) for path in workspace.previews.glob("step00000002_*.png")]
    made_by = f"SR by wqv_neosr_x2 at step {meta['step']} of run {meta['run']}, {trainer_core.PROGRAM}"
    assert {text["Description"] for text in previews} == {made_by}
    earlier = {text_of(path)["Weights SHA-256"] for path in workspace.previews.glob("step00000001_*.png")}
    assert {text["Weights SHA-256"] for text in previews} == {meta["weights_sha256"]} != earlier
    assert meta["weights_sha256"] == compute_digest(
        dict(load_network(deploy_path(workspace.checkpoint_path(2, "final")))[0].state_dict())
    )


def test_a_file_of_other_values_has_no_digest_of_the_weights(tmp_path: Path) -> None:
    models = [
        saved(network_of(NetworkSpec(2, 8, 1, 4)), tmp_path / f"{name}_x2.pth", meta={"weights_sha256": name})
        for name in "ab"
    ]
    plain = export_model(models[0], tmp_path / "plain_x2.pth").path
    blend = export_model(models[0], tmp_path / "blend_x2.pth", blend=models[1]).path
    half = export_model(models[0], tmp_path / "half_x2.pth", half=True).path
    digests = [identify_source(path).meta.get("weights_sha256") for path in (plain, blend, half)]
    assert digests == ["a", None, None]
