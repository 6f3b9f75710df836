"""Resampling: new responses from a fitted model, refits in parallel, and intervals from their draws.

Nothing here knows the results class: a fit is passed as arrays, or as an object that can refit itself.
"""

from limeform.bootstrap.bootstrap import BootstrapResults, Replay
from limeform.bootstrap.cases import CaseSampling, case_sampling, take, take_curve
from limeform.bootstrap.parameters import ParameterNames, parameters_of
from limeform.bootstrap.responses import Effects, Responses, parametric, residual
from limeform.bootstrap.run import Progress, Stream, Streams, run, streams

__all__ = [
    "BootstrapResults",
    "CaseSampling",
    "Effects",
    "ParameterNames",
    "Progress",
    "Replay",
    "Responses",
    "Stream",
    "Streams",
    "case_sampling",
    "parameters_of",
    "parametric",
    "residual",
    "run",
    "streams",
    "take",
    "take_curve",
]
