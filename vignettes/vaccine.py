# %% [markdown]
# # A meta-analysis: the BCG vaccine against tuberculosis
#
# Thirteen trials compared vaccinated with unvaccinated people (Colditz et al., 1994, JAMA 271, 698-702). The effect is
# the log relative risk; its sampling variance follows from the counts.

# %%
import numpy as np

import limeform as lf

bcg = lf.datasets.bcg()
treated, control = bcg["tpos"] + bcg["tneg"], bcg["cpos"] + bcg["cneg"]
bcg["log_rr"] = np.log(bcg["tpos"] / treated) - np.log(bcg["cpos"] / control)
bcg["variance"] = 1 / bcg["tpos"] - 1 / treated + 1 / bcg["cpos"] - 1 / control
bcg["trial"] = bcg["author"] + " " + bcg["year"].astype(str)

# %% [markdown]
# A random-effects meta-analysis is a mixed model with known variances and an intercept for each trial. The figures are
# those of metafor's `rma(yi, vi)`.

# %%
results = lf.lmm("log_rr ~ 1 + (1 | trial)", bcg, variance="variance").fit()
results.summary()

# %% [markdown]
# The forest plot has the trials, the mean as a diamond, and below it the interval in which the effect of a new trial is
# expected. That one holds 1: the vaccine helps on average, and may not in a new place.

# %%
ax = results.plot_forest(transform=np.exp, columns={"Vaccinated": bcg["tpos"], "Not": bcg["cpos"]}, weights=True)

# %% [markdown]
# In the funnel, most trials are outside of the contours, which are what sampling error alone would leave: the trials
# differ.

# %%
ax = results.plot_funnel()

# %% [markdown]
# Distance from the equator explains much of it. With a moderator the funnel shows residuals.

# %%
latitude = lf.lmm("log_rr ~ ablat + (1 | trial)", bcg, variance="variance").fit()
ax = latitude.plot_funnel()

# %%
lf.table(results, latitude, names=["mean", "by latitude"], beside="ci")

# %% [markdown]
# ## How sure are we?
#
# The bootstrap refits simulated data, and has an interval for the spread between trials too, which Wald's theory lacks.

# %%
bootstrap = results.bootstrap(1000, rng=1)
results.tidy(bootstrap=bootstrap)

# %% [markdown]
# Of so few trials a t quantile is the safer choice for the mean:

# %%
results.conf_int(df=len(bcg) - 1)

# %% [markdown]
# The mean, and the effect of a new trial, as relative risks:

# %%
interval = results.get_prediction(random="none").summary_frame().iloc[0]
np.exp(interval.drop("mean_se")).round(2)

# %% [markdown]
# ## Do two trials decide?
#
# Leaving out the two that fit worst is a check on the result, not a better result: which go, and what changes?

# %%
trimmed = lf.lmm("log_rr ~ 1 + (1 | trial)", bcg, variance="variance", trim=2 / 13).fit()
trimmed.outliers()

# %%
ax = trimmed.plot_forest(transform=np.exp)
