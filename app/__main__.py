"""Starts the window. There is none yet: it says so and names the command that trains without one."""

from __future__ import annotations

import sys


def main() -> int:
    """Explain on standard error; the exit code is that of a usage error."""
    message = "The window is not part of this version yet; train with: wqv-upscale-trainer <source_dir> <workspace_dir>"
    if sys.stderr is not None:
        print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
