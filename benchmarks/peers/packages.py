"""How each Python package is called: from (job, frame) to the call that is timed and the
function that reads the log-likelihood off its result, which is not timed.
"""

import re
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from itertools import count
from typing import Any

import pandas as pd

Job = dict[str, Any]
Call = Callable[[], Any]
LogLikelihood = Callable[[Any], float]


def limeform(job: Job, frame: pd.DataFrame) -> tuple[Call, LogLikelihood]:
    """limeform's `lmm`."""
    lf: Any = import_module("limeform")
    known = {"variance": "vi"} if "vi" in frame else {}

    def fit() -> Any:
        return lf.lmm(job["formula"], frame, **known).fit()

    if job["task"] == "evaluation":
        return evaluation(fit()), lambda value: -value
    return (refit(fit(), frame) if job["task"] == "refit" else fit), lambda results: results.llf


def evaluation(results: Any) -> Call:
    """A call that computes limeform's objective, gradient and Hessian at a point that is new each time."""
    likelihood: Any = import_module("limeform.likelihood")
    setup = import_module("limeform.fit").prepare(results.design)
    optimum, step = results.estimates.variables, count(1)
    objective = likelihood.Objective.of(setup.products, setup.covariance, setup.residual, True)

    def evaluate() -> float:
        at = optimum * (1 + 1e-9 * next(step))
        objective.gradient(at)
        objective.hessian(at)
        return float(objective.value(at))

    return evaluate


def mixedlm(job: Job, frame: pd.DataFrame) -> tuple[Call, LogLikelihood]:
    """mixedlm's `lmer`."""
    package: Any = import_module("mixedlm")

    def fit() -> Any:
        return package.lmer(job["formula"], frame)

    return (refit(fit(), frame) if job["task"] == "refit" else fit), lambda results: results.logLik().value


def lme_python(job: Job, frame: pd.DataFrame) -> tuple[Call, LogLikelihood]:
    """lme-python's `lmer`, given the polars frame that is native to it (it takes pandas' strings only with pyarrow)."""
    package: Any = import_module("lme_python")
    polars: Any = import_module("polars")
    native = polars.DataFrame({name: column.to_numpy() for name, column in frame.items()})
    return lambda: package.lmer(job["formula"], native), lambda results: results.log_likelihood


def statsmodels(job: Job, frame: pd.DataFrame) -> tuple[Call, LogLikelihood]:
    """statsmodels' `MixedLM` by its formula interface."""
    smf: Any = import_module("statsmodels.formula.api")
    parts = re.fullmatch(r"(.*) \+ \((.*) \| (.*)\)", job["formula"])
    if parts is None:
        raise ValueError(f"statsmodels has no counterpart of {job['formula']!r}")
    fixed, effects, group = parts.groups()
    return lambda: smf.mixedlm(fixed, frame, groups=group, re_formula=effects).fit(), lambda results: results.llf


def refit(results: Any, frame: pd.DataFrame) -> Call:
    """A call that fits a fitted model again to the column `y_new`."""
    response = frame["y_new"].to_numpy()
    return lambda: results.refit(response)


PACKAGES = {"limeform": limeform, "mixedlm": mixedlm, "lme-python": lme_python, "statsmodels": statsmodels}


def description(package: str) -> dict[str, str]:
    """Version of the package and the BLAS beneath NumPy."""
    numpy: Any = import_module("numpy")
    blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    known = import_module("limeform").__version__ if package == "limeform" else version(package)
    return {"version": known, "blas": f"{blas['name']} {blas['version']}"}
