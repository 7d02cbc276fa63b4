"""The headless trainer: everything but the window. Never imports Qt.

Start reading at `training/trainer.py` (the run, top to bottom) or `settings/config.py` (what can be set).
"""

__version__ = "0.2.0"
