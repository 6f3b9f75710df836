"""Designed experiments: batches, machines, assays."""

import pandas as pd

from limeform.datasets.read import read


def dyestuff() -> pd.DataFrame:
    """Yield of a dyestuff from six batches of an intermediate product, five preparations each.

    Returns
    -------
    pandas.DataFrame
        30 rows. ``Batch``: batch of the intermediate product, category A to F. ``Yield``: grams of standard colour.

    References
    ----------
    Davies, O. L., and Goldsmith, P. L. (eds) (1972). Statistical Methods in Research and Production, 4th ed. Oliver and
    Boyd, section 6.4.

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.dyestuff().head(3)
      Batch  Yield
    0     A   1545
    1     A   1440
    2     A   1440
    """
    return read("dyestuff")


def dyestuff2() -> pd.DataFrame:
    """Invented yields with the layout of `dyestuff`, where batches vary less than chance alone would make them.

    The estimated variance between batches is zero, so every fit of it ends at the boundary.

    Returns
    -------
    pandas.DataFrame
        30 rows. ``Batch``: category A to F. ``Yield``: no unit.

    References
    ----------
    Box, G. E. P., and Tiao, G. C. (1973). Bayesian Inference in Statistical Analysis. Addison-Wesley, section 5.1.2.

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.dyestuff2().head(3)
      Batch  Yield
    0     A  7.298
    1     A  3.846
    2     A  2.434
    """
    return read("dyestuff2")


def pastes() -> pd.DataFrame:
    """Strength of a chemical paste: ten deliveries, three casks from each, two tests on each cask.

    Returns
    -------
    pandas.DataFrame
        60 rows. ``strength``: strength of the paste (the source gives no unit). ``batch``: delivery, category A to J.
        ``cask``: cask within the delivery, category a to c, so that cask a of delivery A is not cask a of delivery B.
        ``sample``: delivery and cask together, category A:a to J:c.

    References
    ----------
    Davies, O. L., and Goldsmith, P. L. (eds) (1972). Statistical Methods in Research and Production, 4th ed. Oliver and
    Boyd, section 6.5.

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.pastes().head(3)
       strength batch cask sample
    0      62.8     A    a    A:a
    1      62.6     A    a    A:a
    2      60.1     A    b    A:b
    """
    return read("pastes")


def penicillin() -> pd.DataFrame:
    """Zones of inhibition in a penicillin assay: six samples, each on every one of 24 plates.

    Returns
    -------
    pandas.DataFrame
        144 rows. ``diameter``: diameter of the zone in which growth is inhibited, mm. ``plate``: category a to x.
        ``sample``: category A to F.

    References
    ----------
    Davies, O. L., and Goldsmith, P. L. (eds) (1972). Statistical Methods in Research and Production, 4th ed. Oliver and
    Boyd, section 6.6.

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.penicillin().head(3)
       diameter plate sample
    0        27     a      A
    1        23     a      B
    2        26     a      C
    """
    return read("penicillin")


def cake() -> pd.DataFrame:
    """Breakage angle of chocolate cakes: three recipes, 15 replicates of each, six baking temperatures.

    Returns
    -------
    pandas.DataFrame
        270 rows. ``replicate``: category 1 to 15, numbered anew in each recipe. ``recipe``: category A, B, C.
        ``temperature``: baking temperature as an ordered category, 175 to 225. ``angle``: angle at which the cake
        broke, degrees. ``temp``: baking temperature as a number, degrees Fahrenheit.

    References
    ----------
    Cook, F. E. (1938). Chocolate cake, I. Optimum baking temperature. Master's thesis, Iowa State College. Printed in
    Cochran, W. G., and Cox, G. M. (1957). Experimental Designs, 2nd ed. Wiley, p. 300.

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.cake().head(3)
      replicate recipe temperature  angle  temp
    0         1      A         175     42   175
    1         1      A         185     46   185
    2         1      A         195     47   195
    """
    return read("cake")


def machines() -> pd.DataFrame:
    """Productivity of six workers on three machines, three runs of each worker on each machine.

    Returns
    -------
    pandas.DataFrame
        54 rows. ``Worker``: category of the numbers 1 to 6, in the order of R (6, 2, 4, 1, 3, 5). ``Machine``: brand,
        category A, B, C. ``score``: productivity from number and quality of the components made, no unit.

    References
    ----------
    Milliken, G. A., and Johnson, D. E. (1992). Analysis of Messy Data, Volume I: Designed Experiments. Chapman and
    Hall, p. 285. Reprinted in Pinheiro, J. C., and Bates, D. M. (2000). Mixed-Effects Models in S and S-PLUS. Springer,
    appendix A.14.

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.machines().head(3)
      Worker Machine  score
    0      1       A   52.0
    1      1       A   52.8
    2      1       A   53.1
    """
    return read("machines")
