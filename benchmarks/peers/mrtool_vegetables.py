"""Fits vegetables and heart disease with mrtool 0.2.2; prints what tests/papers/mrtool_vegetables.json holds.

Usage: python mrtool_vegetables.py ihme.veg_ihd.csv, in the environment of the peers.

Log-ratio of averages over the alternative and the reference range, decreasing, without trimming. The random effect is a
slope on the difference of the ranges' middles, so that both packages have the same random part.
"""

import json
import sys

import numpy as np
import pandas as pd
from mrtool import MRBRT, LinearCovModel, LogCovModel, MRData

data = pd.read_csv(sys.argv[1])
low, high = ["ref_risk_lower", "alt_risk_lower"], ["ref_risk_upper", "alt_risk_upper"]
upper = float(data[high].to_numpy().max())
delta = (data[low[1]] + data[high[1]] - data[low[0]] - data[high[0]]).to_numpy() / 200
columns = {name: data[name].to_numpy(dtype=float) for name in low + high}
records = MRData(
    obs=data["ln_rr"].to_numpy(),
    obs_se=data["ln_rr_se"].to_numpy(),
    covs=columns | {"delta": delta},
    study_id=data["study_id"].to_numpy(),
)
knots = np.array([0.0, 100.0, 200.0, 350.0, upper])
curve = LogCovModel(
    alt_cov=[low[1], high[1]],
    ref_cov=[low[0], high[0]],
    use_re=False,
    use_spline=True,
    spline_knots=knots / upper,
    spline_knots_type="domain",
    spline_degree=3,
    prior_spline_monotonicity="decreasing",
)
slope = LinearCovModel("delta", use_re=True, prior_beta_uniform=np.zeros(2))
model = MRBRT(records, cov_models=[curve, slope])
model.fit_model()
beta = np.concatenate([[0.0], model.beta_soln[:-1]]) + 1.0 if curve.use_spline_intercept is False else model.beta_soln
spline = curve.create_spline(records)
grid = np.array([0.0, 50, 100, 200, 300, 400, 500])
design = spline.design_mat(grid)
shape = design[:, 1:] @ model.beta_soln[: design.shape[1] - 1] + 1.0
print(
    json.dumps(
        {
            "mrtool": "0.2.2",
            "at": grid.tolist(),
            "curve": shape.tolist(),
            "gamma": model.gamma_soln.tolist(),
            "upper": upper,
            "objective": float(model.lt.objective(np.concatenate([model.lt.beta, model.lt.gamma]))),
        },
        indent=1,
    )
)
