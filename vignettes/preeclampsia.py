# %% [markdown]
# # Published categories: body mass index and pre-eclampsia
#
# Thirteen cohorts counted women with pre-eclampsia by category of body mass index (BMI) before pregnancy (O'Brien, Ray
# and Chan, 2003, Epidemiology 14, 368-374). Each study cut BMI differently, and the lowest and highest categories are
# open. A midpoint would pretend to know where in a category the women were; here a row compares the average risk over
# one interval with the average over another.

# %%
import numpy as np

import limeform as lf

counts = lf.datasets.obrien2003()
counts.head()

# %% [markdown]
# Open categories need an end: 15 below and 40 above for now. Each category is compared with the study's reference, the
# one that holds a BMI of 22 or is nearest to it.


# %%
def comparisons(counts, lowest=15.0, highest=40.0):
    """Return log odds ratios of categories against the reference of their study."""
    closed = counts.assign(low=counts["bmi_lb"].fillna(lowest), high=counts["bmi_ub"].fillna(highest))
    closed["away"] = np.maximum(np.maximum(closed["low"] - 22, 22 - closed["high"]), 0)
    reference = closed.sort_values("away").groupby("study").head(1).set_index("study")
    data = closed.join(reference[["low", "high", "bmi", "cases", "total"]].add_prefix("ref_"), on="study")
    data = data[data["low"] != data["ref_low"]].copy()
    others, ref_others = data["total"] - data["cases"], data["ref_total"] - data["ref_cases"]
    data["log_or"] = np.log(data["cases"] / others) - np.log(data["ref_cases"] / ref_others)
    data["se"] = np.sqrt(1 / data["cases"] + 1 / others + 1 / data["ref_cases"] + 1 / ref_others)
    data["delta"] = data["bmi"] - data["ref_bmi"]
    return data


data = comparisons(counts)
data[["author", "low", "high", "ref_low", "ref_high", "log_or", "se"]].head()

# %% [markdown]
# The curve is set to 1 at a BMI of 20 and may only rise; each study has a slope of its own on top of it. Two things are
# taken lightly here, and a paper would say so: rows of a study share their reference group, so their errors are
# correlated, and a category is averaged as if BMI were spread evenly over it.

# %%
formula = (
    "log_or ~ 0 + log_ratio(interval(low, high), interval(ref_low, ref_high), knots=2, degree=2, name='bmi') "
    "+ (0 + delta | study)"
)
shape = [lf.passes("bmi", at=20, value=1), lf.increasing("bmi")]
results = lf.lmm(formula, data, se="se", constraints=shape).fit()
results.summary()

# %% [markdown]
# Horizontal lines are the categories; thin lines join a category to its reference. The inner band is that of the mean,
# the outer one that of a new study, whose slope over BMI differs from the mean's. It is wide: the studies disagree.

# %%
at = np.linspace(15, 40, 101)
ax = results.plot_curve("bmi", at, random={"delta": at - 20}, transform=np.log, draws=200, rng=1)
ax.set_xlabel("Body mass index (kg/m²)")
_ = ax.set_ylabel("Log odds ratio against 20 kg/m²")

# %% [markdown]
# From a BMI of 20 to one of 30 the odds about double; above, the data are few, and the curve depends on where the open
# categories are taken to end:

# %%
where = [20, 25, 30, 35]
table = results.curve("bmi", where, draws=200, rng=1)[["at", "fit", "mean_lower", "mean_upper"]]
further = lf.lmm(formula, comparisons(counts, highest=45.0), se="se", constraints=shape).fit()
table["fit, if open categories end at 45"] = further.curve("bmi", where)["fit"]
table.round(2)
