"""The charts saved as a picture, and the figures of a run as a table."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.charts.panel import ChartPanel
from app.charts.saving import ChartSaving
from app.runs.figures_table import format_csv
from app.system.background import Background
from tests.gui.test_charts import begun, drawn, figures_of, step, validated


@pytest.fixture
def panel(qapp: Any, qtbot: Any) -> ChartPanel:
    made = ChartPanel()
    qtbot.addWidget(made)
    made.resize(900, 320)
    made.show()
    made.show_figures(figures_of(step(1), step(2), validated(2, 24.0)))
    qtbot.waitUntil(lambda: drawn(made.loss, "loss") == 2)
    return made


@pytest.fixture
def saving(panel: ChartPanel) -> ChartSaving:
    return ChartSaving(panel, Background(panel))


def test_a_step_is_a_row_and_what_it_lacks_an_empty_cell() -> None:
    figures = figures_of(step(1), step(2, l1=float("nan")), validated(2, 24.0), step(3))
    assert format_csv(figures).splitlines() == [
        "step,seconds,loss,learning_rate,psnr_db,bicubic_psnr_db,ssim",
        "1,0.1,0.1,0.0001,,,",
        "2,0.2,,0.0001,24,22,0.9",
        "3,0.3,0.1,0.0001,,,",
    ]


def test_terms_and_the_spectrum_distance_have_columns_where_there_are_any() -> None:
    sharp = dataclasses.replace(validated(4, 25.0), spectrum=1.5, bicubic_spectrum=4.0)
    head, _, last = format_csv(figures_of(step(3, l1=0.2, gan=0.1), sharp)).splitlines()
    assert head == "step,seconds,loss,loss_l1,loss_gan,learning_rate,psnr_db,bicubic_psnr_db,ssim,spectrum_distance_db"
    assert last == "4,0.3,,,,,25,22,0.9,1.5"


@pytest.mark.parametrize(
    ("losses", "names"),
    [({}, "loss,validation_loss"), ({"l1": 0.2, "gan": 0.1}, "loss,loss_l1,loss_gan,validation_loss_l1")],
)
def test_the_validation_loss_has_a_column_named_after_the_loss_to_compare_it_with(
    losses: dict[str, float], names: str
) -> None:
    checked = dataclasses.replace(validated(1, 25.0), loss=0.15)
    head, row = format_csv(figures_of(step(1, **losses), checked)).splitlines()
    assert head.startswith(f"step,seconds,{names},learning_rate,")
    assert dict(zip(head.split(","), row.split(",")))[names.split(",")[-1]] == "0.15"


def test_what_a_resumed_run_did_again_is_listed_once() -> None:
    figures = figures_of(step(1), step(2), validated(2, 24.0), begun(1), step(2), validated(2, 23.0))
    assert [line.split(",")[0] for line in format_csv(figures).splitlines()] == ["step", "1", "2"]
    assert "2,0.3,0.1,0.0001,23,22,0.9" in format_csv(figures)


def test_the_picture_shows_the_visible_charts(
    panel: ChartPanel, saving: ChartSaving, qtbot: Any, tmp_path: Path
) -> None:
    with qtbot.waitSignal(saving.message_posted) as posted:
        saving.save_picture(tmp_path / "charts.png")
    assert posted.args == ["info", f"Saved to {tmp_path / 'charts.png'}."]
    with Image.open(tmp_path / "charts.png") as picture:
        assert picture.width >= panel.charts.width() and len(picture.convert("RGB").getcolors(1 << 20) or ()) > 10


def test_the_table_is_that_of_the_run(panel: ChartPanel, saving: ChartSaving, qtbot: Any, tmp_path: Path) -> None:
    with qtbot.waitSignal(saving.message_posted):
        saving.save_table(tmp_path / "run.csv")
    assert (tmp_path / "run.csv").read_text("ascii") == format_csv(panel.figures)


def test_a_folder_that_cannot_be_written_is_named(saving: ChartSaving, qtbot: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with qtbot.waitSignal(saving.message_posted) as posted:
        saving.save_table(tmp_path / "file" / "run.csv")
    level, text = posted.args
    assert level == "error" and text.startswith(f"{tmp_path / 'file' / 'run.csv'} could not be written: ")


def test_the_ssim_has_a_chart_beside_bicubic(panel: ChartPanel, qtbot: Any) -> None:
    assert not panel.ssim.isVisible()
    panel.ssim.setVisible(True)
    panel.draw()
    assert drawn(panel.ssim, "SSIM") == 1
    panel.ssim.setFocus()
    assert panel.figures.bicubic_ssim == 0.8
