"""The fitted numbers of shot detection: three networks of eight hidden units.

Written by bench/fit_shots.py, which says what they were fitted on; the columns of a feature are
its weights to the hidden units. What the features mean is told beside FEATURES in shot_cuts.py,
shot_blends.py and shot_keyframes.py.
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
        "unmatched_over_before": (0.172, 0.162, 0.042, -0.076, 0.396, 0.298, -0.123, -0.147),
        "unmatched_over_after": (-0.630, 0.051, 0.081, 0.431, 0.081, -0.580, -0.097, -0.092),
        "unmatched_over_median": (-0.172, -0.238, 0.039, 0.051, 0.151, 0.320, 0.165, 0.186),
        "step_over_before": (0.281, 0.183, -0.029, -0.167, 0.514, 0.071, -0.018, -0.271),
        "step_over_after": (-0.262, -0.078, -0.054, 0.006, 0.171, -0.596, 0.014, -0.195),
        "step_over_median": (-0.106, -0.026, -0.148, -0.225, 0.128, 0.100, 0.028, 0.045),
        "log_apart": (-0.186, -0.048, 0.125, 0.105, 0.102, 0.542, -0.335, -0.268),
        "apart_over_within_before": (0.388, -0.111, 0.085, -0.188, 0.306, 0.077, 0.089, -0.306),
        "apart_over_within_after": (-0.129, -0.256, 0.017, 0.136, 0.177, -0.210, -0.048, -0.031),
        "apart_over_nearest_before": (-0.055, -0.079, -0.083, 0.160, -0.130, -0.123, 0.135, -0.109),
        "apart_over_nearest_after": (0.346, -0.375, -0.267, -0.359, -0.139, 0.430, 0.350, 0.155),
        "comes_back": (-0.058, -2.104, -0.508, -4.871, -1.098, 1.534, -1.509, 0.181),
        "comes_back_later": (1.229, -0.195, -1.995, -0.206, -0.737, -1.004, 2.790, 4.289),
        "log_unlike": (0.244, -0.400, 0.006, -0.536, -0.124, -0.260, 0.677, 0.129),
        "left": (0.009, -0.227, -0.274, 0.082, -0.087, -0.036, 0.221, -0.289),
        "left_over_motion": (0.120, 0.069, 0.078, 0.095, 0.089, -0.114, -0.403, 0.190),
        "left_share": (-0.285, -0.112, 0.955, -1.279, -0.908, -0.236, 0.081, 1.598),
        "spread": (0.752, -0.320, -1.226, 3.157, -1.131, 1.504, 1.842, -2.172),
        "log_chroma": (0.145, -0.401, -0.274, 0.031, 0.132, -0.431, -0.104, 0.247),
        "log_unmatched": (-0.004, -0.245, -0.227, 0.098, 0.284, 0.160, 0.380, -0.049),
    },
    hidden_bias=(-1.394, 6.969, 4.448, 1.458, 0.605, -2.951, -3.766, -2.670),
    out=(1.678, -1.469, -0.878, -2.239, 1.589, -2.010, 1.811, -2.164),
    bias=-0.502,
)

BLEND_NETWORK = Network(
    hidden={
        "log_distance": (0.225, 0.144, -0.525, -0.105, -0.915, -0.087, -0.039, 0.224),
        "detour": (0.669, 0.200, -0.125, 1.508, -0.276, -0.438, -0.115, -0.442),
        "surplus": (0.041, -0.785, -0.310, -0.280, -0.479, 0.253, -0.004, 0.277),
        "steepest": (0.948, 0.513, 0.530, 2.389, -1.426, -1.318, 1.316, -1.818),
        "motion_before": (0.248, -1.036, -0.012, 1.853, 0.253, -0.204, -0.191, -0.015),
        "motion_after": (0.085, 2.049, 0.050, -1.128, 0.126, -0.212, -0.195, -0.453),
        "comes_back": (0.379, 0.593, -1.915, -1.477, -1.803, 1.326, 3.178, 2.533),
        "log_unlike": (0.367, -0.306, -0.556, -0.563, -0.157, -0.565, -0.749, 0.278),
        "share": (1.972, -0.931, 1.497, 0.563, 0.217, 1.127, -2.075, -1.352),
        "spread": (-0.496, -0.398, 3.265, -0.752, -0.488, 0.213, -1.838, 0.627),
        "bend": (-10.674, -2.282, 1.606, -3.176, 0.779, 2.020, -0.536, 6.739),
        "unsteady": (0.011, 0.597, 0.599, 0.499, 0.170, 0.757, 0.821, -1.064),
        "log_length": (-0.455, -0.165, -0.093, -0.272, 0.237, 1.364, -0.414, 0.102),
        "log_unmatched": (0.059, 0.111, 0.429, -0.339, -0.351, -0.438, 0.173, 0.235),
        "log_unexplained": (0.346, -0.211, -0.711, 0.053, -0.988, 1.354, 0.269, -0.042),
        "log_relative": (-0.110, 0.132, 0.163, 0.023, -0.393, 0.070, 0.070, 0.103),
        "log_flatness": (0.203, -0.134, -0.253, -0.190, 0.630, -0.121, 0.148, -0.236),
        "detail": (-0.144, 0.168, -0.064, -0.231, 1.369, -0.297, -0.607, 1.041),
    },
    hidden_bias=(-0.720, 1.383, -0.377, 3.163, 2.310, -2.442, -0.560, -3.703),
    out=(1.448, -1.224, -1.445, -1.740, -1.494, 2.164, -1.551, 1.670),
    bias=-0.882,
)

KEYFRAME_NETWORK = Network(
    hidden={
        "log_distance": (-0.281, 0.256, 0.127, 0.281, -0.280, -0.280, 0.520, 0.482),
        "log_unlike": (-0.433, -0.451, -0.612, 0.433, -0.432, -0.433, 0.635, 0.121),
        "spread": (0.281, 3.421, 3.070, -0.281, 0.281, 0.281, 0.279, 2.011),
        "surge_over_key": (0.081, 0.275, 0.134, -0.081, 0.080, 0.081, 0.052, 0.086),
        "surge_over_usual": (-0.198, 0.555, 0.160, 0.198, -0.198, -0.198, 0.150, 0.278),
        "surge_over_beside": (0.015, 0.276, 0.029, -0.015, 0.015, 0.015, -0.085, -0.142),
        "ahead": (-0.540, 1.045, -0.015, 0.540, -0.540, -0.540, 0.280, 1.303),
        "distance_over_least": (-0.154, 0.204, 0.107, 0.154, -0.154, -0.154, 0.158, 0.252),
        "distance_over_most": (-0.095, -0.005, 0.034, 0.095, -0.095, -0.095, -0.020, 0.012),
        "log_relative": (0.058, 0.049, 0.306, -0.057, 0.057, 0.058, 0.128, 0.274),
        "log_frames": (-0.285, -0.126, 0.360, 0.286, -0.285, -0.285, 0.509, -0.365),
    },
    hidden_bias=(2.318, -2.972, -5.526, -2.324, 2.316, 2.318, -4.169, -1.725),
    out=(-0.804, 1.244, -1.242, 0.806, -0.804, -0.804, 1.156, 1.089),
    bias=-0.385,
)
