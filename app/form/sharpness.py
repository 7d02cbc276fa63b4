"""The row that chooses the sharpness: one name for the weights of the adversarial loss."""

from __future__ import annotations

from app.form.project import Project
from app.form.row import Row
from trainer_core.settings.sharpness import SHARPNESS, STRENGTHS, find_strength


class SharpnessRow(Row):
    """Row of the strengths of sharpness; none is checked while the weights are others."""

    def __init__(self, project: Project) -> None:
        super().__init__(SHARPNESS, {strength: strength for strength in STRENGTHS})
        self._project = project
        self.edited.connect(lambda name, strength: project.set_sharpness(strength))
        self.reset_clicked.connect(lambda name: project.set_sharpness(SHARPNESS.default))

    def refresh(self) -> None:
        """Show the strength that the settings have."""
        self.show_setting(find_strength(self._project.draft.config), SHARPNESS.default)
