"""How each Python package is called: from (job, frame) to the call that is timed and the
function that reads the log-likelihood off its result, which is not timed.
"""

import re
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from itertools import count
from typing import Any

import numpy as np
import pandas as pd

Job = dict[str, Any]
Call = Callable[[], Any]
LogLikelihood = Callable[[Any], float]


def limeform(job: Job, frame: pd.DataFrame) -> tuple[Call, LogLikelihood]:
    """limeform's `lmm`."""
    lf: Any = import_module("limeform")
    if job["task"] in TRIMMED:
        trim = lf.Trimming(0.2) if job["task"] == "trim" else lf.Trimming(0.2, starts=0)
        sets = data_sets(frame)
        return (
            lambda: [lf.lmm(job["formula"], one, se="se", trim=trim).fit() for one in sets],
            lambda fits: sum(fit.llf for fit in fits),
        )
    known = {"variance": "vi"} if "vi" in frame else {}

    def fit() -> Any:
        return lf.lmm(job["formula"], frame, **known).fit()

    if job["task"] in ("curve", "ensemble"):
        return curve(lf, job, frame), lambda results: getattr(results, "llf", float("nan"))
    if job["task"] == "bootstrap":
        fitted = fit()
        return lambda: fitted.bootstrap(1000, rng=1), lambda _: fitted.llf
    if job["task"] == "evaluation":
        return evaluation(fit()), lambda value: -value
    return (refit(fit(), frame) if job["task"] == "refit" else fit), lambda results: results.llf


def curve(lf: Any, job: Job, frame: pd.DataFrame) -> Call:
    """A call that fits the smoking curve with shape, prior and trimming, or an ensemble of 50 placements of knots."""
    constraints = [lf.passes("smoking", at=0, value=1), lf.increasing("smoking"), lf.concave("smoking")]
    priors = [lf.normal("smoking", mean=0, sd=0.1, derivative=3)]

    def model() -> Any:
        return lf.lmm(job["formula"], frame, se="se", trim=0.1, constraints=constraints, priors=priors)

    if job["task"] == "curve":
        return lambda: model().fit()
    return lambda: lf.knot_ensemble(model(), 50, rng=1)


def mrtool(job: Job, frame: pd.DataFrame) -> tuple[Call, LogLikelihood]:
    """mrtool's `MRBRT` with the same curve, shape (at 20 points), prior and trimming as limeform's in `curve`."""
    package: Any = import_module("mrtool")
    knots = [0, 10 / 80, 30 / 80, 55 / 80, 1]
    columns = {name: frame[name].to_numpy(dtype=float) for name in ("alt_lo", "alt_hi", "ref", "dose")}

    def fit() -> Any:
        data = package.MRData(
            obs=frame["log_rr"].to_numpy(),
            obs_se=frame["se"].to_numpy(),
            covs=columns,
            study_id=frame["study"].to_numpy(),
        )
        spline = package.LogCovModel(
            alt_cov=["alt_lo", "alt_hi"],
            ref_cov=["ref", "ref"],
            use_spline=True,
            spline_knots=np.array(knots),
            spline_knots_type="domain",
            spline_degree=3,
            spline_r_linear=True,
            prior_spline_monotonicity="increasing",
            prior_spline_convexity="concave",
            prior_spline_maxder_gaussian=np.array([[0.0] * 4, [0.1] * 3 + [np.inf]]),
        )
        slope = package.LinearCovModel("dose", use_re=True, prior_beta_uniform=np.zeros(2))
        model = package.MRBRT(data, cov_models=[spline, slope], inlier_pct=0.9)
        model.fit_model(outer_max_iter=200)
        return model

    return fit, lambda results: float("nan")


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


TRIMMED = ("trim", "one start", "long steps")


def data_sets(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """The data sets that a frame holds, by its column `dataset`."""
    return [one for _, one in frame.groupby("dataset")]


def limetr(job: Job, frame: pd.DataFrame) -> tuple[Call, LogLikelihood]:
    """limetr's `LimeTr` for the line with random intercepts, the studies' rows one after another."""
    package: Any = import_module("limetr")
    options = {"outer_step_size": 200.0} if job["task"] == "long steps" else {}

    def fit(one: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
        x = np.column_stack([np.ones(len(one)), one["x"]])
        model = package.LimeTr(
            one.groupby("study").size().to_numpy(), 2, 1, one["y"].to_numpy(), lambda beta: x @ beta, lambda beta: x,
            np.ones((len(one), 1)), one["se"].to_numpy(dtype=float), inlier_percentage=0.8,
        )  # fmt: skip
        model.fit(**options)
        return model, one

    return lambda: [fit(one) for one in data_sets(frame)], lambda fits: sum(kept_log_likelihood(*one) for one in fits)


def kept_log_likelihood(model: Any, one: pd.DataFrame) -> float:
    """Log-likelihood of the rows that limetr kept, at its estimates."""
    kept = model.w > 0.5
    study, y = one["study"].to_numpy()[kept], one["y"].to_numpy()[kept]
    residual = y - model.beta[0] - model.beta[1] * one["x"].to_numpy()[kept]
    variance = np.diag(one["se"].to_numpy(dtype=float)[kept] ** 2) + model.gamma[0] * (study[:, None] == study)
    quadratic = residual @ np.linalg.solve(variance, residual)
    return -0.5 * float(quadratic + np.linalg.slogdet(variance)[1] + kept.sum() * np.log(2 * np.pi))


PACKAGES = {
    "limeform": limeform,
    "limetr": limetr,
    "mixedlm": mixedlm,
    "lme-python": lme_python,
    "statsmodels": statsmodels,
    "mrtool": mrtool,
}


def description(package: str) -> dict[str, str]:
    """Version of the package and the BLAS beneath NumPy."""
    numpy: Any = import_module("numpy")
    blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    known = import_module("limeform").__version__ if package == "limeform" else version(package)
    return {"version": known, "blas": f"{blas['name']} {blas['version']}"}
