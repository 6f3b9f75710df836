"""The command line: ``limeform fit DATA.csv "y ~ x + (1 | g)"`` and ``limeform demo``.

Exit status: 0 for success; 1 where something was refused (data, formula, model, a file that cannot be read or written)
or the solver did not converge, with one line on stderr; 2 for a misused command line; 130 after Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from limeform.cli.arguments import build_parser
from limeform.cli.demo import run_demo
from limeform.cli.fit import INTERRUPTED, run_fit
from limeform.errors import LimeformError

REFUSED = 1

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process if left out.

    Returns
    -------
    int
        Exit status.
    """
    _accept_any_character()
    arguments = build_parser().parse_args(argv)
    try:
        status = run_fit(arguments) if arguments.command == "fit" else run_demo(arguments)
        sys.stdout.flush()
        return status
    except LimeformError as error:
        return _complain(str(error))
    except MemoryError:
        return _complain("out of memory")
    except BrokenPipeError:
        # The reader of a pipe, such as head, has gone; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except KeyboardInterrupt:
        print("limeform: interrupted", file=sys.stderr)
        return INTERRUPTED


def _complain(message: str) -> int:
    print(f"limeform: error: {message}", file=sys.stderr)
    return REFUSED


def _accept_any_character() -> None:
    """Let streams that cannot write a character, such as those of an ASCII terminal, write a question mark for it."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
