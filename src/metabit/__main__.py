"""`python -m metabit` and the `metabit` command."""

from __future__ import annotations

import sys

from metabit import interrupt

__all__ = ["main"]


def main() -> None:
    """Entry point of the `metabit` command."""
    interrupt.expect()
    try:
        from metabit.cli import run_process
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit(
            "error[E-INSTALL]: click is not installed, and metabit needs it: pip install click"
        )
    code = run_process(sys.argv[1:])
    interrupt.no_longer_expect()
    sys.exit(code)


if __name__ == "__main__":
    main()
