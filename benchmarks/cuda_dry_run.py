"""Count what a training step asks of a CUDA device, on a fake one: kernels, copies, waits and memory by preset.

    python -m benchmarks.cuda_dry_run [--presets nano light full] [--batch-size 16]

No GPU is needed and nothing is computed (tests/fake_cuda.py): the counts are exact, times are not measured. An
operation of torch counts as one kernel, although a convolution starts two or three. The memory is that of all tensors
at its peak; the context of CUDA and the workspaces of cuDNN come on top.
"""

from __future__ import annotations

import argparse

from benchmarks.conditions import describe_conditions
from tests.cuda_dry_runs import do_steps, make_gpu
from tests.fake_cuda import Watch, is_possible
from trainer_core.planning.hardware import estimate_memory
from trainer_core.planning.plan import network_spec
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.presets import PRESETS

_COLUMNS = (
    "preset",
    "watch",
    "precision",
    "kernels, camera",
    "kernels, rest",
    "of these casts",
    "copies to the GPU",
    "waits",
    "memory",
    "estimate",
)


def main() -> None:
    """Count and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--presets", nargs="+", choices=tuple(PRESETS), default=["nano", "light", "full"])
    parser.add_argument("--batch-size", type=int, default=16)
    arguments = parser.parse_args()
    if not is_possible():
        parser.error("this torch cannot fake a CUDA device: a CPU build on Linux can")
    print(describe_conditions())
    print(f"| {' | '.join(_COLUMNS)} |\n|{' --- |' * len(_COLUMNS)}")
    for preset in arguments.presets:
        for is_mono, precision in ((True, "bf16"), (False, "bf16"), (False, "fp16")):
            settings = {**PRESETS[preset], "batch_size": arguments.batch_size, "grad_accum_steps": 1}
            config = TrainerConfig(source_dir="photos", workspace="run", monochrome_style=is_mono).replace(**settings)
            watch, _ = do_steps(config, precision)
            needed = estimate_memory(config, network_spec(config), make_gpu(precision), arguments.batch_size)
            print(_describe(preset, "mono" if is_mono else "color", precision, watch, needed), flush=True)


def _describe(preset: str, kind: str, precision: str, watch: Watch, needed: int) -> str:
    camera, rest = watch.launches["camera"], watch.launches["update"]
    cells = (
        preset,
        kind,
        precision,
        sum(camera.values()),
        sum(rest.values()),
        rest["_to_copy"],
        sum(watch.uploads.values()),
        len(watch.waits),
        f"{watch.peak / 1e9:.2f} GB",
        f"{needed / 1e9:.2f} GB",
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |"


if __name__ == "__main__":
    main()
