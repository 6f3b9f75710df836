"""The command ``limeform fit``."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from limeform.cli.formula_code import check_formula
from limeform.cli.output import prepare_directory, write_picture, write_table
from limeform.cli.table import read_table
from limeform.errors import ConvergenceWarning
from limeform.models import lmm
from limeform.results import LMMResults
from limeform.solve import Ipopt, Newton, ScipyMinimize, Solver, Status

NOT_CONVERGED = 1
INTERRUPTED = 130  # 128 + SIGINT, which shells expect


def run_fit(arguments: argparse.Namespace) -> int:
    """Fit the model that the arguments describe, print the summary and write what belongs to it.

    Returns
    -------
    int
        0; 1 where the solver did not converge, 130 where Ctrl-C stopped it: what it reached is written all the same.

    Raises
    ------
    LimeformError
    """
    check_formula(arguments.formula)
    data = read_table(arguments.data, arguments.sep)
    prepare_directory(arguments.out)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = lmm(
            arguments.formula,
            data,
            se=arguments.se,
            variance=arguments.variance,
            weights=arguments.weights,
            sigma=arguments.sigma or "shared",
            reml=arguments.reml,
            context={},
        )
        results = model.fit(_solver(arguments.solver))
    _tell(caught)
    print(results.summary())
    print()
    write_table(results.tidy(), arguments.out / "estimates.csv")
    write_pictures(results, arguments.out)
    if results.converged:
        return 0
    print(f"limeform: error: not converged: {results.solver} {results.status}", file=sys.stderr)
    return INTERRUPTED if results.status == Status.INTERRUPTED.value else NOT_CONVERGED


def write_pictures(results: LMMResults, directory: Path) -> None:
    """Write the pictures that are defined for the model."""
    if results.known_variance:
        write_picture(results.plot_forest, directory / "forest.png")
        write_picture(results.plot_funnel, directory / "funnel.png")
    if results.design.random is not None:
        write_picture(results.plot_random_effects, directory / "random_effects.png")
    write_picture(results.plot_residuals, directory / "residuals.png")


def _solver(name: str | None) -> Solver | None:
    solvers: dict[str, Solver] = {"ipopt": Ipopt(), "newton": Newton(), "scipy": ScipyMinimize()}
    return None if name is None else solvers[name]


def _tell(caught: list[warnings.WarningMessage]) -> None:
    """Print warnings for users as single lines; not converging is told at the end."""
    told = [
        " ".join(str(warning.message).split())
        for warning in caught
        if issubclass(warning.category, UserWarning | RuntimeWarning)
        and not issubclass(warning.category, ConvergenceWarning)
    ]
    for message in dict.fromkeys(told):
        print(f"limeform: warning: {message}", file=sys.stderr)
