"""A quadratic program solved by Lawson and Hanson's least distance programming: nothing of limeform in it."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import null_space
from scipy.optimize import nnls

FloatArray = NDArray[np.float64]


def least_squares_within(
    w: FloatArray, d: FloatArray, g: FloatArray, h: FloatArray, e: FloatArray | None = None, f: FloatArray | None = None
) -> FloatArray:
    """Minimise |W b - d|² subject to G b >= h and E b = f.

    Lawson & Hanson (1974), Solving Least Squares Problems, chapter 23: equations are eliminated by a null space, the
    rest becomes min |z| with G' z >= h', whose solution is read off a nonnegative least-squares problem.
    """
    p = w.shape[1]
    origin, basis = np.zeros(p), np.eye(p)
    if e is not None and len(e):
        origin, basis = np.linalg.lstsq(e, f)[0], null_space(e)
    w, d, g, h = w @ basis, d - w @ origin, g @ basis, h - g @ origin
    q, r = np.linalg.qr(w)
    z0 = q.T @ d
    g2 = np.linalg.solve(r.T, g.T).T
    h2 = h - g2 @ z0
    if not len(g):
        return origin + basis @ np.linalg.solve(r, z0)
    scale = max(1.0, float(np.abs(h2).max()))
    stacked = np.vstack([g2.T, h2[None] / scale])
    target = np.append(np.zeros(g2.shape[1]), 1.0)
    u, _ = nnls(stacked, target, maxiter=10_000)
    residual = stacked @ u - target
    z = -residual[:-1] / residual[-1] * scale
    return origin + basis @ np.linalg.solve(r, z0 + z)
