"""`python -m trainer_core` is `wqv-upscale-trainer`."""

import sys

from trainer_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
