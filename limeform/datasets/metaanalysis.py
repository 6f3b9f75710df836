"""Meta-analyses: one row a study, or several rows a study."""

import pandas as pd

from limeform.datasets.read import read


def bcg() -> pd.DataFrame:
    """Thirteen trials of the BCG vaccine against tuberculosis, as 2 x 2 tables.

    Returns
    -------
    pandas.DataFrame
        13 rows. ``trial``: number. ``author``, ``year``: of the publication. ``tpos``, ``tneg``: persons with and
        without tuberculosis in the vaccinated group. ``cpos``, ``cneg``: the same in the control group. ``ablat``:
        absolute latitude of the place, degrees. ``alloc``: how treatment was allocated (random, alternate, systematic).

    References
    ----------
    Colditz, G. A., Brewer, T. F., Berkey, C. S., Wilson, M. E., Burdick, E., Fineberg, H. V., and Mosteller, F. (1994).
    Efficacy of BCG vaccine in the prevention of tuberculosis: Meta-analysis of the published literature. Journal of the
    American Medical Association, 271(9), 698-702. https://doi.org/10.1001/jama.1994.03510330076038

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.bcg()[["trial", "year", "tpos", "tneg", "cpos", "cneg", "ablat", "alloc"]].head(3)
       trial  year  tpos  tneg  cpos  cneg  ablat   alloc
    0      1  1948     4   119    11   128     44  random
    1      2  1949     6   300    29   274     55  random
    2      3  1960     3   228    11   209     42  random
    """
    return read("bcg")


def konstantopoulos2011() -> pd.DataFrame:
    """School calendars without a long summer break, and achievement: 56 studies in 11 school districts.

    Returns
    -------
    pandas.DataFrame
        56 rows. ``district``: number of the district. ``school``: number of the school, counted anew in each district.
        ``study``: number of the row. ``year``: of the study. ``yi``: standardised mean difference in achievement,
        positive where the modified calendar did better. ``vi``: its sampling variance.

    References
    ----------
    Konstantopoulos, S. (2011). Fixed effects and variance components estimation in three-level meta-analysis. Research
    Synthesis Methods, 2(1), 61-76. https://doi.org/10.1002/jrsm.35

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.konstantopoulos2011().head(3)
       district  school  study  year    yi     vi
    0        11       1      1  1976 -0.18  0.118
    1        11       2      2  1976 -0.22  0.118
    2        11       3      3  1976  0.23  0.144
    """
    return read("konstantopoulos2011")


def raudenbush1985() -> pd.DataFrame:
    """Nineteen experiments on what teachers expect and the IQ of their pupils.

    Returns
    -------
    pandas.DataFrame
        19 rows. ``study``: number. ``author``, ``year``: of the publication. ``weeks``: of contact between teacher and
        pupils before the expectation was induced. ``setting``: test given to a group or to individuals. ``tester``:
        whether the tester was aware of the pupil's label, or blind. ``n1i``, ``n2i``: pupils in the experimental and
        the control group. ``yi``: standardised mean difference in IQ. ``vi``: its sampling variance.

    References
    ----------
    Raudenbush, S. W. (1984). Magnitude of teacher expectancy effects on pupil IQ as a function of the credibility of
    expectancy induction. Journal of Educational Psychology, 76(1), 85-97. https://doi.org/10.1037/0022-0663.76.1.85

    Raudenbush, S. W., and Bryk, A. S. (1985). Empirical Bayes meta-analysis. Journal of Educational Statistics, 10(2),
    75-98. https://doi.org/10.3102/10769986010002075

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.raudenbush1985()[["study", "year", "weeks", "setting", "tester", "yi", "vi"]].head(3)
       study  year  weeks setting tester    yi      vi
    0      1  1974      2   group  aware  0.03  0.0156
    1      2  1968     21   group  aware  0.12  0.0216
    2      3  1971     19   group  aware -0.14  0.0279
    """
    return read("raudenbush1985")


def bangertdrowns2004() -> pd.DataFrame:
    """Writing-to-learn at school and achievement: 48 studies, some with missing moderators.

    Returns
    -------
    pandas.DataFrame
        48 rows. ``id``: number of the study. ``author``, ``year``: of the publication. ``grade``: 1 elementary school,
        2 middle school, 3 high school, 4 college. ``length``: of the treatment, weeks. ``minutes``: per assignment.
        ``wic`` (written in class), ``feedback``, ``info``, ``pers``, ``imag``, ``meta``: features of the assignment, 1
        yes, 0 no, NaN unknown. ``subject``: matter taught. ``ni``: persons. ``yi``: standardised mean difference.
        ``vi``: its sampling variance.

    References
    ----------
    Bangert-Drowns, R. L., Hurley, M. M., and Wilkinson, B. (2004). The effects of school-based writing-to-learn
    interventions on academic achievement: A meta-analysis. Review of Educational Research, 74(1), 29-58.
    https://doi.org/10.3102/00346543074001029

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.bangertdrowns2004()[["id", "grade", "length", "wic", "ni", "yi", "vi"]].head(3)
       id  grade  length  wic  ni    yi     vi
    0   1      4    15.0  1.0  60  0.65  0.070
    1   2      2    10.0  1.0  34 -0.75  0.126
    2   3      2     2.0  1.0  95 -0.21  0.042
    """
    return read("bangertdrowns2004")


def normand1999() -> pd.DataFrame:
    """Length of hospital stay after stroke, specialist against routine care: nine studies.

    Returns
    -------
    pandas.DataFrame
        9 rows. ``study``: number. ``source``: place. ``n1i``, ``m1i``, ``sd1i``: patients, mean stay and its standard
        deviation under specialist care, days. ``n2i``, ``m2i``, ``sd2i``: the same under routine care.

    References
    ----------
    Normand, S. T. (1999). Meta-analysis: Formulating, evaluating, combining, and reporting. Statistics in Medicine,
    18(3), 321-359. https://doi.org/10.1002/(sici)1097-0258(19990215)18:3<321::aid-sim28>3.0.co;2-p

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.normand1999().head(3)
       study              source  n1i  m1i  sd1i  n2i  m2i  sd2i
    0      1           Edinburgh  155   55    47  156   75    64
    1      2      Orpington-Mild   31   27     7   32   29     4
    2      3  Orpington-Moderate   75   64    17   71  119    29
    """
    return read("normand1999")


def viechtbauer2021() -> pd.DataFrame:
    """Twenty invented trials of a medicine, made to show outliers and model checks.

    Returns
    -------
    pandas.DataFrame
        20 rows. ``trial``: number. ``nTi``, ``nCi``: patients in the treatment and the control group. ``xTi``, ``xCi``:
        of these, patients in remission. ``dose``: in the treatment group, mg per day.

    References
    ----------
    Viechtbauer, W. (2021). Model checking in meta-analysis. In C. H. Schmid, T. Stijnen, and I. R. White (eds),
    Handbook of Meta-Analysis, pp. 219-254. CRC Press. https://doi.org/10.1201/9781315119403

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.viechtbauer2021().head(3)
       trial  nTi  nCi  xTi  xCi  dose
    0      1   66   59   42   24   100
    1      2   59   65   42   34   200
    2      3  253  257   96   32   250
    """
    return read("viechtbauer2021")


def obrien2003() -> pd.DataFrame:
    """Body mass index of mothers and pre-eclampsia: cases by interval of BMI in 13 studies.

    Returns
    -------
    pandas.DataFrame
        43 rows, two to five of each study. ``study``: number. ``author``, ``year``, ``ref``: publication and its number
        in the list of the review. ``ch``, ``dm``, ``mg``: whether women with chronic hypertension, diabetes mellitus or
        multiple gestation were excluded (yes, no). ``grp``: number of the interval. ``bmi_lb``, ``bmi_ub``: its bounds,
        kg/m2, NaN where it is open. ``bmi``: its midpoint, as the review defines it. ``cases``: women with
        pre-eclampsia. ``total``: women.

    References
    ----------
    O'Brien, T. E., Ray, J. G., and Chan, W.-S. (2003). Maternal body mass index and the risk of preeclampsia: A
    systematic overview. Epidemiology, 14(3), 368-374. https://doi.org/10.1097/00001648-200305000-00020

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.obrien2003()[["study", "bmi_lb", "bmi_ub", "bmi", "cases", "total"]].head(3)
       study  bmi_lb  bmi_ub   bmi  cases  total
    0      1    19.8    26.0  22.9     28    660
    1      1    29.0     NaN  29.1     68    683
    2      2     NaN    19.8  19.7     18    414
    """
    return read("obrien2003")


def bakdash2021() -> pd.DataFrame:
    """Situation awareness and task performance: 678 correlations from 79 studies, one to 64 rows a study.

    Returns
    -------
    pandas.DataFrame
        678 rows. ``Author``, ``Year``: of the paper. ``SA_measure_type``: measure of situation awareness.
        ``Sample_size``: persons reported. ``Sample_size_stats``: persons behind the statistic. ``es_z``: correlation
        after Fisher's z transformation. ``vi_z``: its sampling variance. ``SampleID``: identifies the study.
        ``Outcome``: number of the row. Titles and links of the papers are left out; dots in names
        became underscores.

    References
    ----------
    Bakdash, J. Z., Marusich, L. R., Cox, K. R., Geuss, M. N., Zaroukian, E. G., and Morris, K. M. (2021). The validity
    of situation awareness for performance: A meta-analysis. Theoretical Issues in Ergonomics Science.
    https://doi.org/10.1080/1463922X.2021.1921310. Data: https://doi.org/10.17605/OSF.IO/4K7ZV

    Examples
    --------
    >>> from limeform import datasets
    >>> datasets.bakdash2021()[["SA_measure_type", "Sample_size", "es_z", "vi_z", "Outcome"]].head(3)
      SA_measure_type  Sample_size      es_z      vi_z  Outcome
    0            SPAM           42  0.462353  0.025641        1
    1           SAGAT           42  0.149894  0.025641        2
    2            SPAM           12  0.377524  0.111111        3
    """
    return read("bakdash2021")
