"""Widgets, dialogs, colors and words that all views share."""
