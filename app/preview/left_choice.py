"""The choice of the image left of the slider of a `CompareView`."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from app.preview.compare import SLIDER, CompareView
from app.preview.pictures import short_name
from app.widgets.plain_text import PlainLabel
from app.widgets.theme import SPACING


class LeftChoice(QWidget):
    """Box, with a label, of the views that can be left of the slider; visible while the view shows its slider.

    Its room stays when it is hidden, so that the images of the view stay where they are.

    Args:
        view: the view with the slider.
        views: the views to choose from, the first one at the beginning.
    """

    def __init__(self, view: CompareView, views: Sequence[str]) -> None:
        super().__init__()
        self._view = view
        self._wanted = view.left  # the choice of the user, which the present pictures may lack
        self.box = QComboBox()
        self.box.setAccessibleName("Image left of the slider")
        self.box.setToolTip("Choose the image left of the slider.")
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        label = PlainLabel("Left")
        label.setProperty("role", "muted")
        label.setBuddy(self.box)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING // 2)
        row.addWidget(label)
        row.addWidget(self.box)
        self.setFocusProxy(self.box)
        self.offer(views)
        self.box.activated.connect(lambda index: self._choose())
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        view.mode_changed.connect(lambda mode: self.setVisible(mode == SLIDER))
        self.setVisible(view.mode == SLIDER)

    def _choose(self) -> None:
        self._wanted = str(self.box.currentData())
        self._view.set_left(self._wanted)

    def offer(self, views: Sequence[str], wanted: str | None = None) -> None:
        """Offer these views; choose `wanted`, else what the user has chosen, or the first where it is missing."""
        self._wanted = wanted or self._wanted
        if [self.box.itemData(index) for index in range(self.box.count())] != list(views):
            self.box.clear()
            for view in views:
                self.box.addItem(short_name(view), view)
        self.box.setCurrentIndex(max(0, self.box.findData(self._wanted)))
        self._view.set_left(str(self.box.currentData()))
