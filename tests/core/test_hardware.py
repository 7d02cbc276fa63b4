"""Device, precision and memory of a run. The GPUs here are fakes: torch says that they exist."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from trainer_core.errors import UserError
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning import cpu_precision, gpus, missing_gpus
from trainer_core.planning.hardware import (
    Hardware,
    MemoryNeed,
    available_memory,
    choose_hardware,
    estimate_memory,
    total_memory,
    use_device,
    used_memory,
)
from trainer_core.requirements import format_install_command
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.presets import PRESETS

NO_KERNELS = "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be ..."
Pretend = Callable[..., None]
Build = Callable[..., None]


def choose(device: str, **settings: Any) -> Hardware:
    return choose_hardware(TrainerConfig(device=device, **settings))


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """Pretend GPUs: name -> what its first kernel raises, "" if it works."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    make_ones = torch.ones

    def install(kind: str, found: dict[str, str], capability: tuple[int, int] = (8, 6)) -> None:
        backend, names = getattr(torch, kind), list(found)
        monkeypatch.setattr(backend, "is_available", lambda: True)
        monkeypatch.setattr(backend, "device_count", lambda: len(names))
        monkeypatch.setattr(backend, "get_device_name", lambda number: names[number])
        monkeypatch.setattr(backend, "get_device_capability", lambda device: capability)

        def ones(*shape: int, device: Any = None, **more: Any) -> Any:
            fault = found[names[int(str(device).split(":")[1])]] if str(device).startswith(kind) else ""
            if fault:
                raise RuntimeError(fault)
            return make_ones(*shape, **more)

        monkeypatch.setattr(torch, "ones", ones)

    return install


def test_memory_that_is_nearly_used_up_is_warned_of() -> None:
    assert MemoryNeed(8 * 10**9, 10 * 10**9).warning == ""
    scarce = MemoryNeed(95 * 10**8, 10 * 10**9)
    assert scarce.exceeds_free
    assert "about 9.50 GB needed, 10.0 GB free. Use --batch-size auto" in scarce.warning


def test_auto_takes_a_gpu_that_works_and_names_its_number(pretend: Pretend) -> None:
    pretend("cuda", {"Fast GPU": ""})
    hardware = choose("auto")
    assert (hardware.device, hardware.kind, hardware.label) == ("cuda:0", "cuda", "Fast GPU (cuda:0)")
    assert hardware.precision == "bf16" and hardware.is_asynchronous and not hardware.notices
    assert choose("auto", amp=False).precision == "fp32"
    assert not choose("cpu").is_asynchronous and choose("cpu").label == choose("cpu").name


def test_a_gpu_without_kernels_leaves_auto_to_the_cpu_which_says_so(pretend: Pretend) -> None:
    pretend("cuda", {"Old GPU": NO_KERNELS}, (6, 1))
    hardware = choose("auto")
    assert hardware.device == "cpu"
    (notice,) = hardware.notices
    reason = (
        f"Old GPU (cuda:0) cannot be used: this build of PyTorch ({torch.__version__}) has no kernels for this card"
    )
    assert notice.startswith(f"The CPU is used. {reason}")
    assert "; another build may have them: " in notice and '-m pip install "torch==' in notice
    assert '+cu126" --index-url https://download.pytorch.org/whl/cu126' in notice
    with pytest.raises(UserError, match=r"--device cuda: Old GPU \(cuda:0\) cannot be used: .*whl/cu126\.$"):
        choose("cuda")


def test_a_card_of_amd_without_kernels_gets_no_command_for_nvidia(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend("cuda", {"Radeon": "HIP error: invalid device function\nmore"})
    monkeypatch.setattr(torch.version, "hip", "6.4")
    monkeypatch.setattr(torch.version, "cuda", None)
    properties = type("Properties", (), {"gcnArchName": "gfx1103"})
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    reason = f"this build of PyTorch ({torch.__version__}) has no kernels for this card"
    assert refuse("cuda") == f"--device cuda: Radeon (cuda:0) cannot be used: {reason}."


def test_a_gpu_that_another_program_keeps_busy_is_named_with_the_reason(pretend: Pretend) -> None:
    pretend("cuda", {"My GPU": "CUDA error: all CUDA-capable devices are busy or unavailable\nmore"})
    with pytest.raises(UserError) as error:
        choose("cuda:0")
    assert str(error.value) == (
        "--device cuda:0: My GPU (cuda:0) cannot be used: CUDA error: all CUDA-capable devices are busy or unavailable."
    )


def test_the_first_gpu_that_works_is_taken_and_a_number_is_obeyed(pretend: Pretend) -> None:
    pretend("cuda", {"Old GPU": NO_KERNELS, "New GPU": "", "Third GPU": ""})
    for device in ("auto", "cuda"):
        hardware = choose(device)
        assert hardware.device == "cuda:1"
        assert hardware.notices[0].startswith("Old GPU (cuda:0) cannot be used")
    assert choose("cuda:2").label == "Third GPU (cuda:2)"
    with pytest.raises(UserError, match=r"cuda:3: there is no such GPU. This machine has Old GPU \(cuda:0\), New GPU"):
        choose("cuda:3")


def test_a_gpu_that_computes_wrong_values_is_not_used(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend("cuda", {"Broken GPU": ""})
    monkeypatch.setattr(torch.nn.functional, "conv2d", lambda image, weight: torch.full((1, 4, 6, 6), float("nan")))
    with pytest.raises(UserError, match="a convolution gives wrong values"):
        choose("cuda")


@pytest.mark.parametrize(
    ("capability", "precision"),
    [((6, 1), "fp32"), ((7, 0), "fp16"), ((7, 5), "fp16"), ((8, 0), "bf16"), ((12, 0), "bf16")],
)
def test_precision_follows_the_generation_of_nvidia(
    pretend: Pretend, capability: tuple[int, int], precision: str
) -> None:
    pretend("cuda", {"GPU": ""}, capability)
    assert choose("cuda").precision == precision


@pytest.mark.parametrize(
    ("architecture", "precision", "is_channels_last"),
    [
        ("gfx906:sramecc+:xnack-", "fp16", True),  # Radeon VII; its capability is 9.0
        ("gfx90a:sramecc+:xnack-", "bf16", True),  # MI200
        ("gfx942", "bf16", True),
        ("gfx1030", "fp16", False),  # RDNA2; its capability is 10.3
        ("gfx1100", "bf16", False),
    ],
)
def test_precision_and_layout_follow_the_architecture_of_amd(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch, architecture: str, precision: str, is_channels_last: bool
) -> None:
    pretend("cuda", {"Radeon": ""}, (10, 3))
    monkeypatch.setattr(torch.version, "hip", "6.4")
    properties = type("Properties", (), {"gcnArchName": architecture})
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    hardware = choose("auto")
    assert (hardware.precision, hardware.is_channels_last) == (precision, is_channels_last)
    assert (hardware.memory_format is torch.channels_last) is is_channels_last


def test_gpus_of_intel_and_apple_are_used_on_request_only(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend("xpu", {"Arc": ""})
    hardware = choose("auto")
    assert hardware.device == "cpu"
    reason = "runs on GPUs are tested for CUDA only, with a fake device"
    assert hardware.notices == (f"Arc is not used: {reason}. Use --device xpu to try it.",)
    assert (choose("xpu").device, choose("xpu:0").precision) == ("xpu:0", "bf16")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(gpus, "find_fault", lambda gpu, precision: "")
    apple = choose("mps")
    assert (apple.device, apple.label, apple.precision) == ("mps", "Apple GPU", "fp32")
    assert not apple.is_channels_last and apple.is_asynchronous


def refuse(device: str) -> str:
    with pytest.raises(UserError) as error:
        choose(device)
    return str(error.value)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> Build:
    """Pretend a build of torch that finds no GPU, on Linux; give "cuda", "hip", "xpu" or none."""
    for owner in (torch.cuda, torch.xpu, torch.backends.mps):
        monkeypatch.setattr(owner, "is_available", lambda: False)
    monkeypatch.setattr(torch, "__version__", "2.13.0+build")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def install(*built: str) -> None:
        for name in ("cuda", "hip", "xpu"):
            monkeypatch.setattr(torch.version, name, "13.0" if name in built else None, raising=False)

    return install


def add_card(bus: Path, vendor: str, kind: str) -> None:
    card = bus / f"0000:{len(list(bus.iterdir())):02x}:00.0"
    card.mkdir()
    (card / "vendor").write_text(f"{vendor}\n")
    (card / "class").write_text(f"{kind}\n")


def test_a_cuda_build_without_a_driver_is_told_to_install_the_driver(
    no_gpu: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_gpu("cuda")
    for device in ("cuda", "cuda:1"):
        assert refuse(device) == (
            f"--device {device}: PyTorch finds no CUDA GPU: no NVIDIA driver answers. Install or update the driver "
            "(`nvidia-smi` must list the card), or use --device cpu."
        )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "because CUDA_VISIBLE_DEVICES hides all. Unset it, or use --device cpu." in refuse("cuda")


def test_a_build_for_amd_names_the_driver_of_amd(no_gpu: Build) -> None:
    no_gpu("hip")
    text = "finds no AMD GPU: no AMD driver answers. Install or update the driver (`rocminfo` must list the card), or"
    assert text in refuse("cuda") and "NVIDIA" not in refuse("cuda")


@pytest.mark.parametrize(("device", "maker", "build"), [("cuda", "NVIDIA", "cu130"), ("xpu:1", "Intel", "xpu")])
def test_a_build_for_processors_names_the_command_of_another_build(
    no_gpu: Build, device: str, maker: str, build: str
) -> None:
    no_gpu()
    command = format_install_command(f"torch==2.13.0+{build}", f"--index-url https://download.pytorch.org/whl/{build}")
    assert refuse(device).endswith(f"Use --device cpu, or for an {maker} GPU run: {command}")
    no_gpu("xpu")
    assert refuse("xpu").endswith("no Intel driver answers. Install or update the driver, or use --device cpu.")


def test_on_a_mac_no_other_build_is_proposed(no_gpu: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    no_gpu()
    assert refuse("mps").endswith(
        "PyTorch finds no Apple GPU; only Macs with Apple's processors have one. Use --device cpu or auto."
    )
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert refuse("cuda").endswith("it uses no NVIDIA GPU on a Mac. Use --device cpu or auto.")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert refuse("mps").endswith("finds no Apple GPU. Update macOS, or use --device cpu.")


def test_a_refusal_names_the_gpu_that_there_is(
    no_gpu: Build, pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_gpu("xpu")
    pretend("xpu", {"Intel Arc A770": ""})
    assert refuse("cuda").endswith("finds no CUDA GPU. It finds Intel Arc A770: use --device xpu.")
    assert refuse("mps").endswith("finds no Apple GPU. It finds Intel Arc A770: use --device xpu.")
    assert refuse("xpu:1") == (
        "--device xpu:1: there is no such GPU. This machine has Intel Arc A770 (xpu:0). Use --device xpu:0."
    )
    monkeypatch.setattr(torch.xpu, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert refuse("cuda:0").endswith("It finds Apple GPU: use --device mps.")


def test_auto_speaks_of_a_card_of_nvidia_only_if_there_is_one_without_a_driver(
    no_gpu: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_gpus, "_PCI_DEVICES", tmp_path / "none")
    no_gpu("cuda")
    assert choose("auto").notices == ()
    monkeypatch.setattr(missing_gpus, "_PCI_DEVICES", tmp_path)
    add_card(tmp_path, "0x8086", "0x030000")  # graphics of Intel
    add_card(tmp_path, "0x10de", "0x040300")  # NVIDIA's sound
    (tmp_path / "0000:ff:00.0").mkdir()
    assert choose("auto").notices == ()
    add_card(tmp_path, "0x10de", "0x030200")
    (notice,) = choose("auto").notices
    assert notice.startswith("The GPU is not used: no NVIDIA driver answers. Install or update the driver (`nvidia")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert choose("auto").notices == ()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    for other in ((), ("hip",), ("xpu",)):
        no_gpu(*other)
        assert choose("auto").notices == ()


def test_memory_of_a_gpu_is_that_of_its_number_and_its_peak_begins_with_each_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[str, Any]] = []
    answers = {"mem_get_info": (10, 24), "memory_reserved": 5, "memory_allocated": 2, "max_memory_reserved": 7}
    for name in (*answers, "reset_peak_memory_stats", "empty_cache"):

        def answer(*device: Any, name: str = name) -> Any:
            calls.append((name, *device))
            return answers.get(name)

        monkeypatch.setattr(torch.cuda, name, answer)

    class Current:
        def __init__(self, device: str) -> None:
            calls.append(("device", device))

        def __enter__(self) -> None:
            calls.append(("enter", "cuda:1"))

        def __exit__(self, *error: object) -> None:
            calls.append(("leave", "cuda:1"))

    monkeypatch.setattr(torch.cuda, "device", Current)
    gpu = Hardware("cuda:1", "bf16", "GPU")
    assert (available_memory(gpu), total_memory(gpu), used_memory(gpu)) == (13, 24, 7)
    assert {device for _, *devices in calls for device in devices} == {"cuda:1"}
    calls.clear()
    with use_device(gpu):
        assert [name for name, *_ in calls] == ["device", "enter", "empty_cache", "reset_peak_memory_stats"]
        calls.clear()
    assert [name for name, *_ in calls] == ["empty_cache", "leave"]


def test_auto_begins_with_the_current_gpu_which_is_that_of_the_process(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend("cuda", {"First": "", "Second": ""})
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    assert choose("auto").device == "cuda:1"


def test_the_estimate_counts_a_validation_that_needs_more_than_a_step() -> None:
    config, gpu = TrainerConfig(scale=8, patch_size=16, batch_size=1), Hardware("cuda:0", "bf16", "GPU")
    frame = 176 * 144 * 64 * 64 * 4  # of color: bytes of the features of a layer in full resolution
    spec = NetworkSpec(8, num_block=1)
    for size in (1, 2):
        assert frame * 2.2 < estimate_memory(config, spec, gpu, size) < frame * 2.8
    assert estimate_memory(config.replace(patch_size=64), spec, gpu, 16) > frame * 2.8
    mono = estimate_memory(config.replace(monochrome_style=True), spec, gpu, 1)
    assert mono < estimate_memory(config, spec, gpu, 1)


def test_the_estimate_counts_vgg19_for_the_perceptual_loss() -> None:
    config, gpu = TrainerConfig(preset="nano", **PRESETS["nano"]), Hardware("cuda:0", "fp32", "GPU")
    spec = NetworkSpec(4, config.num_feat, config.num_block, config.num_grow_ch)
    perceptual = config.replace(perceptual_weight=0.1, vgg_weights="vgg19-dcbb9e9d.pth")
    kept = 16 * 128**2 * 4 * 267  # 267 values per pixel, and the places of maxima
    more = estimate_memory(perceptual, spec, gpu, 16) - estimate_memory(config, spec, gpu, 16)
    assert 1.5 * kept < more < 2.5 * kept
    without = perceptual.replace(vgg_weights=None)
    assert estimate_memory(without, spec, gpu, 16) == estimate_memory(config, spec, gpu, 16)


def test_on_a_processor_the_copies_that_are_being_saved_need_memory_too() -> None:
    config, spec = TrainerConfig(monochrome_style=True), NetworkSpec(4)
    on_cpu, on_gpu = (estimate_memory(config, spec, Hardware(device, "bf16", ""), 16) for device in ("cpu", "cuda:0"))
    state = 4 * spec.parameter_count() * 4  # weights, EMA and two moments
    assert 2 * state < on_cpu - on_gpu < 3.5 * state


@pytest.fixture
def measured_once() -> Iterator[None]:
    """Let the precision of the processor be measured in this test, and in the next one."""
    cpu_precision.choose_cpu_precision.cache_clear()
    yield
    cpu_precision.choose_cpu_precision.cache_clear()


@pytest.mark.usefixtures("measured_once")
@pytest.mark.parametrize(
    ("seconds", "precision"),
    [((2.0, 1.0), "bf16"), ((1.1, 1.0), "fp32"), ((1.0, 1.7), "fp32"), ((1.0, 30.0), "fp32")],
    ids=["fast", "hardly faster", "slow instructions", "emulated"],
)
def test_a_processor_trains_in_bf16_only_where_that_is_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, seconds: tuple[float, float], precision: str
) -> None:
    monkeypatch.setattr(cpu_precision, "measure_precisions", lambda: dict(zip(("fp32", "bf16"), seconds)))
    assert choose("cpu").precision == precision
    assert choose("cpu", amp=False).precision == "fp32"
    monkeypatch.setattr(cpu_precision, "measure_precisions", lambda: pytest.fail("measured twice"))
    assert choose("cpu").precision == precision


@pytest.mark.usefixtures("measured_once")
def test_measuring_the_precision_leaves_threads_and_randomness_as_they_were() -> None:
    threads, random = torch.get_num_threads(), torch.get_rng_state()
    assert cpu_precision.choose_cpu_precision() in ("fp32", "bf16")
    assert torch.get_num_threads() == threads and torch.equal(torch.get_rng_state(), random)
    assert all(0 < seconds < 1 for seconds in cpu_precision.measure_precisions().values())
