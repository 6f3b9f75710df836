"""What is measured: each case is one data set, one formula and the packages that fit it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One package doing one task of a case.

    Parameters
    ----------
    package : str
        Name that the drivers know it by.
    task : {"fit", "refit", "bootstrap", "evaluation", "trim", "one start", "long steps", "curve", "ensemble"}
        The whole call from formula and data frame to estimates; a fit of a built model to the column ``y_new``; 1,000
        refits of a fit to simulated responses; one evaluation of the likelihood of a built model, with gradient and
        Hessian; fits of all data sets in the frame with 20% of the rows trimmed: by default settings, from one start,
        or by limetr with ``outer_step_size=200``; or a constrained curve, and an ensemble of 50 of them.
    at_least, at_most : float, optional
        The target: CPU time divided by that of the first run of the case.
    data : str, optional
        Data set in the place of the case's.
    """

    package: str
    task: str = "fit"
    at_least: float | None = None
    at_most: float | None = None
    data: str | None = None

    @property
    def label(self) -> str:
        """Name of the row in the table."""
        remarks = ([] if self.task == "fit" else [self.task]) + ([self.data] if self.data else [])
        return f"{self.package} ({', '.join(remarks)})" if remarks else self.package


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
    note : str
        What a reader of the table has to know.
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
    note: str = ""


SLEEP_FORMULA = "Reaction ~ Days + (Days | Subject)"
SLOPES_FORMULA = "y ~ x + z + f + (x | g)"
TRIM_FORMULA = "y ~ x + (1 | study)"
TRIM_NOTE = (
    "A call fits ten data sets, from data frames; limetr has one start. Log-likelihoods are of the 80 rows kept, "
    "summed over the data sets, limetr's at its estimates."
)
META_NOTE = "metafor's restricted log-likelihood contains ½ ln|X'X|, here half the logarithm of the number of studies."

SMOKING_FORMULA = (
    "log_rr ~ 0 + log_ratio(interval(alt_lo, alt_hi), ref, knots=[10, 30, 55], bounds=(0, 80), linear_right=True, "
    "name='smoking') + (0 + dose | study)"
)

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
        title="Sleepstudy, refit to a new response; the target is a tenth of lme4's whole fit",
        data="sleepstudy",
        formula=SLEEP_FORMULA,
        runs=(Run("limeform", "refit"), Run("lme4", at_least=10), Run("lme4", "refit"), Run("mixedlm", "refit")),
        note="lme4 1.1-31's `refit` reports another log-likelihood than `lmer` does at its estimates.",
        rounds=15,
        calls=10,
    ),
    Case(
        name="bootstrap",
        title="Parametric bootstrap: 1,000 refits of the sleepstudy model, one worker",
        data="sleepstudy",
        formula=SLEEP_FORMULA,
        runs=(Run("limeform", "bootstrap"), Run("lme4", "bootstrap", at_least=10)),
        note="lme4's is `bootMer` with the fixed effects and standard deviations. Log-likelihoods are of the fit.",
        rounds=3,
        budget=30.0,
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
        rounds=15,
        budget=8.0,
    ),
    Case(
        name="evaluation",
        title="One evaluation of the likelihood, its gradient and Hessian as rows grow, 1,000 groups",
        data="slopes_10k",
        formula=SLOPES_FORMULA,
        runs=(
            Run("limeform", "evaluation", data="slopes_10k"),
            Run("limeform", "evaluation", data="slopes_100k", at_most=1.2),
            Run("limeform", "evaluation", data="slopes_1m_1k", at_most=1.2),
        ),
        rounds=11,
        calls=20,
    ),
    Case(
        name="million",
        title="1,000,000 rows, 10,000 groups: `y ~ x + z + f + (x | g)`",
        data="slopes_1m",
        formula=SLOPES_FORMULA,
        runs=(Run("limeform"), Run("lme-python"), Run("mixedlm"), Run("lme4"), Run("statsmodels")),
        rounds=3,
        budget=15.0,
        warm_up="slopes_small",
    ),
    Case(
        name="meta_200",
        title="Random-effects meta-analysis, 200 one-row studies",
        data="meta_200",
        formula="yi ~ 1 + (1 | study)",
        runs=(Run("limeform"), Run("metafor")),
        note=META_NOTE,
        rounds=11,
        calls=5,
    ),
    Case(
        name="meta_2000",
        title="Random-effects meta-analysis, 2,000 one-row studies",
        data="meta_2000",
        formula="yi ~ 1 + (1 | study)",
        runs=(Run("limeform"), Run("metafor", at_least=100)),
        note=META_NOTE,
    ),
    Case(
        name="curve",
        title="Smoking-like curve, 199 rows, 25 studies: log-ratio, increasing, concave, prior, tail, 10% trimmed",
        data="smoking",
        formula=SMOKING_FORMULA,
        runs=(Run("limeform", "curve"), Run("mrtool", "curve", at_least=10), Run("limeform", "ensemble", at_most=50)),
        note="The ensemble has 50 members and one worker: its target is the time of 50 single fits.",
        rounds=7,
    ),
    Case(
        name="trimming",
        title="20% trimmed, ten data sets of 100 rows with 15 outliers, known standard errors: `y ~ x + (1 | study)`",
        data="contaminated",
        formula=TRIM_FORMULA,
        runs=(Run("limeform", "trim"), Run("limetr", "trim", at_least=5), Run("limetr", "long steps")),
        note=TRIM_NOTE,
    ),
    Case(
        name="trimming_one_start",
        title="The same, limeform from one start too",
        data="contaminated",
        formula=TRIM_FORMULA,
        runs=(
            Run("limeform", "one start"),
            Run("limetr", "trim", at_least=25),
            Run("limetr", "long steps", at_least=10),
        ),
        note=TRIM_NOTE,
    ),
    Case(
        name="trimming_rows",
        title="20% trimmed as rows grow, studies of ten rows, 50 random starts",
        data="contaminated_1k",
        formula=TRIM_FORMULA,
        runs=(
            Run("limeform", "trim", data="contaminated_1k"),
            Run("limeform", "trim", data="contaminated_10k", at_most=10),
            Run("limeform", "trim", data="contaminated_100k", at_most=100),
        ),
    ),
    Case(
        name="insteval",
        title="InstEval, 73,421 rows, 2,972 × 1,128 × 14 levels: `y ~ service + (1 | s) + (1 | d) + (1 | dept)`",
        data="insteval",
        formula="y ~ service + (1 | s) + (1 | d) + (1 | dept)",
        runs=(Run("limeform"), Run("mixedlm", at_least=3), Run("lme4")),
        rounds=5,
        budget=15.0,
    ),
    Case(
        name="crossed",
        title="200,000 rows on 20,000 × 1,000 levels: `y ~ x + (1 | s) + (1 | i)`",
        data="crossed_200k",
        formula="y ~ x + (1 | s) + (1 | i)",
        runs=(Run("limeform"), Run("mixedlm", at_least=3), Run("lme4")),
        rounds=5,
        budget=15.0,
    ),
    Case(
        name="nested",
        title="100,000 rows in 2,000 classes of 200 schools: `y ~ x + (1 | school) + (x | klass)`",
        data="nested_100k",
        formula="y ~ x + (1 | school) + (x | klass)",
        runs=(Run("limeform"), Run("mixedlm", at_least=1), Run("lme4")),
        rounds=9,
        budget=15.0,
    ),
    Case(
        name="nested_and_crossed",
        title="Two crossed factors with another nested in each, 30,000 rows, 2,000, 6,000, 500 and 2,000 levels",
        data="nested_and_crossed",
        formula="y ~ 1 + (1 | g1) + (1 | g2) + (1 | g3) + (1 | g4)",
        runs=(Run("limeform"), Run("lme4", at_least=1)),
        rounds=3,
        budget=20.0,
    ),
)
