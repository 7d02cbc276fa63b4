"""The trainer without its window; it never imports Qt.

Start reading at `training/trainer.py` (a run from top to bottom) or `settings/config.py` (all settings).
"""

__version__ = "1.0.0rc1"
PROGRAM = f"wqv-upscale-trainer {__version__}"  # as files name what made them
