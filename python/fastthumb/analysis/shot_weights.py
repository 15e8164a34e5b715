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
        "unmatched_over_before": (-0.015, 0.248, -0.116, -0.051, 0.156, -0.156, 0.132, -0.184),
        "unmatched_over_after": (0.217, -0.149, 0.078, 0.150, -0.006, 0.315, -0.191, -0.047),
        "unmatched_over_median": (-0.155, 0.236, -0.183, 0.442, 0.187, 0.209, 0.002, -0.060),
        "step_over_before": (0.087, 0.201, 0.111, -0.187, 0.011, -0.228, 0.119, -0.027),
        "step_over_after": (0.416, -0.130, 0.101, -0.214, 0.126, -0.105, -0.079, -0.187),
        "step_over_median": (-0.029, 0.054, 0.060, -0.082, -0.111, -0.180, 0.088, 0.196),
        "log_apart": (-0.256, 0.097, 0.229, 0.112, -0.320, -0.426, -0.089, 0.023),
        "apart_over_within_before": (0.106, -0.048, -0.157, 0.016, 0.429, -0.130, 0.328, -0.249),
        "apart_over_within_after": (0.330, -0.206, 0.053, 0.117, 0.115, 0.206, -0.191, -0.276),
        "apart_over_nearest_before": (-0.166, -0.062, 0.152, 0.206, 0.153, 0.448, 0.154, -0.168),
        "apart_over_nearest_after": (-0.218, -0.004, -0.591, -0.186, 0.090, -0.052, 0.360, 0.131),
        "comes_back": (0.319, 1.093, 0.041, -0.879, 1.491, 1.594, 0.183, 1.427),
        "comes_back_later": (1.243, -0.769, -1.461, -1.437, 3.008, 5.896, 1.169, 0.146),
        "log_unlike": (-0.058, -0.495, -0.536, -0.689, -0.345, -0.296, 0.395, 0.505),
        "left": (0.102, -0.058, 0.027, -0.265, -0.382, -0.450, -0.204, 0.193),
        "left_over_motion": (0.555, -0.191, 0.186, 0.228, 0.212, 0.253, -0.097, 0.080),
        "left_share": (0.597, 0.332, 0.434, -0.946, 1.010, 0.603, -0.646, 1.440),
        "spread": (-1.026, -0.037, -0.415, 3.033, 0.965, 1.140, -0.280, -3.862),
        "log_chroma": (0.173, -0.389, -0.055, -0.483, -0.099, 0.089, 0.391, 0.368),
        "log_unmatched": (0.030, -0.090, -0.260, 0.175, 0.110, -0.406, -0.297, -0.604),
    },
    hidden_bias=(-1.702, 0.395, 2.009, -1.207, -4.382, -6.004, -1.608, 0.193),
    out=(1.486, -1.294, -1.509, -1.836, 1.654, -2.536, 1.462, -2.313),
    bias=-2.115,
)

BLEND_NETWORK = Network(
    hidden={
        "log_distance": (0.366, 0.161, -0.143, -0.552, -0.712, 0.082, -0.123, -0.240),
        "detour": (-0.191, 2.887, -0.649, -0.404, -0.068, -0.475, 0.019, 0.267),
        "surplus": (1.216, -0.215, -0.057, 0.097, -0.316, 0.791, -0.431, 0.079),
        "steepest": (-1.283, 2.076, 0.706, 1.705, -1.255, -1.559, 1.349, 1.278),
        "motion_before": (-2.039, -0.501, -0.106, 0.175, 0.166, -0.489, 0.198, -1.315),
        "motion_after": (0.741, 1.698, -0.204, -0.481, -0.137, -0.430, 0.157, 1.348),
        "comes_back": (0.364, -1.772, 0.148, -3.209, -3.840, 2.080, 1.444, 1.534),
        "log_unlike": (0.532, -0.455, -0.414, -0.854, -0.142, -0.397, 0.216, -0.516),
        "share": (-1.812, -0.824, 1.531, -1.281, -0.404, 0.814, -0.842, -0.412),
        "spread": (-0.892, 0.709, 2.634, 0.041, -3.406, -0.302, -2.157, -1.133),
        "bend": (-1.993, -3.556, 1.749, -1.363, 1.912, 1.616, 0.750, -2.458),
        "unsteady": (-0.875, 0.635, -0.059, 0.714, -0.170, 0.729, 0.658, 0.530),
        "log_length": (-0.479, -0.060, -0.081, -0.520, 0.118, 1.129, -0.422, -0.120),
        "log_unmatched": (0.254, -0.096, 0.387, -0.242, -0.538, -0.640, 0.545, -0.073),
        "log_unexplained": (0.116, 0.101, -1.442, 0.147, -0.950, 1.387, 0.559, 0.074),
        "log_relative": (-0.018, 0.363, 0.138, 0.184, -0.871, 0.028, -0.318, 0.021),
        "log_flatness": (-0.153, 0.284, -0.484, -0.017, 0.298, -0.132, 0.032, 0.112),
        "detail": (0.164, 0.021, 0.259, -0.247, -0.337, -0.356, -0.672, -0.019),
    },
    hidden_bias=(2.561, 0.331, -2.329, 7.685, 6.511, -2.680, 0.289, 0.697),
    out=(1.764, -1.637, -1.371, -1.759, -1.800, 1.852, -1.183, -1.385),
    bias=-1.525,
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
