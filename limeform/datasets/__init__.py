"""Small published data sets, for examples and tests.

Each function reads one CSV file that is shipped with the package and returns a new pandas data frame. ``PROVENANCE.md``
in this folder names the original publication of every file. ``contaminated_studies`` and ``smoking_like`` draw
simulated data.
"""

from limeform.datasets.experiments import cake, dyestuff, dyestuff2, machines, pastes, penicillin
from limeform.datasets.longitudinal import bodyweight, orthodont, oxboys, sleepstudy
from limeform.datasets.metaanalysis import (
    bakdash2021,
    bangertdrowns2004,
    bcg,
    konstantopoulos2011,
    normand1999,
    obrien2003,
    raudenbush1985,
    viechtbauer2021,
)
from limeform.datasets.simulated import contaminated_studies
from limeform.datasets.smoking import smoking_like, smoking_risk

__all__ = [
    "bakdash2021",
    "bangertdrowns2004",
    "bcg",
    "bodyweight",
    "cake",
    "contaminated_studies",
    "dyestuff",
    "dyestuff2",
    "konstantopoulos2011",
    "machines",
    "normand1999",
    "obrien2003",
    "orthodont",
    "oxboys",
    "pastes",
    "penicillin",
    "raudenbush1985",
    "sleepstudy",
    "smoking_like",
    "smoking_risk",
    "viechtbauer2021",
]
