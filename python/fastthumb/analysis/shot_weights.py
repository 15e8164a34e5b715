"""The fitted numbers of shot detection: two networks of eight hidden units.

Written by bench/fit_shots.py, which says what they were fitted on; the columns of a feature are
its weights to the hidden units. What the features mean is told beside FEATURES in shot_cuts.py
and shot_blends.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastthumb.analysis.shot_ticks import DoubleArray


class Network:
    """Log odds that a candidate is an edit: bias + out . tanh(hidden_bias + features . hidden)."""

    def __init__(
        self,
        *,
        hidden: dict[str, tuple[float, ...]],
        hidden_bias: tuple[float, ...],
        out: tuple[float, ...],
        bias: float,
    ) -> None:
        self.features = tuple(hidden)
        self._hidden: DoubleArray = np.array(list(hidden.values()))
        self._hidden_bias, self._out, self._bias = np.array(hidden_bias), np.array(out), bias

    def score(self, features: Sequence[float]) -> float:
        """Above 0: rather an edit than not. `features` in the order of `self.features`."""
        hidden = np.tanh(self._hidden_bias + np.asarray(features) @ self._hidden)
        return float(hidden @ self._out) + self._bias


CUT_NETWORK = Network(
    hidden={
        "unmatched_over_before": (-0.657, 0.108, -0.048, -0.075, 0.084, 0.052, -0.068, 0.020),
        "unmatched_over_after": (-0.201, -0.051, 0.145, 0.059, 0.036, -0.034, -0.180, 0.044),
        "unmatched_over_median": (0.003, 0.043, 0.362, 0.415, -0.096, 0.283, -0.051, 0.031),
        "step_over_before": (-0.421, 0.095, -0.186, -0.116, -0.068, -0.135, -0.009, 0.037),
        "step_over_after": (-0.265, -0.009, -0.131, -0.186, 0.130, -0.153, -0.085, 0.069),
        "step_over_median": (0.057, 0.007, 0.056, 0.098, -0.195, -0.137, 0.039, 0.069),
        "log_apart": (0.114, 0.117, -0.138, 0.146, -0.060, -0.098, -0.008, 0.056),
        "apart_over_within_before": (-0.128, -0.136, -0.165, -0.252, 0.228, 0.047, -0.034, -0.248),
        "apart_over_within_after": (-0.041, 0.020, 0.093, 0.053, 0.186, 0.110, -0.018, 0.109),
        "apart_over_nearest_before": (0.096, -0.109, 0.239, 0.016, 0.084, -0.049, -0.109, -0.041),
        "apart_over_nearest_after": (-0.154, -0.156, -0.050, -0.247, 0.080, -0.197, -0.080, -0.319),
        "comes_back": (0.320, -0.723, -1.062, -0.481, -0.743, -2.045, -0.570, -1.192),
        "log_unlike": (0.078, -0.419, -0.560, 0.006, -0.524, -0.502, -0.402, -0.302),
        "left": (0.048, 0.054, -0.223, -0.376, -0.225, -0.214, -0.048, -0.066),
        "left_over_motion": (-0.134, 0.040, 0.016, -0.112, 0.105, 0.387, 0.004, 0.068),
        "left_share": (-0.029, 0.474, -0.832, 0.648, -1.353, -0.898, 0.314, 0.875),
        "spread": (-0.033, -0.473, 3.103, -1.037, 3.791, 2.958, -0.235, -0.145),
        "log_chroma": (0.026, -0.213, -0.276, 0.080, -0.357, 0.097, 0.149, -0.468),
        "log_unmatched": (-0.312, -0.040, 0.059, -0.010, 0.494, 0.066, -0.246, 0.090),
    },
    hidden_bias=(1.182, 1.008, -1.483, 1.087, -0.499, -0.369, 2.589, 1.862),
    out=(-1.649, -1.053, -1.713, -1.310, 1.984, -1.931, -0.942, -1.366),
    bias=-2.597,
)

BLEND_NETWORK = Network(
    hidden={
        "log_distance": (-0.134, 0.697, 0.003, -0.302, 0.173, 0.326, 0.151, -0.487),
        "detour": (-0.116, 0.132, -0.827, -0.574, -1.457, -0.973, -0.853, 0.597),
        "surplus": (1.483, 0.318, 0.178, 0.487, 0.163, -0.182, 0.191, 0.120),
        "steepest": (-1.743, -0.984, -0.298, -1.541, -1.482, -1.871, -0.419, -0.293),
        "motion_before": (-0.978, -0.256, -0.256, -0.340, -2.237, 1.627, -0.325, -0.032),
        "motion_after": (-0.468, 0.011, -0.482, -0.253, 1.666, -1.777, -0.141, 0.312),
        "log_unlike": (0.336, 0.674, -0.606, -0.539, 0.041, 0.598, 0.020, 0.292),
        "share": (0.118, 1.017, -1.492, 1.045, 0.634, 1.153, 2.367, -1.808),
        "spread": (-1.116, 0.703, 0.782, 0.294, -0.646, -0.130, 2.182, -2.615),
        "bend": (-1.167, 4.500, 11.331, -0.907, 4.316, 4.538, -5.115, -1.069),
        "unsteady": (-0.775, -0.819, -0.065, 1.279, -0.686, -0.365, -0.714, 0.296),
        "log_length": (0.157, 0.030, 0.599, 1.518, -0.163, 0.251, 0.239, 0.462),
        "log_unmatched": (0.795, -0.232, -0.126, -0.250, 0.112, 0.357, 0.042, -0.254),
        "log_unexplained": (-0.027, -0.181, -0.288, 0.996, -0.315, -0.202, 0.984, 0.836),
        "log_relative": (-0.043, 0.009, 0.057, 0.006, -0.074, -0.175, 0.437, -0.494),
        "log_flatness": (0.005, 0.182, -0.089, 0.065, -0.096, -0.383, -0.164, 0.157),
        "detail": (0.154, -0.579, 0.853, -0.132, 0.297, 0.195, 0.758, -0.011),
    },
    hidden_bias=(0.571, -4.959, -1.861, -1.213, -1.165, -2.192, -1.136, 5.155),
    out=(1.376, 1.583, -1.562, 2.457, 1.677, 2.091, 1.235, 1.567),
    bias=-0.776,
)
