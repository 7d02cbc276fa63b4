"""The trainer without its window; it never imports Qt.

Start reading at `training/trainer.py` (a run from top to bottom) or `settings/config.py` (all settings).
"""

__version__ = "0.2.0"
