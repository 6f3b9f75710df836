"""The model of the curve of smoking and lung cancer, for the data of ``lf.datasets.smoking_like``."""

FORMULA = (
    "log_rr ~ 0 + log_ratio(interval(alt_lo, alt_hi), ref, knots=[10, 30, 55], bounds=(0, 80), linear_right=True, "
    "name='smoking') + (0 + dose | study)"
)
