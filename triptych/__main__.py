"""``python -m triptych``, and what the installed command ``triptych`` runs: they are the same.

Nothing is imported here before ``run_command`` watches over it.
"""

import os
import sys
from collections.abc import Callable

__all__ = ["main", "run_command"]


def main() -> None:
    def command() -> None:
        from triptych.cli import app

        app()

    run_command(command)


def run_command(command: Callable[[], object]) -> None:
    """Call ``command``; what stops it from outside costs a line and an exit status, no traceback.

    Ctrl-C is status 130, an error of the system 1. A reader that has gone away, as in
    ``triptych list | head -1``, is 1 without a line.
    """
    try:
        try:
            command()
        finally:
            if sys.stdout is not None:  # closed by the shell
                sys.stdout.flush()  # Python would do it when nobody can catch the error any more
    except KeyboardInterrupt:
        _end(130, "interrupted")
    except SystemExit as end:
        if end.code == 130:  # typer has caught it
            _end(130, "interrupted")
        raise
    except BrokenPipeError:
        _end(1)
    except OSError as error:
        _end(1, str(error))


def _end(status: int, text: str = "") -> None:
    if sys.stdout is not None:
        # What still is to be flushed cannot be: it goes nowhere, and so without an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if text:
        sys.stderr.write(f"triptych: {text}\n")
    raise SystemExit(status) from None


if __name__ == "__main__":
    main()
