"""The door for people: hands the command line to click and nothing else."""

import os
import sys


def main() -> None:
    """Run the command line; its exit codes are listed in README.md."""
    from bot.cli import AtOnce, cli

    try:
        cli()
    except AtOnce as end:
        sys.stdout.flush()
        sys.stderr.flush()
        # To take apart some hundred thousand objects one by one, as a return would, is a tenth of a short run.
        os._exit(int(end.code or 0))


if __name__ == "__main__":
    main()
