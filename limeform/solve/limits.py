"""The tolerance and the iteration limit that every solver takes."""

from __future__ import annotations

from numbers import Real

import numpy as np

from limeform.errors import OptionError


def check_limits(tol: object, max_iter: object, least: int = 1) -> None:
    """Refuse a tolerance that is not positive, or an iteration limit that is no whole number from ``least`` on.

    Raises
    ------
    OptionError
    """
    if not _is_number(tol) or not float(tol) > 0:  # type: ignore[arg-type]
        raise OptionError(f"tol has to be a positive number, found {tol!r}")
    if max_iter is None:
        return
    if not _is_number(max_iter) or not float(max_iter).is_integer() or max_iter < least:  # type: ignore[arg-type,operator]
        raise OptionError(f"max_iter has to be a whole number, {least} or more, found {max_iter!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
