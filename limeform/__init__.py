"""Mixed-effects models and meta-analysis with a formula interface.

>>> import limeform as lf
>>> results = lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit()
>>> round(results.llf, 4)
-871.8141
"""

from limeform import datasets
from limeform.bootstrap import BootstrapResults
from limeform.design import MeanFunction
from limeform.errors import (
    ArchiveError,
    ConvergenceWarning,
    DataError,
    FewDrawsWarning,
    FormulaError,
    InfeasibleError,
    LimeformError,
    MemoryLimitError,
    NewLevelWarning,
    OptionError,
    OutOfBoundsWarning,
    SingularFitWarning,
    SolverError,
    UnknownBandWarning,
    UnknownColumnError,
)
from limeform.fit import Trimming
from limeform.models import LMM, CrossProducts, Random, TrimPath, lmm, load, trim_path
from limeform.resample import KnotEnsemble, knot_ensemble
from limeform.restrict import (
    average,
    bounds,
    concave,
    constraint,
    convex,
    decreasing,
    increasing,
    laplace,
    normal,
    passes,
    penalty,
    uniform,
)
from limeform.results import LMMResults, compare, table
from limeform.solve import Ipopt, Newton, ScipyMinimize

__version__ = "0.1.0"

__all__ = [
    "LMM",
    "ArchiveError",
    "BootstrapResults",
    "ConvergenceWarning",
    "CrossProducts",
    "DataError",
    "FewDrawsWarning",
    "FormulaError",
    "InfeasibleError",
    "Ipopt",
    "KnotEnsemble",
    "LMMResults",
    "LimeformError",
    "MeanFunction",
    "MemoryLimitError",
    "NewLevelWarning",
    "Newton",
    "OptionError",
    "OutOfBoundsWarning",
    "Random",
    "ScipyMinimize",
    "SingularFitWarning",
    "SolverError",
    "TrimPath",
    "Trimming",
    "UnknownBandWarning",
    "UnknownColumnError",
    "average",
    "bounds",
    "compare",
    "concave",
    "constraint",
    "convex",
    "datasets",
    "decreasing",
    "increasing",
    "knot_ensemble",
    "laplace",
    "lmm",
    "load",
    "normal",
    "passes",
    "penalty",
    "table",
    "trim_path",
    "uniform",
]
