"""The PySide6 window. It imports trainer_core, which never imports it."""
