"""Card that offers to choose the watch that took the user's captures, while the other one is chosen."""

from __future__ import annotations

from app.form.project import Project
from app.widgets.cards import Card
from trainer_core.settings.config import SETTINGS
from trainer_core.watches import WQV1, Watch


class WatchCard(Card):
    """Card that is open while all captures of the user are from the other watch, until it is dismissed."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project
        self._offered: Watch | None = None
        self.switch_button = self._button("Switch", "try", self._switch, primary=True)
        project.changed.connect(self._refresh)

    def _refresh(self) -> None:
        watch = self._project.unchosen_watch
        if watch == self._offered:
            return
        self._offered = watch
        if watch is None:
            self.dismiss()
            return
        labels = SETTINGS["monochrome_style"].choice_labels
        button = f"Switch to {labels[watch == WQV1].partition(' ')[0]}"
        for show in (self.switch_button.setText, self.switch_button.setAccessibleName, self.switch_button.setToolTip):
            show(button)
        title = "Your watch photos are mono" if watch == WQV1 else "Your watch photos are in color"
        self.set_content("picture", "warning", title, f"The training is set to {labels[watch != WQV1]}.")

    def _switch(self) -> None:
        if self._offered is not None:
            self._project.set_value("monochrome_style", self._offered == WQV1)
