# %% [markdown]
# # Reaction times after nights of little sleep
#
# Eighteen people slept three hours a night and did a reaction test each morning (Belenky et al., 2003). How much slower
# does one more such night make a person, and how far do people differ?

# %%
import limeform as lf

data = lf.datasets.sleepstudy()
data.head()

# %% [markdown]
# Each person has their own level and their own slope over days; the two may be correlated.

# %%
results = lf.lmm("Reaction ~ Days + (Days | Subject)", data).fit()
results.summary()
