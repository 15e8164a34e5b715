"""The fitted numbers of shot detection: three networks of eight hidden units.

Written by bench/fit_shots.py, which says what they were fitted on; the columns of a feature are
its weights to the hidden units. What the features mean is told beside FEATURES in shot_cuts.py,
shot_blends.py and shot_packets.py.
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
        "unmatched_over_before": (0.078, -0.039, 0.188, 0.116, 0.115, 0.194, 0.128, -0.454),
        "unmatched_over_after": (-0.132, 0.355, 0.134, 0.104, 0.102, -0.514, -0.501, -0.268),
        "unmatched_over_median": (-0.174, 0.034, -0.151, -0.314, -0.032, 0.181, -0.280, -0.072),
        "step_over_before": (0.221, -0.139, 0.015, 0.179, 0.179, 0.101, 0.251, -0.539),
        "step_over_after": (0.110, 0.092, 0.035, 0.013, 0.092, -0.551, -0.178, -0.275),
        "step_over_median": (0.040, -0.006, -0.248, -0.095, -0.110, -0.035, -0.157, 0.100),
        "log_apart": (0.353, 0.091, 0.295, -0.142, 0.057, 0.433, -0.236, 0.071),
        "apart_over_within_before": (0.327, -0.211, 0.019, -0.196, 0.274, 0.174, 0.265, -0.214),
        "apart_over_within_after": (-0.088, 0.165, 0.123, -0.159, 0.020, -0.263, -0.101, -0.100),
        "apart_over_nearest_before": (-0.102, 0.066, -0.124, -0.070, 0.081, 0.011, 0.078, 0.078),
        "apart_over_nearest_after": (-0.278, -0.457, -0.311, -0.520, 0.002, 0.282, 0.221, 0.105),
        "comes_back": (-2.096, -4.227, 0.574, -1.629, -1.036, 0.737, -0.271, 0.583),
        "comes_back_later": (-3.839, -0.646, -3.143, -0.713, -2.714, -0.956, 1.233, -0.059),
        "log_unlike": (0.315, -0.494, -0.592, -0.258, -0.220, -0.003, 0.152, 0.112),
        "left": (0.657, 0.227, -0.310, -0.170, 0.009, -0.232, 0.104, 0.204),
        "left_over_motion": (-0.338, 0.002, 0.443, 0.216, -0.005, -0.228, 0.185, -0.209),
        "left_share": (-0.581, -1.005, 0.756, -0.136, -1.541, 0.515, -0.504, 1.307),
        "spread": (-0.166, 3.173, -1.046, -0.045, 2.283, 1.458, 0.614, 0.935),
        "log_chroma": (-0.057, -0.007, 0.023, -0.256, -0.128, -0.307, 0.202, -0.278),
        "log_unmatched": (-0.140, 0.059, -0.356, -0.343, 0.120, 0.210, -0.056, -0.330),
    },
    hidden_bias=(4.877, 0.918, 3.976, 7.567, 2.708, -1.318, -0.635, -0.479),
    out=(1.890, -2.031, -1.811, -1.556, 1.384, -1.807, 1.448, -1.792),
    bias=-0.782,
)

BLEND_NETWORK = Network(
    hidden={
        "log_distance": (-0.022, 0.152, -0.308, 0.087, -0.535, 0.026, -0.331, 0.340),
        "detour": (0.410, 1.084, 0.594, 1.247, -0.301, -0.410, -1.576, -0.023),
        "surplus": (0.082, -0.953, -0.257, -0.618, -0.183, 0.365, 0.007, 0.044),
        "steepest": (0.801, 1.757, 1.003, 2.321, -1.505, -1.294, -0.640, -1.515),
        "motion_before": (0.125, -0.583, -0.080, 2.004, -0.017, -0.174, -0.512, 0.312),
        "motion_after": (-0.087, 1.796, 0.044, -0.949, 0.029, -0.334, -0.331, 0.137),
        "comes_back": (1.196, -2.141, -2.318, -1.587, -0.953, 1.533, 1.181, -3.627),
        "log_unlike": (0.200, -0.350, -0.533, -0.418, -0.773, -0.508, 0.238, 0.743),
        "share": (2.453, -0.571, 0.780, 1.177, -0.511, 1.097, 0.567, 2.315),
        "spread": (0.468, -0.765, 2.997, -0.599, -1.062, 0.267, -0.015, 0.620),
        "bend": (-11.594, -3.549, -0.581, -4.069, -2.230, 2.326, 7.168, 1.885),
        "unsteady": (0.081, 0.786, 0.569, 0.634, 0.573, 0.821, -0.475, -0.582),
        "log_length": (-0.548, -0.250, -0.244, -0.173, 0.683, 1.284, -0.211, 0.249),
        "log_unmatched": (-0.210, -0.053, 0.553, -0.215, -0.632, -0.398, 0.030, -0.052),
        "log_unexplained": (0.402, 0.195, -1.137, 0.038, -0.701, 1.299, -0.177, -0.596),
        "log_relative": (0.035, 0.133, 0.127, 0.016, -0.170, 0.105, -0.164, -0.140),
        "log_flatness": (0.241, -0.033, 0.114, -0.093, 0.036, -0.078, 0.485, 0.216),
        "detail": (-0.008, -0.403, -0.302, -0.482, 0.081, -0.088, 2.641, 0.749),
    },
    hidden_bias=(-0.926, 3.729, -1.240, 1.590, 2.628, -3.337, -1.003, -1.326),
    out=(1.446, -1.777, -1.482, -1.785, -1.574, 2.037, -1.387, 1.600),
    bias=-1.151,
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
