"""Mixed-effects models and meta-analysis with a formula interface.

>>> import limeform as lf
>>> results = lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit()
>>> round(results.llf, 4)
-871.8141
"""

from limeform import datasets
from limeform.errors import (
    ArchiveError,
    ConvergenceWarning,
    DataError,
    FormulaError,
    LimeformError,
    MemoryLimitError,
    NewLevelWarning,
    OptionError,
    SingularFitWarning,
    SolverError,
    UnknownColumnError,
)
from limeform.fit import Trimming
from limeform.models import LMM, CrossProducts, Random, TrimPath, lmm, load, trim_path
from limeform.resample import BootstrapResults
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
    "FormulaError",
    "Ipopt",
    "LMMResults",
    "LimeformError",
    "MemoryLimitError",
    "NewLevelWarning",
    "Newton",
    "OptionError",
    "Random",
    "ScipyMinimize",
    "SingularFitWarning",
    "SolverError",
    "TrimPath",
    "Trimming",
    "UnknownColumnError",
    "compare",
    "datasets",
    "lmm",
    "load",
    "table",
    "trim_path",
]
