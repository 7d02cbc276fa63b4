"""`TrainerConfig`: everything that can be set, frozen and typed, each field described once (schema.py).

`settings.py` merges flags, stored files and presets into one. Names and defaults of the first trainer are
kept, so that its commands and its `training_config.json` go on working.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

from trainer_core.settings.schema import AUTO, setting

SCHEMA_VERSION = 1

_DATA, _WATCH, _NETWORK, _TRAINING = "Photos", "Camera", "Network", "Training"
_LOSSES, _START, _WATCHING, _MACHINE = "Losses", "Starting point", "Watching the run", "Machine"

Interval = Union[int, str]


@dataclass(frozen=True)
class TrainerConfig:
    """All settings of a run. Field names are the keys of `training_config.json`; paths are strings."""

    source_dir: str = setting(
        "",
        "folder",
        "Source photos",
        "Folder of clean photos, searched with its subfolders; only read.",
        _DATA,
        flag="",
        advanced=False,
        replayed=False,
    )
    workspace: str = setting(
        "",
        "folder",
        "Workspace",
        "Folder for checkpoints, models, logs; made if missing.",
        _DATA,
        flag="",
        advanced=False,
        replayed=False,
    )
    scale: int = setting(
        4, "choice", "Enlargement", "Target upscale factor.", _WATCH, choices=(2, 4, 8), advanced=False
    )
    monochrome_style: bool = setting(
        False,
        "switch",
        "WQV-1/2 (mono)",
        "Simulate the monochrome watches WQV-1/2 (120x120, 16 grays); without it the colour WQV-3/10 (176x144 JPEG).",
        _WATCH,
        advanced=False,
    )
    camera_profile: Optional[str] = setting(
        None,
        "file",
        "Camera profile",
        "Camera fitted to your own watch, a file that `wqv-upscale-tools calibrate` wrote; it decides mono or colour.",
        _WATCH,
        optional=True,
        advanced=False,
    )
    preset: str = setting(
        "full",
        "choice",
        "Preset",
        "Network size with matching learning rate, batch and patch: "
        "full 64/23/32 (GPU), light 64/6/32, nano 32/4/16 (CPU).",
        _NETWORK,
        choices=("full", "light", "nano"),
        advanced=False,
    )
    steps: int = setting(
        200000,
        "int",
        "Steps",
        "Total optimisation steps; one step is one update of the network.",
        _TRAINING,
        minimum=1,
        maximum=100_000_000,
        advanced=False,
    )
    max_minutes: Optional[float] = setting(
        None,
        "float",
        "Time budget",
        "Train for this long: after a short measurement the budget becomes a number of steps, kept on resume.",
        _TRAINING,
        unit="minutes",
        minimum=0.0,
        above=True,
        maximum=1_000_000.0,
        optional=True,
        advanced=False,
    )

    base_resolution: int = setting(
        120,
        "int",
        "Mono frame",
        "Side of the monochrome watch's square frame.",
        _WATCH,
        unit="LR pixels",
        minimum=48,
        maximum=1024,
    )
    monochrome_levels: int = setting(
        16, "int", "Gray levels", "Gray levels of the monochrome watch.", _WATCH, minimum=2, maximum=256
    )
    monochrome_noise: float = setting(
        1.0,
        "float",
        "Watch noise",
        "Strength of the watch's noise relative to the measured one (the first trainer's absolute sigma is not meant).",
        _WATCH,
        minimum=0.0,
        maximum=10.0,
    )
    degradation: str = setting(
        "watch",
        "choice",
        "Degradation",
        "watch: the measured camera; bicubic: plain antialiased bicubic reduction, as in published tables.",
        _WATCH,
        choices=("watch", "bicubic"),
    )

    patch_size: int = setting(
        32, "int", "Patch", "Side of the square training patches.", _TRAINING, unit="LR pixels", minimum=16, maximum=256
    )
    batch_size: int = setting(16, "int", "Batch", "Patches per micro-batch.", _TRAINING, minimum=1, maximum=4096)
    grad_accum_steps: int = setting(
        1,
        "int",
        "Gradient accumulation",
        "Micro-batches per step; the effective batch is this times the batch, at the memory of one.",
        _TRAINING,
        minimum=1,
        maximum=4096,
    )
    learning_rate: float = setting(
        2e-4,
        "float",
        "Learning rate",
        "Peak learning rate of Adam.",
        _TRAINING,
        flag="--lr",
        minimum=0.0,
        above=True,
        maximum=1.0,
    )
    schedule: str = setting(
        "cosine",
        "choice",
        "Schedule",
        "cosine: warm-up, then down to zero at the last step; constant: warm-up, then flat for any number of steps.",
        _TRAINING,
        choices=("cosine", "constant"),
    )
    betas: tuple[float, float] = setting(
        (0.9, 0.99), "pair", "Adam betas", "Decay rates of Adam's two moments.", _TRAINING, minimum=0.0, maximum=0.99999
    )
    weight_decay: float = setting(
        0.0, "float", "Weight decay", "Adam's L2 penalty.", _TRAINING, minimum=0.0, maximum=1.0
    )
    gradient_clip: float = setting(
        0.5,
        "float",
        "Gradient clip",
        "Largest gradient norm of a step; 0 switches clipping off.",
        _TRAINING,
        minimum=0.0,
        maximum=1e6,
    )
    ema_decay: float = setting(
        0.999,
        "float",
        "EMA decay",
        "Decay of the averaged weights that are validated and exported (with warm-up).",
        _TRAINING,
        minimum=0.0,
        maximum=0.999999,
    )
    seed: int = setting(1337, "int", "Seed", "Seed of everything random.", _TRAINING, minimum=0, maximum=2**31 - 1)
    early_stop: Optional[int] = setting(
        None,
        "int",
        "Early stop",
        "Stop when this many validations in a row brought no better PSNR; without it a plateau is only announced.",
        _TRAINING,
        minimum=1,
        maximum=100000,
        optional=True,
    )

    l1_weight: float = setting(
        1.0, "float", "L1", "Weight of the mean absolute pixel error.", _LOSSES, minimum=0.0, maximum=1e4
    )
    frequency_weight: float = setting(
        0.0,
        "float",
        "Frequency",
        "Weight of the mean absolute error of the Fourier spectrum.",
        _LOSSES,
        minimum=0.0,
        maximum=1e4,
    )
    perceptual_weight: float = setting(
        0.0,
        "float",
        "Perceptual",
        "Weight of the VGG19 feature distance; needs --vgg-weights.",
        _LOSSES,
        minimum=0.0,
        maximum=1e4,
    )
    vgg_weights: Optional[str] = setting(
        None,
        "file",
        "VGG19 weights",
        "The torchvision file vgg19-dcbb9e9d.pth, for the perceptual loss.",
        _LOSSES,
        optional=True,
    )

    num_feat: int = setting(64, "int", "Features", "Channels of the trunk.", _NETWORK, minimum=8, maximum=512)
    num_block: int = setting(
        23, "int", "Blocks", "Residual-in-residual dense blocks.", _NETWORK, minimum=1, maximum=128
    )
    num_grow_ch: int = setting(
        32, "int", "Growth", "Channels added by each dense convolution.", _NETWORK, minimum=4, maximum=256
    )

    patches_per_image: int = setting(
        16,
        "int",
        "Patches per photo",
        "Patches cut from each photo in one pass over the folder.",
        _DATA,
        minimum=1,
        maximum=100000,
    )
    train_split: float = setting(
        0.8,
        "float",
        "Training share",
        "Share of the photos to train on, unless train/val/test folders exist.",
        _DATA,
        minimum=0.0,
        above=True,
        maximum=1.0,
    )
    val_split: float = setting(
        0.1,
        "float",
        "Validation share",
        "Share of the photos to validate on; the rest is for the final test.",
        _DATA,
        minimum=0.0,
        maximum=1.0,
    )
    resplit: bool = setting(
        False, "switch", "Split anew", "Forget the recorded split and divide the photos again.", _DATA, replayed=False
    )
    demo: bool = setting(
        False,
        "switch",
        "Built-in scenes",
        "Train on photo-like scenes made by the program; no source folder is needed.",
        _DATA,
        replayed=False,
    )

    init_weights: Optional[str] = setting(
        None,
        "file",
        "Warm start",
        "Start from an RRDB weights file (Real-ESRGAN or one of your own).",
        _START,
        optional=True,
        advanced=False,
    )
    init_arch: str = setting(
        "auto",
        "choice",
        "Warm-start architecture",
        "auto reads it from the file; rrdb forces RRDB for files that carry no hint.",
        _START,
        choices=("auto", "rrdb"),
    )
    resume_from: Optional[str] = setting(
        None,
        "file",
        "Resume",
        "Continue from a checkpoint of this workspace, or from its newest one: latest.",
        _START,
        flag="--resume",
        optional=True,
        replayed=False,
    )

    val_interval: Interval = setting(
        AUTO,
        "interval",
        "Validate every",
        "Steps between validations; auto: every 30 s or 5 % of the run, at most 10 minutes.",
        _WATCHING,
        unit="steps",
        minimum=1,
    )
    checkpoint_interval: Interval = setting(
        AUTO,
        "interval",
        "Save every",
        "Steps between checkpoints; auto: at most 10 minutes.",
        _WATCHING,
        unit="steps",
        minimum=1,
    )
    log_interval: int = setting(100, "int", "Log every", "Steps between log lines.", _WATCHING, unit="steps", minimum=1)
    image_log_interval: Interval = setting(
        AUTO,
        "interval",
        "Preview every",
        "Steps between previews; auto: as often as validations.",
        _WATCHING,
        unit="steps",
        minimum=1,
    )
    image_log_max_samples: int = setting(
        4, "int", "Preview pictures", "Validation frames shown in each preview.", _WATCHING, minimum=0, maximum=24
    )
    tensorboard: bool = setting(
        False, "switch", "TensorBoard", "Write event files to <workspace>/tensorboard.", _WATCHING
    )
    keep_checkpoints: int = setting(
        3,
        "int",
        "Keep checkpoints",
        "Newest checkpoints kept besides the best and the final one.",
        _WATCHING,
        minimum=2,
        maximum=100000,
    )

    compact_export: bool = setting(
        False,
        "switch",
        "Compact models",
        "Leave small networks small in models/ instead of padding them to the size that WQV-Viewer builds.",
        _WATCHING,
    )

    device: str = setting(
        "auto",
        "choice",
        "Device",
        "auto takes CUDA where it is found, else the CPU.",
        _MACHINE,
        choices=("auto", "cuda", "cpu"),
    )
    amp: bool = setting(
        True,
        "switch",
        "Mixed precision",
        "Compute in bf16 (fp16 on older GPUs) where the hardware has it natively.",
        _MACHINE,
    )
    num_workers: int = setting(
        2, "int", "Decoder threads", "Threads that decode photos and cut patches.", _MACHINE, minimum=0, maximum=64
    )

    def replace(self, **changes: Any) -> TrainerConfig:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    @property
    def workspace_path(self) -> Path:
        """The workspace as a path."""
        return Path(self.workspace)

    @property
    def effective_batch(self) -> int:
        """Patches per step."""
        return self.batch_size * self.grad_accum_steps
