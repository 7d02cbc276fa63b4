"""Enlarging photos: any picture, any size, tiled without seams, every file of a watch."""

from __future__ import annotations

import errno
import importlib
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from tests.core.networks import network_of, saved
from tests.small_runs import picture
from trainer_core.errors import UserError, explain_out_of_memory
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.pixels import has_color, luma
from trainer_core.thread_choice import TorchThreads
from trainer_core.tools import main
from trainer_core.verbs.picture_files import compose_comparison
from trainer_core.verbs.upscale import Upscaler, upscale
from trainer_core.weights.export import pad_for_viewer, prepare_deployable, prepare_export_state

SPEC = NetworkSpec(4, num_feat=16, num_block=3, num_grow_ch=8)


def photo(width: int = 40, height: int = 30, seed: int = 1) -> np.ndarray:
    return np.asarray(picture(seed).resize((width, height)))


def model(tmp_path: Path, spec: NetworkSpec = SPEC, name: str = "m.pth", seed: int = 1) -> tuple[Path, RRDBNet]:
    network = network_of(spec, seed)
    return saved(network, tmp_path / name), network


def computed(network: RRDBNet, image: np.ndarray) -> np.ndarray:
    lr = torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255
    sr: np.ndarray = (network(lr)[0].clamp(0, 1) * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)
    return sr


def brightness(image: np.ndarray) -> np.ndarray:
    return np.repeat(luma(image).round()[..., None], 3, axis=2)


def furthest(one: np.ndarray, two: np.ndarray) -> int:
    assert one.shape == two.shape
    return int(np.abs(one.astype(int) - two).max())


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_a_picture_is_what_the_network_computes(scale: int, tmp_path: Path) -> None:
    path, network = model(tmp_path, NetworkSpec(scale, 16, 2, 8))
    image = photo(40, 28)
    assert furthest(Upscaler(path, device="cpu")(image), computed(network, image)) <= 1


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("size", [(37, 29), (9, 8), (131, 65)], ids=str)
def test_any_size_gives_exactly_that_size_times_the_scale(scale: int, size: tuple[int, int], tmp_path: Path) -> None:
    path, _ = model(tmp_path, NetworkSpec(scale, 8, 1, 8))
    result = Upscaler(path, device="cpu", tile=64)(photo(*size))
    assert result.shape == (size[1] * scale, size[0] * scale, 3) and result.dtype == np.uint8


@pytest.mark.parametrize("scale", [2, 4])
def test_tiles_agree_with_the_whole_picture_within_one_level(scale: int, tmp_path: Path) -> None:
    path, _ = model(tmp_path, NetworkSpec(scale, 16, 8, 8))  # what a pixel depends on reaches beyond the margin
    image = photo(151, 117)
    whole = Upscaler(path, device="cpu", tile=0)(image)
    steps: list[tuple[int, int]] = []
    tiled = Upscaler(path, device="cpu", tile=48)(image, lambda done, total: steps.append((done, total)))
    assert furthest(tiled, whole) <= 1
    assert steps == [(k, 12) for k in range(1, 13)]


def test_the_number_of_threads_follows_the_seconds_per_pixel_of_each_tile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durations: list[float] = []
    monkeypatch.setattr(TorchThreads, "add_step", lambda self, seconds: durations.append(seconds))
    Image.fromarray(photo(80, 40)).save(tmp_path / "a.png")
    path, _ = model(tmp_path)
    upscale(path, [tmp_path / "a.png"], tmp_path / "out", tile=32, compare=True)
    assert len(durations) == 6 and all(0 < seconds < 1e-2 for seconds in durations)


def test_gray_stays_gray_and_gray_networks_work(tmp_path: Path) -> None:
    gray = np.repeat(photo()[..., :1], 3, axis=2)
    path, network = model(tmp_path, NetworkSpec(4, 16, 2, 8, 1, 1))
    result = Upscaler(path, device="cpu")(gray)
    assert (result[..., 0] == result[..., 2]).all() and result.shape == (120, 160, 3)
    expected = computed(network, gray[..., :1])
    assert furthest(result[..., :1], expected) <= 1


def test_color_that_a_gray_model_cannot_keep_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(photo()).save(folder / "color.png")
    Image.fromarray(photo()[..., 0]).save(folder / "gray.png")
    path, network = model(tmp_path)
    mono, spec = pad_for_viewer(prepare_export_state(network.state_dict(), mono=True), SPEC)
    prepare_deployable(tmp_path / "mono.pth", mono, spec, {}, padded_from=SPEC).write()
    single, _ = model(tmp_path, NetworkSpec(4, 16, 2, 8, 1, 1), "single.pth")
    for file, made_gray in ((path, 0), (tmp_path / "mono.pth", 1), (single, 1)):
        done = upscale(file, [folder], tmp_path / "out", device="cpu")
        assert done.made_gray == made_gray
        result = np.asarray(Image.open(tmp_path / "out" / "color.png"))
        assert bool(made_gray) == bool((result == result[..., :1]).all())


def test_gray_photos_stay_gray_with_a_color_model_tile_by_tile(tmp_path: Path) -> None:
    gray = np.repeat(photo(70, 50)[..., :1], 3, axis=2)
    Image.fromarray(gray[..., 0]).save(tmp_path / "gray.png")
    path, network = model(tmp_path)
    tinted = computed(network, gray)
    assert has_color(tinted), "the network would tint it"
    done = upscale(path, [tmp_path / "gray.png"], tmp_path / "out", device="cpu", tile=32)
    result = np.asarray(Image.open(done.written[0]).convert("RGB"))
    assert not has_color(result) and furthest(result, brightness(tinted)) <= 1
    (notice,) = done.notices
    assert notice.startswith("1 gray photo stays gray: ") and "color model" in notice


def test_a_padded_file_is_run_as_the_small_network_inside(tmp_path: Path) -> None:
    network = network_of(SPEC)
    state, wide = pad_for_viewer(network.state_dict(), SPEC)
    prepare_deployable(tmp_path / "m_x4.pth", state, wide, {}, padded_from=SPEC).write()
    upscaler = Upscaler(tmp_path / "m_x4.pth", device="cpu")
    assert upscaler.spec == SPEC
    assert furthest(upscaler(photo()), computed(network, photo())) <= 1


def test_half_precision_is_close(tmp_path: Path) -> None:
    path, network = model(tmp_path)
    assert furthest(Upscaler(path, device="cpu", half=True)(photo()), computed(network, photo())) <= 12


def test_files_folders_and_equal_names_are_written_as_png(tmp_path: Path) -> None:
    path, network = model(tmp_path)
    folder = tmp_path / "in"
    (folder / "other").mkdir(parents=True)
    Image.fromarray(photo()).save(folder / "a.png")
    Image.fromarray(photo(seed=2)).save(folder / "b.jpg")
    Image.fromarray(photo(seed=3)).save(folder / "other" / "a.webp", lossless=True)
    (folder / "notes.txt").write_text("no photo")
    done = upscale(path, [folder, folder / "other" / "a.webp"], tmp_path / "out" / "deep", device="cpu")
    assert [p.name for p in done.written] == ["a.png", "b.png", "a_2.png"] and not done.refused
    assert furthest(np.asarray(Image.open(done.written[0])), computed(network, photo())) <= 1
    assert furthest(np.asarray(Image.open(done.written[2])), computed(network, photo(seed=3))) <= 1


def test_files_that_the_scan_passes_over_are_passed_over_in_a_folder(tmp_path: Path) -> None:
    path, _ = model(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(photo()).save(folder / "a.png")
    for name in ("._a.png", ".hidden.png", "SYNOPHOTO_THUMB_M.jpg", "AlbumArtSmall.jpg"):
        (folder / name).write_bytes(b"\0\5\x16\7")
    done = upscale(path, [folder], tmp_path / "out", device="cpu")
    assert [file.name for file in done.written] == ["a.png"] and not done.refused


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: 9 bytes"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=str,
)
def test_lack_of_memory_is_a_sentence_with_advice(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = model(tmp_path)
    Image.fromarray(photo()).save(tmp_path / "a.png")
    words = ["upscale", str(path), str(tmp_path / "a.png"), "-o", str(tmp_path / "out"), "--device", "cpu"]

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(RRDBNet, "forward", fail)
        assert main(words) == 2
    out, err = capsys.readouterr()
    assert "a.png: There is not enough memory to upscale" in err and "--tile, such as 96" in err and not out
    for verb, function in (("export", "load_network"), ("inspect", "open_weights")):
        with monkeypatch.context() as patch:
            patch.setattr(importlib.import_module(f"trainer_core.verbs.{verb}"), function, fail)
            assert main([verb, str(path), *(["-o", str(tmp_path / "n.pth")] if verb == "export" else [])]) == 2
        assert f"There is not enough memory to {verb}" in capsys.readouterr().err
    with pytest.raises(RuntimeError, match="another"), explain_out_of_memory("do it"):
        raise RuntimeError("another error")


def test_watch_dumps_give_a_picture_for_each_photo(tmp_path: Path) -> None:
    path, network = model(tmp_path, NetworkSpec(2, 8, 1, 8))
    codes = np.arange(120 * 120, dtype=np.uint32).reshape(120, 120) // 7 % 16
    packed = (codes[:, ::2] | codes[:, 1::2] << 4).astype(np.uint8).tobytes()
    record = b"title".ljust(24, b" ") + struct.pack("5B", 1, 2, 3, 4, 5) + packed
    (tmp_path / "watch.bin").write_bytes(record * 2)
    done = upscale(path, [tmp_path / "watch.bin"], tmp_path / "out", device="cpu")
    assert len(done.written) == 2
    levels = np.repeat((255 - 17 * codes)[..., None].astype(np.uint8), 3, axis=2)
    assert furthest(np.asarray(Image.open(done.written[0])), brightness(computed(network, levels))) <= 1


def test_watch_dumps_in_a_folder_are_enlarged_too(tmp_path: Path) -> None:
    path, network = model(tmp_path, NetworkSpec(2, 8, 1, 8))
    folder = tmp_path / "watch"
    folder.mkdir()
    record = b"title".ljust(24, b" ") + bytes(5) + bytes([0x9F]) * 7200  # without a date
    (folder / "photo.bin").write_bytes(record)
    (folder / "DUMP").write_bytes(record * 2)
    (folder / "settings.bin").write_bytes(b"of something else")
    done = upscale(path, [folder], tmp_path / "out", device="cpu")
    assert [p.name for p in done.written] == ["DUMP_001.png", "DUMP_002.png", "photo.png"] and not done.refused
    levels = np.tile(np.array([[[0] * 3, [255 - 17 * 9] * 3]], np.uint8), (120, 60, 1))
    assert furthest(np.asarray(Image.open(done.written[2])), brightness(computed(network, levels))) <= 1


def test_mono_captures_with_another_gray_scale_get_their_true_levels(tmp_path: Path) -> None:
    path, network = model(tmp_path, NetworkSpec(2, 8, 1, 8))
    codes = np.random.default_rng(1).integers(0, 16, (120, 120), dtype=np.uint8)
    Image.fromarray(codes * 16).save(tmp_path / "old.png")
    done = upscale(path, [tmp_path / "old.png"], tmp_path / "out", device="cpu")
    levels = np.repeat((codes * 17)[..., None], 3, axis=2)
    assert furthest(np.asarray(Image.open(done.written[0])), brightness(computed(network, levels))) <= 1


def test_comparisons_show_bicubic_and_both_models(tmp_path: Path) -> None:
    path, _ = model(tmp_path)
    other, _ = model(tmp_path, NetworkSpec(2, 8, 1, 8), "other.pth")
    Image.fromarray(photo()).save(tmp_path / "a.png")
    for compare_with, panels in ((None, 2), (other, 3)):
        done = upscale(
            path, [tmp_path / "a.png"], tmp_path / "out", device="cpu", compare=True, compare_with=compare_with
        )
        assert [p.name for p in done.written] == ["a.png", "a_compare.png"]
        assert Image.open(done.written[1]).size[0] == 160 * panels
    strip = np.asarray(compose_comparison(photo(), [("one", np.full((120, 160, 3), 7, np.uint8))], 4))
    assert (strip[-120:, 160:] == 7).all()
    assert (
        furthest(strip[-120:, :160], np.asarray(Image.fromarray(photo()).resize((160, 120), Image.Resampling.BICUBIC)))
        == 0
    )


def test_two_models_of_the_same_name_are_kept_apart(tmp_path: Path) -> None:
    ours, network = model(tmp_path)
    (tmp_path / "earlier").mkdir()
    other, _ = model(tmp_path / "earlier", NetworkSpec(2, 8, 1, 8))
    assert Path(ours).name == Path(other).name
    Image.fromarray(photo()).save(tmp_path / "a.png")
    done = upscale(ours, [tmp_path / "a.png"], tmp_path / "out", device="cpu", compare_with=other)
    assert furthest(np.asarray(Image.open(done.written[0])), computed(network, photo())) <= 1
    assert Image.open(done.written[1]).size[0] == 160 * 3


def test_unusable_photos_are_reported_and_the_others_done(tmp_path: Path) -> None:
    path, _ = model(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    (tmp_path / "what.xyz").write_bytes(b"hello")
    Image.fromarray(photo()).save(tmp_path / "good.png")
    files = [tmp_path / name for name in ("broken.png", "what.xyz", "good.png")]
    done = upscale(path, files, tmp_path / "out", device="cpu")
    assert [p.name for p in done.written] == ["good.png"]
    assert [file.name for file, _ in done.refused] == ["broken.png", "what.xyz"]
    assert all(str(file) in reason for file, reason in done.refused)


def test_results_that_are_not_finite_are_refused_instead_of_written(tmp_path: Path) -> None:
    path, network = model(tmp_path)
    for name, values in network.named_parameters():
        if name in ("conv_up1.weight", "conv_up2.weight"):
            values.fill_(3e38)
    saved(network, path)
    Image.fromarray(photo()).save(tmp_path / "a.png")
    done = upscale(path, [tmp_path / "a.png"], tmp_path / "out", device="cpu")
    assert not done.written and not list((tmp_path / "out").iterdir())
    assert "not finite (NaN or infinity). Use another model" in done.refused[0][1]


def test_results_far_outside_of_a_picture_are_named_once(tmp_path: Path) -> None:
    path, network = model(tmp_path)
    for name in ("a", "b"):
        Image.fromarray(photo()).save(tmp_path / f"{name}.png")
    photos = [tmp_path / "a.png", tmp_path / "b.png"]
    assert upscale(path, photos, tmp_path / "out", device="cpu").notices == []
    white = tmp_path / "white.png"
    Image.new("RGB", (24, 24), "ivory").save(white)
    assert upscale(path, [white], tmp_path / "out", device="cpu").notices == []
    network.conv_last.weight.mul_(1e9)
    huge = saved(network, tmp_path / "huge_x4.pth")
    for half in (False, True):
        (notice,) = upscale(huge, photos, tmp_path / "out", device="cpu", half=half).notices
        assert "results of huge_x4 lie far outside" in notice and "use another model" in notice
    (notice,) = upscale(path, photos, tmp_path / "out", device="cpu", compare_with=huge).notices
    assert "huge_x4" in notice


def test_photos_are_never_overwritten(tmp_path: Path) -> None:
    path, _ = model(tmp_path)
    Image.fromarray(photo()).save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    done = upscale(path, [tmp_path / "a.png"], tmp_path, device="cpu")
    assert not done.written and "Choose another folder" in done.refused[0][1]
    assert (tmp_path / "a.png").read_bytes() == before


def test_bad_input_is_said_before_anything_is_computed(tmp_path: Path) -> None:
    path, _ = model(tmp_path)
    (tmp_path / "empty").mkdir()
    for images in ([tmp_path / "none.png"], [tmp_path / "empty"]):
        with pytest.raises(UserError, match=r"There is no|contain no photos"):
            upscale(path, images, tmp_path / "out")
    with pytest.raises(UserError, match="--tile"):
        Upscaler(path, tile=8)
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="no CUDA"):
            Upscaler(path, device="cuda")
    torch.save({"params": {n: v for n, v in network_of(SPEC).state_dict().items() if "conv_hr" not in n}}, path)
    with pytest.raises(UserError, match="lacks parameters"):
        Upscaler(path)
