"""Which section of the manual belongs to a view, so that F1 opens it there."""

from __future__ import annotations

from PySide6.QtWidgets import QTabWidget, QWidget

WINDOW = "The window"
ENLARGING = "Enlarging without a training"
RUNNING = "Running"
QUEUE = "Several trainings"
WATCHING = "Watching"
DEPLOYING = "Deploying"
WATCH = "Your own watch"
TROUBLE = "When something goes wrong"
_PROPERTY = "manual_section"


def set_section(view: QWidget, section: str) -> None:
    """Let F1 open the manual at this section while the focus is in the view."""
    view.setProperty(_PROPERTY, section)


def find_section(focus: QWidget | None) -> str:
    """Return the section of the view with the focus, of tabs that of the shown page; that of the window without one."""
    while focus is not None:
        views = [focus]
        if isinstance(focus, QTabWidget) and focus.currentWidget() is not None:
            views += focus.currentWidget().findChildren(QWidget)
        section = next((str(view.property(_PROPERTY)) for view in views if view.property(_PROPERTY)), "")
        if section:
            return section
        focus = focus.parentWidget()
    return WINDOW
