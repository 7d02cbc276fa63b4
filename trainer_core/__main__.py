"""Run `wqv-upscale-trainer`, as `python -m trainer_core` or as the installed command."""

import signal
import sys


def main() -> int:
    """Run the command line; until it handles Ctrl+C itself, Ctrl+C ends the process without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from trainer_core import cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
