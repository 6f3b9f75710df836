# %% [markdown]
# # A dose-response curve: smoking and lung cancer, simulated
#
# Studies report relative risks of lung cancer for ranges of pack-years against never-smokers. Some of the numbers are
# wrong, studies differ, and few have heavy smokers. What is the curve?
#
# The data are simulated in the shape of a real set (Zheng et al., 2021), so that the answer can be compared with the
# truth: a tenth of the rows is wrong by a factor of 3 to 7.

# %%
import numpy as np

import limeform as lf

data = lf.datasets.smoking_like(rng=0)
data.head()

# %% [markdown]
# A row is the logarithm of the average of f over its range, less ln f(0): `log_ratio` says so in a formula. The curve f
# is a cubic spline with knots at 10, 30 and 55 pack-years, linear after the last. Each study may lie above or below it,
# by a slope of its own over the dose.
#
# Three things are known before any data: f(0) is 1, risk rises with smoking, and does so ever more slowly. A prior on
# the third derivative keeps the curve smooth where there are few rows. The worst tenth of the rows is left out.

# %%
formula = (
    "log_rr ~ 0 + log_ratio(interval(alt_lo, alt_hi), ref, knots=[10, 30, 55], bounds=(0, 80), linear_right=True, "
    "name='smoking') + (0 + dose | study)"
)
model = lf.lmm(
    formula,
    data,
    se="se",
    trim=0.1,
    constraints=[lf.passes("smoking", at=0, value=1), lf.increasing("smoking"), lf.concave("smoking")],
    priors=[lf.normal("smoking", mean=0, sd=0.1, derivative=3)],
)
results = model.fit()
results.summary()

# %% [markdown]
# Where a constraint is active no standard error means anything, so bands come from refits of simulated data, each of
# which obeys the constraints too. In the picture a row stands where the curve would have to be for the row to be met;
# crosses were trimmed. The studies' slopes need the dose, which is the exposure itself. The dashed line is the truth.

# %%
at = np.linspace(0, 80, 161)
ax = results.plot_curve("smoking", at, random={"dose": at}, draws=200, rng=1)
_ = ax.plot(at, lf.datasets.smoking_risk(at), color="black", linestyle="--")

# %% [markdown]
# All rows that were trimmed are wrong ones:

# %%
trimmed = ~results.inliers
data.assign(trimmed=trimmed).groupby(["wrong", "trimmed"]).size()

# %% [markdown]
# Were the wrong rows kept, the between-study spread would grow to swallow them:

# %%
untrimmed = lf.lmm(
    formula,
    data,
    se="se",
    constraints=[lf.passes("smoking", at=0, value=1), lf.increasing("smoking"), lf.concave("smoking")],
    priors=[lf.normal("smoking", mean=0, sd=0.1, derivative=3)],
).fit()
lf.table(results, untrimmed, names=["a tenth trimmed", "all rows"])

# %% [markdown]
# ## Do the knots matter?
#
# Thirty random placements, each fit weighted by its AIC, give one averaged curve. Its band is from a hundred refits of
# the members, each within the constraints; `knots_lower` and `knots_upper` are how far the placement alone moves it.

# %%
ensemble = lf.knot_ensemble(model, draws=30, rng=1)
where = [10, 20, 40, 60, 80]
table = ensemble.curve(where, random={"dose": where}, draws=100, rng=1).round(2)
table["one placement"] = results.curve("smoking", where)["fit"].round(2)
table["truth"] = lf.datasets.smoking_risk(where).round(2)
table[["at", "one placement", "fit", "mean_lower", "mean_upper", "knots_lower", "knots_upper", "truth"]]
