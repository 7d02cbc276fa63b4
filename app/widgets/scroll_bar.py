"""A vertical scroll bar that always has its room, so that what it scrolls keeps its width."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractScrollArea


def reserve_scroll_bar(area: QAbstractScrollArea) -> None:
    """Leave room for the vertical scroll bar of an area, and show its handle only while the area can scroll."""
    bar = area.verticalScrollBar()
    bar.setEnabled(bar.maximum() > bar.minimum())  # the theme shows no handle on a disabled one
    bar.rangeChanged.connect(lambda minimum, maximum: bar.setEnabled(maximum > minimum))
    area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
