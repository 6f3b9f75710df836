"""The command ``limeform demo``: a meta-analysis of vaccine trials and a longitudinal study, from data to pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from limeform import datasets
from limeform.cli.output import prepare_directory, write_picture, write_table
from limeform.models import lmm
from limeform.results import LMMResults

BCG = """\
Thirteen trials of the BCG vaccine against tuberculosis (Colditz et al., 1994): log risk ratios with known sampling
variances. How well does the vaccine protect, and why do the trials differ?"""
LATITUDE = """\
The same with the absolute latitude of the trial as a moderator: the vaccine protects better far from the equator."""
SLEEP = """\
Reaction times of 18 people after nights of three hours of sleep (Belenky et al., 2003): each person has their own level
and their own slope over days."""


def run_demo(arguments: argparse.Namespace) -> int:
    """Fit three models to real data, print their summaries, write tables and pictures.

    Returns
    -------
    int
        0.

    Raises
    ------
    LimeformError
    """
    out: Path = arguments.out
    prepare_directory(out)
    trials = log_risk_ratios(datasets.bcg())
    labels = (trials["author"] + ", " + trials["year"].astype(str)).rename("Trial")
    pooled = lmm("log_rr ~ 1 + (1 | trial)", trials, variance="variance").fit()
    latitude = lmm("log_rr ~ ablat + (1 | trial)", trials, variance="variance").fit()
    sleep = lmm("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy()).fit()
    for title, results in ((BCG, pooled), (LATITUDE, latitude), (SLEEP, sleep)):
        _print_part(title, results)
    tables = {"bcg": pooled, "bcg_latitude": latitude, "sleepstudy": sleep}
    for name, results in tables.items():
        write_table(results.tidy(), out / f"{name}_estimates.csv")
    write_picture(lambda: _risk_ratios(pooled, labels), out / "bcg_forest.png")
    write_picture(lambda: _risk_ratios(latitude, labels), out / "bcg_latitude_forest.png")
    write_picture(pooled.plot_funnel, out / "bcg_funnel.png")
    write_picture(latitude.plot_funnel, out / "bcg_latitude_funnel.png")
    write_picture(sleep.plot_random_effects, out / "sleepstudy_random_effects.png")
    write_picture(sleep.plot_residuals, out / "sleepstudy_residuals.png")
    return 0


def log_risk_ratios(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials with their log risk ratios and the sampling variances of these, from counts of cases.

    Parameters
    ----------
    trials : DataFrame
        Columns ``tpos, tneg, cpos, cneg``: cases and others among the vaccinated and among the controls.

    Returns
    -------
    DataFrame
        With ``log_rr`` and ``variance``.
    """
    treated, control = trials["tpos"] + trials["tneg"], trials["cpos"] + trials["cneg"]
    return trials.assign(
        log_rr=np.log(trials["tpos"] / treated) - np.log(trials["cpos"] / control),
        variance=1 / trials["tpos"] - 1 / treated + 1 / trials["cpos"] - 1 / control,
    )


def _print_part(title: str, results: LMMResults) -> None:
    print(f"{title}\n\n    {results.model.formula.text}\n")
    print(results.summary())
    print()


def _risk_ratios(results: LMMResults, labels: pd.Series) -> object:
    ax = results.plot_forest(transform=np.exp, labels=labels)
    ax.set_xlabel("Risk ratio (logarithmic axis)")
    return ax
