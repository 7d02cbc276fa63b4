"""The figures of a run as a table, a row for each step that has any."""

from __future__ import annotations

import csv
import io

import numpy as np

from app.runs.figures import RunFigures
from app.runs.points import Points


def format_csv(figures: RunFigures) -> str:
    """Return the figures as CSV with a line of column names; a cell is empty where a step has no finite value."""
    columns = _columns(figures)
    steps = sorted({float(step) for points in columns.values() for step in points.x})
    rows = {step: [""] * len(columns) for step in steps}
    for number, points in enumerate(columns.values()):
        for step, value in zip(points.x.tolist(), points.y.tolist()):
            if np.isfinite(value):
                rows[step][number] = f"{value:.8g}"
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["step", "seconds", *columns])
    seconds = figures.time.seconds_at(np.array(steps))
    table.writerows([f"{step:.0f}", f"{at:.1f}", *rows[step]] for step, at in zip(steps, seconds))
    return text.getvalue()


def _columns(figures: RunFigures) -> dict[str, Points]:
    losses = {"loss" if name == "total" else f"loss_{name}": curve.raw for name, curve in figures.losses.items()}
    others = {
        "validation_loss_l1" if "l1" in figures.losses else "validation_loss": figures.validation_loss,
        "learning_rate": figures.rate,
        "psnr_db": figures.psnr,
        "bicubic_psnr_db": figures.bicubic_psnr,
        "ssim": figures.ssim,
        "spectrum_distance_db": figures.spectrum,
    }
    return {**losses, **{name: points for name, points in others.items() if len(points)}}
