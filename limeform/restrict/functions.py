"""Functions that users give: called by name of the parameters, differentiated where they give no derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.errors import OptionError
from limeform.restrict.constraints import Value
from limeform.restrict.priors import Penalty

FloatArray = NDArray[np.float64]
STEP = float(np.cbrt(np.finfo(np.float64).eps))


class NoValueError(ArithmeticError):
    """A function of the user has no value at these parameters: it divided by zero, or took the root of a negative."""


def called(function: Value, phi: FloatArray, names: Sequence[str], what: str) -> FloatArray:
    """Call a function of the user with named parameters and return numbers.

    Parameters
    ----------
    function : callable
        The function.
    phi : ndarray, shape (m,)
        Parameters.
    names : sequence of str
        Their names.
    what : str
        The function's name, for messages.

    Returns
    -------
    ndarray
        At least one-dimensional; not finite where the function says so.

    Raises
    ------
    NoValueError
        If it fails as functions do outside of their domain; a solver then takes a shorter step.
    OptionError
        If it fails otherwise, or does not return numbers.
    """
    try:
        with np.errstate(all="ignore"):
            result = function(pd.Series(phi, index=list(names)))
    except (ArithmeticError, ValueError) as error:
        raise NoValueError(f"{what} raised {type(error).__name__}: {error}") from error
    except KeyError as error:
        raise OptionError(f"{what} asks for the parameter {error}; there are {', '.join(names)}") from error
    except Exception as error:
        raise OptionError(f"{what} raised {type(error).__name__}: {error}") from error
    try:
        values = np.atleast_1d(np.asarray(result))
        if values.dtype.kind not in "biuf" and not (values.dtype == object and None not in values.ravel().tolist()):
            raise TypeError(f"found {result!r}")
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise OptionError(f"{what} has to return numbers: {error}") from error


def differences(function, phi: FloatArray) -> FloatArray:  # type: ignore[no-untyped-def]
    """Return the central differences of a function of phi, shape (values, p + k)."""
    columns = []
    for j, step in enumerate(STEP * np.maximum(np.abs(phi), 1e-3)):
        up, down = phi.copy(), phi.copy()
        up[j] += step
        down[j] -= step
        columns.append((function(up) - function(down)) / (up[j] - down[j]))
    return np.stack(columns, axis=-1)


def check_derivative(what: str, theirs: FloatArray, ours: FloatArray, names: Sequence[str]) -> None:
    """Refuse a derivative of the user that is not one.

    Parameters
    ----------
    what : str
        Its name.
    theirs, ours : ndarray, shape (m, p + k)
        What it returned, and differences.
    names : sequence of str
        The parameters.

    Raises
    ------
    OptionError
        Naming the parameter where both differ most.
    """
    with np.errstate(invalid="ignore"):
        gap = np.abs(theirs - ours) / (1 + np.abs(ours))
    gap = np.where(np.isfinite(ours), np.where(np.isfinite(theirs), gap, np.inf), 0.0)
    if gap.size and gap.max() > 1e-4:
        row, column = np.unravel_index(int(gap.argmax()), gap.shape)
        raise OptionError(
            f"{what} is not the derivative of the function: for {names[int(column)]} it says "
            f"{theirs[row, column]:.6g}, differences give {ours[row, column]:.6g}"
        )


def penalty_value(penalty: Penalty, phi: FloatArray, names: tuple[str, ...]) -> float:
    """Return the value of a user's penalty."""
    values = called(penalty.function, phi, names, str(penalty))
    if values.size != 1:
        raise OptionError(f"{penalty} has to return one number, found {values.size}")
    return float(values.ravel()[0])


def penalty_gradient(penalty: Penalty, phi: FloatArray, names: tuple[str, ...]) -> FloatArray:
    """Return its gradient, or differences; shape (p + k,)."""
    if penalty.gradient is None:
        return np.asarray(differences(lambda at: np.array([penalty_value(penalty, at, names)]), phi)[0])
    what = f"the gradient of {penalty}"
    return _shaped(called(penalty.gradient, phi, names, what), (len(phi),), what, names)


def penalty_hessian(penalty: Penalty, phi: FloatArray, names: tuple[str, ...]) -> FloatArray:
    """Return its Hessian, or differences; shape (p + k, p + k)."""
    if penalty.hessian is not None:
        what = f"the hessian of {penalty}"
        return _shaped(called(penalty.hessian, phi, names, what), (len(phi), len(phi)), what, names)
    if penalty.gradient is not None:
        matrix = differences(lambda at: penalty_gradient(penalty, at, names), phi)
    else:
        matrix = _second_differences(lambda at: penalty_value(penalty, at, names), phi)
    return (matrix + matrix.T) / 2


def check_penalty(penalty: Penalty, phi: FloatArray, names: tuple[str, ...]) -> None:
    """Refuse a penalty without a value at the start, and derivatives that are none.

    Raises
    ------
    OptionError
        Naming the penalty, what it returned, and what to do.
    """
    advice = "give another start=, or a function that is finite there"
    try:
        value = penalty_value(penalty, phi, names)
    except NoValueError as error:
        raise OptionError(f"{error}, at the start ({shown(phi, names)}): {advice}") from error
    if not np.isfinite(value):
        raise OptionError(f"{penalty} is {value} at the start ({shown(phi, names)}): {advice}")
    try:
        slope = penalty_gradient(penalty, phi, names)
        if penalty.gradient is not None:
            numeric = differences(lambda at: np.array([penalty_value(penalty, at, names)]), phi)
            check_derivative(f"the gradient of {penalty}", slope[None], numeric, names)
        if penalty.hessian is not None:
            numeric = differences(lambda at: penalty_gradient(penalty, at, names), phi)
            loose = 1.0 if penalty.gradient is not None else 1e-3
            hessian = penalty_hessian(penalty, phi, names)
            check_derivative(f"the hessian of {penalty}", loose * hessian, loose * numeric, names)
    except NoValueError as error:
        raise OptionError(f"{error}, near the start ({shown(phi, names)}): {advice}") from error


def shown(phi: FloatArray, names: Sequence[str]) -> str:
    """Return parameters with their names, the first ones if there are many."""
    parts = [f"{name} = {value:.4g}" for name, value in zip(names, phi, strict=False)]
    return ", ".join(parts[:8]) + (", ..." if len(parts) > 8 else "")


def _shaped(values: FloatArray, shape: tuple[int, ...], what: str, names: Sequence[str]) -> FloatArray:
    if values.size != int(np.prod(shape)):
        raise OptionError(
            f"{what} has {values.size} entries; it needs {' x '.join(map(str, shape))}, one for each of "
            f"{', '.join(names)}"
        )
    return values.reshape(shape)


def _second_differences(function: Callable[[FloatArray], float], phi: FloatArray) -> FloatArray:
    steps = np.finfo(np.float64).eps ** 0.25 * np.maximum(np.abs(phi), 1e-2)
    size = len(phi)
    matrix = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            values = []
            for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                at = phi.copy()
                at[i] += a * steps[i]
                at[j] += b * steps[j]
                values.append(function(at))
            matrix[i, j] = matrix[j, i] = (values[0] - values[1] - values[2] + values[3]) / (4 * steps[i] * steps[j])
    return matrix
