"""Names that constraints and priors use, found among coefficients, curves, terms and variance parameters."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limeform.design import Curve
from limeform.design.curves import spline_of
from limeform.errors import OptionError
from limeform.restrict.variances import VarianceName, squeezed

FloatArray = NDArray[np.float64]
Domain = tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Targets:
    """Everything that has a name.

    Attributes
    ----------
    coefficients : tuple of str
        Names of the p parameters of the mean.
    dropped : tuple of str
        Columns that were left out of the model.
    terms : mapping of str to tuple of int
        Text of a term to the positions of its coefficients.
    curves : tuple of Curve
        Smooth terms.
    variances : tuple of VarianceName
        Variance parameters.
    """

    coefficients: tuple[str, ...]
    dropped: tuple[str, ...]
    terms: Mapping[str, tuple[int, ...]]
    curves: tuple[Curve, ...]
    variances: tuple[VarianceName, ...]

    @property
    def size(self) -> int:
        """Number of natural parameters, p + k."""
        return len(self.coefficients) + len(self.variances)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the natural parameters."""
        return (*self.coefficients, *(variance.label for variance in self.variances))

    def curve(self, name: str) -> Curve:
        """Return a curve.

        Raises
        ------
        OptionError
            If there is no curve of that name; those that exist are listed.
        """
        found = self.find_curve(name)
        if found is None:
            names = [curve.name for curve in self.curves]
            known = ", ".join(map(repr, names)) or "the model has none"
            close = difflib.get_close_matches(name, names, n=1)
            proposal = f"; did you mean {close[0]!r}?" if close else ""
            raise OptionError(f"{name!r} is not a curve of the model; curves: {known}{proposal}")
        return found

    def find_curve(self, name: str) -> Curve | None:
        """Return a curve by its name or its text; None if there is none."""
        key = squeezed(name)
        return next((curve for curve in self.curves if key in (squeezed(curve.name), squeezed(curve.text))), None)

    def position(self, name: str) -> int | None:
        """Return the position of a coefficient or variance parameter in phi; None if there is none of that name."""
        key = squeezed(name)
        for j, coefficient in enumerate(self.coefficients):
            if squeezed(coefficient) == key:
                return j
        for j, variance in enumerate(self.variances):
            if variance.is_called(name):
                return len(self.coefficients) + j
        return None

    def coefficient_rows(self, name: str) -> FloatArray:
        """Return unit rows (m, p + k) of a coefficient, of all coefficients of a term, or of a variance parameter.

        Raises
        ------
        OptionError
            If nothing has that name, or the column was left out of the model.
        """
        position = self.position(name)
        if position is not None:
            return np.eye(self.size)[[position]]
        columns = next((c for text, c in self.terms.items() if squeezed(text) == squeezed(name)), None)
        if columns:
            return np.eye(self.size)[list(columns)]
        if any(squeezed(name) == squeezed(column) for column in self.dropped):
            raise OptionError(
                f"{name!r} is not in the model: the column was left out because earlier ones explain it; "
                "take one of those out of the formula, or the restriction away"
            )
        raise OptionError(
            f"{name!r} is neither a coefficient, nor a term or curve, nor a variance parameter"
            f"{self._why_no_variance(name)}{self._proposal(name)}"
        )

    def refuse_unknown_variances(self, text: str) -> None:
        """Refuse ``sd(...)``, ``cor(...)`` and so on in a text that name no variance parameter of the model.

        Raises
        ------
        OptionError
            Naming it, and those that exist.
        """
        for match in re.finditer(r"(?<![\w`])(?:sd|variance|cor|sigma)\s*\([^()]*\)", text):
            if self.position(match.group()) is None:
                self.coefficient_rows(match.group())

    def _why_no_variance(self, name: str) -> str:
        """Return why the model has no variance parameter of that kind; nothing if that is not the reason."""
        kind = re.match(r"\s*(sd|variance|cor|sigma)\s*($|\()", name)
        if kind is None or any(variance.kind == kind[1] for variance in self.variances):
            return ""
        if kind[1] == "sigma":
            return " (the sampling errors are known, so that there is no sigma to estimate)"
        if kind[1] == "cor" and self.variances:
            return " (the random effects are independent of each other: (x | g) has a correlation, (x || g) has none)"
        return " (the formula has no random effects)"

    def curve_rows(self, curve: Curve, rows: FloatArray) -> FloatArray:
        """Return rows (m, p + k) from rows (m, K) on the coefficients of a curve."""
        p = len(self.coefficients)
        return np.hstack([rows @ curve.lift(p), np.zeros((len(rows), self.size - p))])

    def prior_rows(self, name: str, derivative: int, domain: Domain) -> FloatArray:
        """Return the rows (m, p + k) that a prior on a target is about."""
        curve = self.find_curve(name)
        if curve is None or self.position(name) is not None:
            if derivative or domain is not None:
                raise OptionError(f"{name!r} is not a curve: derivative= and domain= have no meaning for it")
            return self.coefficient_rows(name)
        if curve.kind == "levels" and not derivative and domain is None:
            return np.eye(self.size)[list(curve.columns)]
        basis = spline_of(curve)
        low, high = (-np.inf, np.inf) if domain is None else domain
        if derivative > basis.degree:
            raise OptionError(f"{name!r} has degree {basis.degree}: its derivative of order {derivative} is zero")
        if derivative == basis.degree:
            rows = basis.values(basis.segment_middles(low, high), derivative)
        else:
            rows = basis.coefficient_rows(derivative, low, high)
        if not len(rows):
            raise OptionError(f"the curved part of {name!r} does not meet the domain {domain}")
        if derivative == 0 and curve.free:
            rows = rows - basis.values([basis.lower if curve.zero is None else curve.zero])
        return self.curve_rows(curve, rows)

    def _proposal(self, name: str) -> str:
        names = [*(curve.name for curve in self.curves), *self.names, *self.terms]
        known = [other for other in dict.fromkeys(names) if other != "1"]
        same = [other for other in known if other.casefold() == name.casefold()]
        close = same or difflib.get_close_matches(name, known, n=3)
        if close:
            return f"; did you mean {' or '.join(map(repr, close))}?"
        return f"; there are {', '.join(map(repr, known[:20]))}" + (", ..." if len(known) > 20 else "")
