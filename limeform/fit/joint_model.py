"""A model made ready for the joint likelihood: rows, statistics, checked restrictions, a start."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limeform.covariance import STRUCTURES, BlockDiagonal
from limeform.design import Design
from limeform.errors import DataError, OptionError
from limeform.fit.penalised import Penalised
from limeform.fit.setup import Setup, with_common_variance
from limeform.likelihood import Coordinates, JointObjective, ResidualVariance, joint_coordinates, make_cells
from limeform.likelihood import Rows as DataRows
from limeform.likelihood.crossproducts import CrossProducts, cross_products
from limeform.mean import Mean, OutsideDomainError, UserFunction, mean_of
from limeform.mean.parts import Total
from limeform.restrict import Restrictions, prepare_rows

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JointModel:
    """All that a restricted fit needs besides the weights.

    Attributes
    ----------
    setup : Setup
        Rows, structures and statistics; the columns of a nonlinear mean are its Jacobian at the start.
    y : ndarray, shape (n,)
        Response less offset.
    mean : Mean or None
        The mean if it is not linear.
    restrictions : Restrictions
        Constraints and priors, checked.
    start : ndarray, shape (p,)
        Parameters of the mean to start from.
    reml : bool
        Restricted likelihood.
    first : ndarray, shape (t + p,), or None
        Variables to start from, if they are known.
    floor : ndarray, shape (s,), or None
        Least log residual variances, working units, where there are several and the default is not right.
    """

    setup: Setup
    y: FloatArray
    mean: Mean | None
    restrictions: Restrictions
    start: FloatArray
    reml: bool = False
    first: FloatArray | None = None
    floor: FloatArray | None = None

    @property
    def rows(self) -> DataRows:
        """The rows of the one grouping factor."""
        if not isinstance(self.setup.rows, DataRows):
            raise OptionError("constraints, priors and nonlinear means need one grouping factor; the model has several")
        return self.setup.rows

    @property
    def products(self) -> CrossProducts:
        """The statistics of the one grouping factor."""
        if not isinstance(self.setup.products, CrossProducts):
            raise OptionError("constraints, priors and nonlinear means need one grouping factor; the model has several")
        return self.setup.products

    def objective(self) -> JointObjective:
        """Return a fresh objective."""
        setup = self.setup
        return JointObjective.of(
            self.products, setup.covariance, setup.residual, self.reml, self.y, self.rows, self.mean
        )

    def penalised(self) -> Penalised:
        """Return the problem of a fit."""
        return Penalised(self.objective(), self.restrictions, self.floor)

    def variables(self, beta: FloatArray, gamma: FloatArray, residual_variance: FloatArray) -> FloatArray | None:
        """Return estimates in the units of the data as variables (theta, psi, b); None where the mean has no value.

        Parameters
        ----------
        beta : ndarray, shape (p,)
            Parameters of the mean.
        gamma : ndarray, shape (k, k)
            Covariance of the random effects.
        residual_variance : ndarray, shape (s,)
            One a stratum; ones where the sampling variances are known.
        """
        coordinates, covariance = self.setup.products.coordinates, self.setup.covariance
        try:
            if self.mean is not None:
                self.mean.evaluate(beta)
        except OutsideDomainError:
            return None
        back = np.linalg.inv(coordinates.effects) if covariance.size else np.zeros((0, 0))
        theta = covariance.parameters(back @ gamma @ back.T)
        known = self.setup.residual is ResidualVariance.KNOWN
        variances = np.zeros(0) if known else residual_variance / coordinates.variance
        psi = np.log(np.maximum(variances, 1e-12))
        return np.concatenate([theta, psi, np.linalg.solve(coordinates.fixed, beta - coordinates.origin)])

    def with_response(self, y: FloatArray) -> JointModel:
        """Return the same model of another response, shape (n,), less offset."""
        products = cross_products(y if self.mean is None else self.y, self.rows, self.products.coordinates)
        return replace(self, y=y, setup=replace(self.setup, products=products))

    def with_weights(self, weights: FloatArray) -> JointModel:
        """Return the same model with other likelihood weights, shape (n,)."""
        rows = replace(self.rows, weights=weights)
        products = cross_products(self.y, rows, self.products.coordinates)
        return replace(self, setup=replace(self.setup, rows=rows, products=products))

    def with_floor(self, lower: FloatArray | None) -> JointModel:
        """Return the model with lower bounds of the variance variables, (t,) or of theta alone, for its strata."""
        if lower is None or len(lower) == self.setup.covariance.n_parameters:
            return self
        return replace(self, floor=lower[self.setup.covariance.n_parameters :])

    def with_common_variance(self) -> JointModel:
        """Return the model with one residual variance in place of one per stratum.

        Priors on any of them are then on that one; linear constraints on them are left out, since they may clash.
        """
        given, q, s = self.restrictions, self.setup.covariance.n_parameters, len(self.products.weight)
        of_sigma = np.array([False] * given.n_mean + [name.kind == "sigma" for name in given.variances])
        restrictions = replace(
            given,
            variances=tuple(replace(name, first=0) if name.kind == "sigma" else name for name in given.variances),
            affine=given.affine.take(np.asarray(~given.affine.matrix[:, of_sigma].any(axis=1))),
        )
        first = self.first
        if first is not None:
            first = np.concatenate([first[:q], first[q : q + s].mean(keepdims=True), first[q + s :]])
        setup = with_common_variance(self.setup, self.y)
        return replace(self, setup=setup, restrictions=restrictions, first=first, floor=None)


def prepare_joint(
    design: Design,
    restrictions: Restrictions,
    start: FloatArray,
    reml: bool,
    weights: FloatArray | None = None,
    coordinates: Coordinates | None = None,
) -> JointModel:
    """Make a design ready for the joint likelihood.

    Parameters
    ----------
    design : Design
        Arrays of the model.
    restrictions : Restrictions
        Constraints and priors.
    start : ndarray, shape (p,)
        Start of the mean's parameters; those of linear columns are replaced by least squares where all are linear.
    reml : bool
        Restricted likelihood.
    weights : ndarray, shape (n,), optional
        Likelihood weights; ones if left out.
    coordinates : Coordinates, optional
        Working coordinates of an earlier fit, in place of those that suit the response.

    Returns
    -------
    JointModel

    Raises
    ------
    InfeasibleError
        If linear constraints clash.
    DataError
        If the mean cannot be evaluated at the start.
    """
    n, random, errors = len(design.y), design.random, design.errors
    mean = mean_of(design.x, design.nonlinear) if design.nonlinear else None
    covariance = BlockDiagonal(
        tuple(STRUCTURES[term.covariance](len(term.names)) for term in (random.terms if random else ()))
    )
    codes = np.zeros(n, np.int32) if random is None else random.codes
    cells = make_cells(
        codes, 1 if random is None else len(random.levels), errors.strata, max(len(errors.strata_levels), 1)
    )
    known = errors.variance is not None
    y = design.y - design.offset
    value, jacobian = (np.zeros(n), design.x) if mean is None else _at_start(mean, start, design)
    rows = DataRows(
        x=jacobian,
        z=np.zeros((n, 0)) if random is None else random.z,
        precision=errors.precision,
        weights=np.ones(n) if weights is None else weights,
        cells=cells,
    )
    if coordinates is None:
        coordinates = joint_coordinates(y - value, jacobian, rows, covariance, known, None if mean is None else start)
    shared = ResidualVariance.STRATA if errors.strata is not None else ResidualVariance.SHARED
    setup = Setup(
        rows=rows,
        covariance=covariance,
        residual=ResidualVariance.KNOWN if known else shared,
        products=cross_products(y, rows, coordinates),
    )
    checked = prepare_rows(restrictions, coordinates.fixed)
    model = JointModel(setup, y, mean, checked, coordinates.origin, reml)
    _check_identifiable(model, design)
    return model


def _at_start(mean: Mean, start: FloatArray, design: Design) -> tuple[FloatArray, FloatArray]:
    """Return value and Jacobian of a nonlinear mean at the start, and check a Jacobian that the user gave."""
    try:
        value, jacobian = mean.evaluate(start)
    except OutsideDomainError as error:
        named = ", ".join(f"{name} = {value:g}" for name, value in zip(design.names, start, strict=True))
        raise DataError(f"the mean cannot be evaluated at the start ({named}): {error}; give another start=") from error
    for part in mean.parts if isinstance(mean, Total) else ():
        if isinstance(part, UserFunction) and part.jacobian is not None:
            own = start[len(start) - len(part.names) :]
            theirs, ours = part.evaluate(own)[1], part.differences(own)
            gap = np.abs(theirs - ours) / (1 + np.abs(ours))
            if gap.max() > 1e-4:
                row, column = np.unravel_index(int(gap.argmax()), gap.shape)
                raise OptionError(
                    f"the jacobian of mean= is not its derivative: in row {row}, for {part.names[column]}, it says "
                    f"{theirs[row, column]:.6g}, differences give {ours[row, column]:.6g}"
                )
    return value, jacobian


def _check_identifiable(model: JointModel, design: Design) -> None:
    """Refuse a linear mean that the data, the normal priors and the equations together do not determine."""
    if model.mean is not None or not model.restrictions.n_mean:
        return
    given, p = model.restrictions, model.restrictions.n_mean
    fixed = model.setup.products.coordinates.fixed
    data = model.setup.rows.x * np.sqrt(model.setup.rows.precision)[:, None]
    equal = given.affine.lower == given.affine.upper
    pieces = [data @ fixed, given.normals.matrix[:, :p] @ fixed, given.laplaces.matrix[:, :p] @ fixed]
    pieces.append(given.affine.matrix[equal][:, :p] @ fixed)
    rows = np.vstack([piece / max(float(np.linalg.norm(piece)), 1e-300) for piece in pieces if len(piece)])
    values = np.linalg.svd(rows, compute_uv=False)
    if given.penalties or (len(values) == p and values[-1] > 1e-10 * values[0]):
        return
    weakest = np.abs(fixed @ np.linalg.svd(rows)[2][-1])
    named = ", ".join(design.names[int(j)] for j in np.argsort(-weakest)[:3])
    raise DataError(
        f"data, equations and priors together do not determine all coefficients (most of all {named}): "
        "give fewer knots, leave a column out, or add a prior"
    )
