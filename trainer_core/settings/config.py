"""`TrainerConfig`: all settings of a run, frozen and typed, each field described once with `schema.Group`.

To add a setting, add a field here: the parser, form, documentation, validation, warning on resume and camera
signature derive from it. Rules about several fields are in rules.py. Names and defaults match the first trainer's, so
that its commands and its `training_config.json` still work.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Union

from trainer_core.settings.presets import NETWORK_FIELDS, PRESET_FIELDS, PRESETS
from trainer_core.settings.schema import AUTO, FileKind, Group, Setting, settings_of
from trainer_core.watches import WQV1

WEIGHT_FILES = FileKind("Weights", (".pth", ".pt", ".ckpt", ".safetensors"))
PROFILE_FILES = FileKind("Camera profiles", (".json",))

_photos, _camera, _network = Group("Photos"), Group("Camera"), Group("Network")
_training, _losses, _start = Group("Training"), Group("Losses"), Group("Starting point")
_watching, _machine = Group("Monitoring"), Group("Machine")

NumberOrAuto = Union[int, str]
STARTER = "starter"
"""The value of `init_weights` that means the built-in model for the watch and scale."""


@dataclass(frozen=True)
class TrainerConfig:
    """All settings of a run. Field names are the keys of `training_config.json`; paths are strings."""

    # -- photos, camera, size and length -------------------------------------------------------------

    source_dir: str = _photos(
        "Source photos", "Folder of clean photos, including subfolders; opened read-only."
    ).folder(flag="", stored=False, place=True, replaces=("demo",))
    workspace: str = _photos("Workspace", "Folder for checkpoints, models and logs; created if missing.").folder(
        flag="", stored=False, place=True
    )
    scale: int = _camera("Scale", "Upscale factor of the network.").choice(
        4, (2, 4, 8), choice_labels={2: "x2", 4: "x4", 8: "x8"}, of_camera=True
    )
    monochrome_style: bool = _camera(
        "Watch",
        "Simulate the mono watches WQV-1/2 (120x120, 16 grays) instead of the color watches WQV-3/10 (176x144, JPEG).",
    ).switch(
        False,
        choice_labels={False: "WQV-3/10 color", True: "WQV-1/2 mono"},
        demo_default=True,
        fixed_on_resume=True,
        of_camera=True,
    )
    camera_profile: str | None = _camera(
        "Camera profile",
        "Profile fitted to your own watch with “Measure my watch” in the window, or `wqv-upscale-tools calibrate`; "
        "it also sets mono or color.",
    ).file(PROFILE_FILES, hint="built in; browse for your own", fixed_on_resume=True, of_camera=True)
    preset: str = _network(
        "Preset",
        "Network size with matching learning rate, batch and patch: "
        "full 64/23/32 (GPU), light 64/6/32, nano 32/4/16 (CPU).",
    ).choice("full", tuple(PRESETS), demo_default="nano", replaces=PRESET_FIELDS, always_explicit=True)
    steps: int = _training("Steps", "Total steps; one step is one update of the network.").integer(
        200000, minimum=1, maximum=100_000_000, replaces=("max_minutes",), always_explicit=True
    )
    max_minutes: float | None = _training(
        "Time budget",
        "Train for this long, all sessions of the run together. The number of steps follows from the measured speed "
        "and is adjusted when the machine becomes slower or faster.",
    ).number(None, unit="minutes", exclusive_minimum=0, maximum=1_000_000, demo_default=2.0, replaces=("steps",))

    # -- camera --------------------------------------------------------------------------------

    base_resolution: int = _camera("Mono frame", "Side of the mono watch's square frame.").integer(
        WQV1.frame_width, unit="LR pixels", minimum=48, maximum=1024, fixed_on_resume=True, of_camera=True
    )
    monochrome_levels: int = _camera("Gray levels", "Number of gray levels of the mono watch.").integer(
        WQV1.gray_levels, minimum=2, maximum=256, fixed_on_resume=True, of_camera=True
    )
    monochrome_noise: float = _camera(
        "Watch noise", "Multiple of the watch's measured noise (the first trainer used an absolute sigma)."
    ).number(1.0, minimum=0, maximum=10, fixed_on_resume=True, of_camera=True)
    degradation: str = _camera(
        "Degradation",
        "watch: the measured camera; bicubic: plain antialiased bicubic downscaling, as in published benchmarks.",
    ).choice("watch", ("watch", "bicubic"), fixed_on_resume=True, of_camera=True)

    # -- training ------------------------------------------------------------------------------

    patch_size: int = _training("Patch size", "Side of the square training patches.").integer(
        32, unit="LR pixels", minimum=16, maximum=256, fixed_on_resume=True
    )
    batch_size: NumberOrAuto = _training(
        "Batch size",
        "Patches per micro-batch; auto: as many as fit into the free memory, with more micro-batches per step.",
    ).integer_or_auto(16, minimum=1, maximum=4096, fixed_on_resume=True)
    grad_accum_steps: int = _training(
        "Gradient accumulation",
        "Micro-batches per step; multiplies the effective batch size without using more memory.",
    ).integer(1, minimum=1, maximum=4096, fixed_on_resume=True)
    optimizer: str = _training(
        "Optimizer",
        "adam; muon: orthogonalized updates for the inner convolutions, Adam for the rest, which learns faster.",
    ).choice("adam", ("adam", "muon"), fixed_on_resume=True)
    learning_rate: float = _training("Learning rate", "Peak learning rate.").number(
        2e-4, flag="--lr", exclusive_minimum=0, maximum=1, fixed_on_resume=True
    )
    schedule: str = _training(
        "Schedule",
        "cosine: warm-up, then down to zero at the last step; constant: warm-up, then unchanged for any number "
        "of steps.",
    ).choice("cosine", ("cosine", "constant"), fixed_on_resume=True)
    betas: tuple[float, float] = _training(
        "Adam betas", "Decay rates of Adam's two moments; with muon, for the weights that Adam updates."
    ).pair((0.9, 0.99), minimum=0, maximum=0.99999, fixed_on_resume=True)
    weight_decay: float = _training("Weight decay", "L2 penalty.").number(
        0.0, minimum=0, maximum=1, fixed_on_resume=True
    )
    gradient_clip: float = _training("Gradient clip", "Maximum gradient norm of a step; 0 turns clipping off.").number(
        0.5, minimum=0, maximum=1e6, fixed_on_resume=True
    )
    ema_decay: float = _training(
        "EMA decay", "Decay of the EMA weights (with warm-up), which are validated and exported."
    ).number(0.999, minimum=0, maximum=0.999999, fixed_on_resume=True)
    seed: int = _training("Seed", "Seed of all random numbers.").integer(
        1337, minimum=0, maximum=2**31 - 1, fixed_on_resume=True, of_camera=True
    )
    early_stop: int | None = _training(
        "Early stop", "Stop after this many validations in a row without a new best; none: only report a plateau."
    ).integer(None, minimum=1, maximum=100000)
    best_by: str = _training(
        "Best by",
        "How the best validation is chosen, for the best model and early stop. psnr: highest PSNR; spectrum: smallest "
        "spectrum distance that costs at most 0.6 dB of PSNR; auto: spectrum in an adversarial stage, otherwise psnr.",
    ).choice("auto", ("auto", "psnr", "spectrum"))

    # -- losses --------------------------------------------------------------------------------

    l1_weight: float = _losses("L1", "Weight of the mean absolute pixel error.").number(
        1.0, minimum=0, maximum=1e4, fixed_on_resume=True
    )
    frequency_weight: float = _losses("Frequency", "Weight of the mean absolute error of the Fourier spectrum.").number(
        0.0, minimum=0, maximum=1e4, fixed_on_resume=True
    )
    gradient_weight: float = _losses(
        "Edges", "Weight of the absolute pixel error that counts most where the target has edges."
    ).number(0.0, minimum=0, maximum=1e4, fixed_on_resume=True)
    artifact_weight: float = _losses(
        "Artifacts", "Weight of the absolute pixel error that counts most where it varies from pixel to pixel (LDL)."
    ).number(0.0, minimum=0, maximum=1e4, fixed_on_resume=True)
    perceptual_weight: float = _losses(
        "Perceptual", "Weight of the VGG19 feature distance; needs --vgg-weights."
    ).number(0.0, minimum=0, maximum=1e4, fixed_on_resume=True)
    vgg_weights: str | None = _losses(
        "VGG19 weights", "The torchvision file vgg19-dcbb9e9d.pth for the perceptual loss."
    ).file(WEIGHT_FILES)

    gan_weight: float = _losses(
        "Adversarial",
        "Weight of the adversarial loss, which makes a trained network sharper at the cost of some PSNR; start from "
        "one with --init-weights.",
    ).number(0.0, minimum=0, maximum=1e4, fixed_on_resume=True)
    gan_ramp: int = _losses(
        "Adversarial ramp", "Steps in which the weight of the adversarial loss rises from 0."
    ).integer(150, unit="steps", minimum=0, maximum=10_000_000, fixed_on_resume=True)
    gan_features: int = _losses(
        "Discriminator", "Channels of the discriminator's first layer; the deepest one has eight times as many."
    ).integer(16, minimum=4, maximum=128, fixed_on_resume=True)

    # -- network -------------------------------------------------------------------------------

    num_feat: int = _network("Features", "Channels of the network's trunk.").integer(64, minimum=8, maximum=512)
    num_block: int = _network("Blocks", "Number of residual-in-residual dense blocks.").integer(
        23, minimum=1, maximum=128
    )
    num_grow_ch: int = _network("Growth", "Channels that each convolution of a dense block adds.").integer(
        32, minimum=4, maximum=256
    )

    # -- photos --------------------------------------------------------------------------------

    patches_per_image: int = _photos(
        "Patches per photo", "Patches cut from each photo in one pass over the folder."
    ).integer(16, minimum=1, maximum=100000, fixed_on_resume=True)
    train_split: float = _photos(
        "Training share", "Share of the photos for training, unless the source folder has train, val and test folders."
    ).number(0.8, exclusive_minimum=0, maximum=1)
    val_split: float = _photos(
        "Validation share", "Share of the photos for validation; the rest is for the final test."
    ).number(0.1, minimum=0, maximum=1)
    resplit: bool = _photos("New split", "Discard the recorded split and split the photos again.").switch(
        False, stored=False
    )
    accept_captures: bool = _photos(
        "Accept captures",
        "Train on photos from the watch like on others; without it they are not used, and a folder of mostly such "
        "photos is refused.",
    ).switch(False)
    demo: bool = _photos(
        "Built-in scenes", "Train on photo-like scenes that the program renders; needs no source folder."
    ).switch(False, stored=False, place=True, of_camera=True)

    # -- starting point ------------------------------------------------------------------------

    init_weights: str | None = _start(
        "Warm start",
        "Start from an RRDB weight file (Real-ESRGAN or your own); starter: from the built-in model for the watch and "
        "scale, widened to the preset.",
    ).file(WEIGHT_FILES, word=STARTER, replaces=(*NETWORK_FIELDS, "resume_from"), always_explicit=True)
    init_arch: str = _start(
        "Warm-start architecture",
        "auto: detect it from the file; rrdb: accept unknown parameter names if their shapes match RRDB.",
    ).choice("auto", ("auto", "rrdb"))
    resume_from: str | None = _start(
        "Resume", "Continue from a checkpoint of this workspace; latest: from the newest one."
    ).file(WEIGHT_FILES, flag="--resume", stored=False, replaces=("init_weights",))
    accept_changes: bool = _start(
        "Accept changes", "Resume even with other photos, another watch or another camera profile than before."
    ).switch(False, stored=False)

    # -- watching the run ----------------------------------------------------------------------

    val_interval: NumberOrAuto = _watching(
        "Validate every",
        "Steps between validations; auto: the first after two minutes at most, then every 5 % of the run, from 30 s to "
        "10 minutes apart; at least four in a run of 30 s or more, fewer if they take long.",
    ).interval()
    checkpoint_interval: NumberOrAuto = _watching(
        "Save every", "Steps between checkpoints; auto: the first after a minute, then at most 10 minutes apart."
    ).interval()
    log_interval: int = _watching("Log every", "Steps between log lines.").integer(100, unit="steps", minimum=1)
    image_log_interval: NumberOrAuto = _watching(
        "Preview every", "Steps between previews; auto: as often as validations."
    ).interval()
    image_log_max_samples: int = _watching("Preview frames", "Number of validation frames in each preview.").integer(
        4, minimum=0, maximum=24
    )
    tensorboard: bool = _watching(
        "TensorBoard", "Write TensorBoard event files to <workspace>/tensorboard; needs the package tensorboard."
    ).switch(False)
    keep_checkpoints: int = _watching(
        "Keep checkpoints", "Number of newest checkpoints to keep, in addition to the best and the final one."
    ).integer(3, minimum=2, maximum=100000)
    model_name: str = _watching(
        "Model name", "Beginning of the names of the models in models/, before _x4 or _x4_best."
    ).name("wqv_neosr")
    compact_export: bool = _watching(
        "Compact models",
        "Save small networks at their own size in models/, without padding them to the size that WQV-Viewer needs.",
    ).switch(False)

    # -- machine -------------------------------------------------------------------------------

    device: str = _machine(
        "Device",
        "auto: the first CUDA GPU that works (NVIDIA, or AMD with ROCm), otherwise the CPU; cuda:1: the second GPU; "
        "mps: Apple; xpu: Intel. Only cpu has been tested; this program has not been run on any GPU.",
    ).choice(
        "auto",
        ("auto", "cpu", "cuda", "mps", "xpu"),
        numbered=("cuda", "xpu"),
        explanation="cuda is NVIDIA and AMD (ROCm), mps Apple, xpu Intel",
    )
    amp: bool = _machine(
        "Mixed precision", "Compute in bf16 (fp16 on older GPUs) where the hardware is faster in it."
    ).switch(True)
    compile: str = _machine(
        "Compile",
        "on: compile the network's blocks with torch.compile before the first step, which takes a minute or more; "
        "GPUs need Triton for it. It gains nothing on processors; on GPUs it has not been measured.",
    ).choice("off", ("off", "on"))
    threads: int | None = _machine(
        "Processor threads",
        "Threads that compute on the CPU; none: all processors, and fewer while other programs are busy, chosen again "
        "and again. Runs with a fixed number are equal bit for bit.",
    ).integer(None, minimum=1, maximum=1024, fixed_on_resume=True)
    processes: NumberOrAuto = _machine(
        "Processes",
        "Processes that share each step on the CPU, each with its own memory; auto: one, and on Linux with two to "
        "eight processors one for each, after other programs have slowed down training for a minute.",
    ).integer_or_auto("auto", minimum=1, maximum=64)
    priority: str = _machine(
        "Priority",
        "low: other programs come first, so that the computer stays responsive; normal: like other programs.",
    ).choice("low", ("low", "normal"))
    memory: str = _machine(
        "Memory",
        "auto: as fast as possible, with less memory once it runs out; low: compute the blocks of the network twice, "
        "which needs a third of the memory or less and a quarter more time.",
    ).choice("auto", ("auto", "low"))
    num_workers: NumberOrAuto = _machine(
        "Decoder threads", "Threads that decode photos and cut patches; auto: half of the processors, from 2 to 8."
    ).integer_or_auto("auto", minimum=0, maximum=64)

    def replace(self, **changes: Any) -> TrainerConfig:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    @property
    def workspace_path(self) -> Path:
        """The workspace as a path."""
        return Path(self.workspace)

    @property
    def is_ranked_by_spectrum(self) -> bool:
        """Whether the spectrum distance decides which validation is the best."""
        return self.best_by == "spectrum" or (self.best_by == AUTO and self.gan_weight > 0)

    @property
    def measures_sharpness(self) -> bool:
        """Whether validations measure spectrum distance and grain."""
        return self.gan_weight > 0 or self.is_ranked_by_spectrum

    @property
    def effective_batch(self) -> int:
        """Patches per step; an automatic micro-batch does not change them."""
        return self._patches_per_batch * self.grad_accum_steps

    @property
    def _patches_per_batch(self) -> int:
        """The batch size or, for an automatic one, that of the preset."""
        size = PRESETS[self.preset]["batch_size"] if self.batch_size == AUTO else self.batch_size
        return int(size)


SETTINGS: Mapping[str, Setting] = MappingProxyType(settings_of(TrainerConfig))
