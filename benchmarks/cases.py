"""What is measured: each case is one data set, one formula and the packages that fit it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One package doing one task of a case.

    Parameters
    ----------
    package : str
        Name that the drivers know it by.
    task : {"fit", "refit"}
        The whole call from formula and data frame to estimates, or a fit of a built model to the column ``y_new``.
    at_least : float, optional
        The target: this package's CPU time divided by limeform's.
    """

    package: str
    task: str = "fit"
    at_least: float | None = None

    @property
    def label(self) -> str:
        """Name of the row in the table."""
        return self.package if self.task == "fit" else f"{self.package} ({self.task})"


@dataclass(frozen=True)
class Case:
    """One comparison on one data set.

    Parameters
    ----------
    name, title : str
        Name on the command line, and heading of the section.
    data : str
        A name of ``datasets.GENERATORS``.
    formula : str
        lme4's grammar; drivers of packages with another one translate it.
    runs : tuple of Run
        In the order of the table; the first is the one that the ratios are to.
    rounds : int
        Timings per package, alternating between packages, after one round of warm-up.
    calls : int
        Calls in one timing.
    budget : float
        Seconds; a package whose timings have taken longer sits out the rounds that are left.
    warm_up : str, optional
        Small data set with the same columns for a warm-up without a call on the data itself.
    """

    name: str
    title: str
    data: str
    formula: str
    runs: tuple[Run, ...]
    rounds: int = 5
    calls: int = 1
    budget: float = 20.0
    warm_up: str | None = None


SLEEP_FORMULA = "Reaction ~ Days + (Days | Subject)"
SLOPES_FORMULA = "y ~ x + z + f + (x | g)"

CASES = (
    Case(
        name="sleepstudy",
        title="Sleepstudy, 180 rows, 18 subjects: `Reaction ~ Days + (Days | Subject)`",
        data="sleepstudy",
        formula=SLEEP_FORMULA,
        runs=(Run("limeform"), Run("lme4", at_least=1), Run("mixedlm"), Run("lme-python"), Run("statsmodels")),
        rounds=15,
        calls=5,
    ),
    Case(
        name="refit",
        title="Sleepstudy, refit to a new response (beside it lme4's whole fit, ten times which is the target)",
        data="sleepstudy",
        formula=SLEEP_FORMULA,
        runs=(Run("limeform", "refit"), Run("lme4", at_least=10), Run("lme4", "refit"), Run("mixedlm", "refit")),
        rounds=15,
        calls=10,
    ),
    Case(
        name="slopes",
        title="100,000 rows, 1,000 groups: `y ~ x + z + f + (x | g)`",
        data="slopes_100k",
        formula=SLOPES_FORMULA,
        runs=(
            Run("limeform"),
            Run("lme-python", at_least=1),
            Run("mixedlm", at_least=1),
            Run("lme4"),
            Run("statsmodels"),
        ),
    ),
    Case(
        name="million",
        title="1,000,000 rows, 10,000 groups: `y ~ x + z + f + (x | g)`",
        data="slopes_1m",
        formula=SLOPES_FORMULA,
        runs=(Run("limeform"), Run("lme-python"), Run("mixedlm"), Run("lme4"), Run("statsmodels")),
        rounds=1,
        budget=150.0,
        warm_up="slopes_small",
    ),
    Case(
        name="meta_200",
        title="Random-effects meta-analysis, 200 one-row studies",
        data="meta_200",
        formula="yi ~ 1 + (1 | study)",
        runs=(Run("limeform"), Run("metafor")),
        rounds=11,
        calls=5,
    ),
    Case(
        name="meta_2000",
        title="Random-effects meta-analysis, 2,000 one-row studies",
        data="meta_2000",
        formula="yi ~ 1 + (1 | study)",
        runs=(Run("limeform"), Run("metafor", at_least=100)),
    ),
)
