"""Run `wqv-upscale-trainer` as `python -m trainer_core`."""

import sys

from trainer_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
