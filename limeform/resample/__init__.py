"""Resampling: new responses from a fitted model, refits in parallel, and intervals from their draws.

Nothing here knows the results class: a fit is passed as arrays, or as an object that can refit itself.
"""

from limeform.resample.bootstrap import BootstrapResults, Replay
from limeform.resample.cases import CaseSampling, case_sampling, take
from limeform.resample.parameters import ParameterNames, parameters_of
from limeform.resample.responses import Effects, Responses, parametric, residual
from limeform.resample.run import Progress, Stream, Streams, run, streams

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
]
