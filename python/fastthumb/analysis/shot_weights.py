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
        "unmatched_over_before": (-0.031, 0.024, -0.100, -0.078, 0.412, 0.034, -0.009, -0.172),
        "unmatched_over_after": (0.023, 0.209, 0.168, -0.210, 0.172, 0.103, -0.012, -0.228),
        "unmatched_over_median": (-0.033, 0.433, 0.129, 0.112, -0.176, 0.118, -0.011, 0.172),
        "step_over_before": (-0.025, -0.253, -0.009, -0.048, 0.298, 0.011, 0.020, -0.004),
        "step_over_after": (0.007, -0.161, -0.066, -0.273, 0.300, 0.046, -0.058, -0.265),
        "step_over_median": (-0.016, -0.056, 0.085, 0.087, -0.267, 0.060, 0.023, 0.223),
        "log_apart": (-0.108, -0.250, -0.018, 0.041, -0.145, 0.055, -0.154, 0.163),
        "apart_over_within_before": (0.101, -0.118, -0.293, -0.070, 0.210, -0.203, 0.117, -0.117),
        "apart_over_within_after": (-0.046, 0.163, -0.069, -0.151, -0.011, 0.083, -0.097, -0.107),
        "apart_over_nearest_before": (0.126, 0.201, 0.131, 0.108, -0.050, -0.036, 0.113, -0.114),
        "apart_over_nearest_after": (0.175, -0.140, -0.085, -0.062, 0.194, -0.264, 0.230, -0.075),
        "comes_back": (0.423, -1.225, 1.987, 0.087, 0.518, -0.607, 0.440, -0.278),
        "comes_back_later": (0.418, -0.399, 1.239, 1.077, 1.259, -0.488, 0.373, -1.133),
        "log_unlike": (0.434, -0.553, 0.354, -0.352, -0.084, -0.368, 0.509, 0.271),
        "left": (0.063, -0.299, 0.024, -0.065, 0.166, -0.110, -0.021, -0.068),
        "left_over_motion": (-0.111, 0.193, -0.179, -0.145, 0.184, 0.071, -0.198, -0.103),
        "left_share": (-0.551, -0.702, 1.478, -1.176, 0.248, 0.824, -0.764, 1.354),
        "spread": (0.223, 3.531, -3.010, 1.833, -0.224, -0.081, 0.195, -1.365),
        "log_chroma": (0.056, -0.217, 0.242, 0.223, 0.044, -0.437, 0.248, 0.206),
        "log_unmatched": (0.074, 0.057, -0.537, -0.301, 0.079, 0.084, 0.017, -0.054),
    },
    hidden_bias=(-1.183, -0.980, -1.680, -0.560, -2.215, 1.317, -0.888, 0.589),
    out=(1.059, -2.177, -2.079, -1.311, 1.525, -1.284, 1.288, -1.401),
    bias=-2.562,
)

BLEND_NETWORK = Network(
    hidden={
        "log_distance": (-0.165, 0.306, -0.448, -0.326, 0.214, 0.094, 0.378, 0.048),
        "detour": (-0.864, 0.664, -0.936, -1.099, -0.592, -1.662, -0.350, 0.390),
        "surplus": (0.366, 0.114, 0.104, 0.721, 0.978, -0.057, 0.337, 0.960),
        "steepest": (-0.595, -1.304, -0.051, -1.484, -1.879, -2.024, -0.233, -2.041),
        "motion_before": (-0.690, 0.149, -0.200, -0.675, -2.090, 1.162, -0.496, 0.183),
        "motion_after": (-0.003, 0.072, -0.534, -0.262, 0.879, -1.701, 0.091, -0.866),
        "log_unlike": (0.589, 0.909, -0.528, -0.595, 0.272, 0.631, 0.023, 0.063),
        "share": (1.061, 0.726, -0.838, -0.740, 0.290, 0.357, 0.885, 0.665),
        "spread": (-0.747, -0.178, -0.059, -0.457, -1.062, -0.586, 1.757, 0.921),
        "bend": (-4.804, -0.323, 1.534, -1.529, 3.449, 3.393, -3.911, 2.440),
        "unsteady": (-0.369, -1.123, 0.057, 0.024, -0.711, -0.357, -0.265, 0.507),
        "log_length": (-0.317, -0.378, -0.326, 1.395, 0.126, 0.290, 0.146, 1.003),
        "log_unmatched": (0.537, 0.003, 0.122, -0.434, 0.200, 0.262, 0.210, 0.160),
        "log_unexplained": (0.052, -0.815, -0.650, 1.138, -0.167, -0.109, 0.742, 1.047),
        "log_relative": (-0.114, -0.126, 0.017, -0.342, -0.101, 0.019, 0.510, 0.145),
        "log_flatness": (-0.119, 0.223, -0.407, 0.134, 0.038, -0.236, -0.315, -0.344),
        "detail": (-0.234, -0.037, 0.247, 0.261, 0.072, 0.065, 0.785, -0.421),
    },
    hidden_bias=(2.664, -0.303, 4.745, 1.723, -1.848, -0.183, -0.449, -2.161),
    out=(1.301, 1.674, -1.239, 2.047, 1.706, 1.731, 1.022, 1.540),
    bias=-1.584,
)
