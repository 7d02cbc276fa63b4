"""The window. Knows trainer_core; nothing knows it."""
