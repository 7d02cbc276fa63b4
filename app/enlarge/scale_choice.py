"""The choice of the scale of the built-in models."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox

from trainer_core.starters.registry import find_starters


class ScaleChoice(QComboBox):
    """List of the scales of the built-in models; hidden while it has nothing to choose from."""

    scale_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Scale of the built-in models")
        self.setToolTip("How many times larger the built-in models make a photo.")
        self.hide()
        self.activated.connect(lambda index: self.scale_chosen.emit(self.itemData(index)))

    def show_for(self, scale: int) -> None:
        """Offer the scales that there are, with `scale` selected; without it, the largest is chosen."""
        scales = sorted({starter.scale for starter in find_starters()})
        self.clear()
        for each in scales:
            self.addItem(f"x{each}", each)
        self.setVisible(len(scales) > 1)
        if scales and scale not in scales:
            scale = scales[-1]
            self.scale_chosen.emit(scale)
        self.setCurrentIndex(self.findData(scale))
