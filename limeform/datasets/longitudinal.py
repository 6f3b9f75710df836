"""Repeated measurements of the same subjects over time."""

import pandas as pd

from limeform.datasets.read import read


def sleepstudy() -> pd.DataFrame:
    """Reaction times of 18 subjects over ten days of restricted sleep.

    Returns
    -------
    pandas.DataFrame
        180 rows, ten of each subject. ``Reaction``: average reaction time of the day, milliseconds. ``Days``: day of
        the study, 0 to 9; days 0 and 1 were training, day 2 the baseline before sleep was restricted to three hours.
        ``Subject``: category of 18 subject numbers.

    References
    ----------
    Belenky, G., Wesensten, N. J., Thorne, D. R., Thomas, M. L., Sing, H. C., Redmond, D. P., Russo, M. B., and Balkin,
    T. J. (2003). Patterns of performance degradation and restoration during sleep restriction and subsequent recovery:
    a sleep dose-response study. Journal of Sleep Research, 12, 1-12.

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.sleepstudy().head(3)
       Reaction  Days Subject
    0  249.5600     0     308
    1  258.7047     1     308
    2  250.8006     2     308
    """
    return read("sleepstudy")


def orthodont() -> pd.DataFrame:
    """Growth of a facial distance in 27 children from age 8 to age 14.

    Returns
    -------
    pandas.DataFrame
        108 rows, four of each child. ``distance``: from the pituitary to the pterygomaxillary fissure, mm, measured on
        an x-ray image. ``age``: years. ``Subject``: category M01 to M16 and F01 to F11. ``Sex``: category Male, Female.

    References
    ----------
    Potthoff, R. F., and Roy, S. N. (1964). A generalized multivariate analysis of variance model useful especially for
    growth curve problems. Biometrika, 51, 313-326.

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.orthodont().head(3)
       distance  age Subject   Sex
    0      26.0    8     M01  Male
    1      25.0   10     M01  Male
    2      29.0   12     M01  Male
    """
    return read("orthodont")


def oxboys() -> pd.DataFrame:
    """Heights of 26 boys in Oxford on nine occasions.

    Returns
    -------
    pandas.DataFrame
        234 rows. ``Subject``: category 1 to 26. ``age``: standardised age, no unit, about -1 to 1. ``height``: cm.
        ``Occasion``: number of the measurement as an ordered category, 1 to 9.

    References
    ----------
    Goldstein, H. (1987). Multilevel Models in Educational and Social Research. Griffin. Reprinted in Pinheiro, J. C.,
    and Bates, D. M. (2000). Mixed-Effects Models in S and S-PLUS. Springer, appendix A.19.

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.oxboys().head(3)
      Subject     age  height Occasion
    0       1 -1.0000   140.5        1
    1       1 -0.7479   143.4        2
    2       1 -0.4630   144.8        3
    """
    return read("oxboys")


def bodyweight() -> pd.DataFrame:
    """Body weights of 16 rats on three diets over 64 days.

    Returns
    -------
    pandas.DataFrame
        176 rows, eleven of each rat. ``weight``: grams. ``Time``: day of the measurement, 1 to 64. ``Rat``: category 1
        to 16. ``Diet``: category 1, 2, 3.

    References
    ----------
    Crowder, M., and Hand, D. (1990). Analysis of Repeated Measures. Chapman and Hall, table 2.4.

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.bodyweight().head(3)
       weight  Time Rat Diet
    0     240     1   1    1
    1     250     8   1    1
    2     255    15   1    1
    """
    return read("bodyweight")
