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
        "unmatched_over_before": (0.030, 0.146, -0.273, -0.255, 0.334, 0.007, 0.043, -0.112),
        "unmatched_over_after": (-0.081, 0.169, -0.104, -0.135, 0.255, 0.182, -0.437, 0.033),
        "unmatched_over_median": (0.069, 0.234, -0.028, -0.009, -0.136, 0.490, -0.204, 0.021),
        "step_over_before": (0.015, -0.046, -0.149, -0.072, 0.153, -0.281, 0.119, 0.066),
        "step_over_after": (-0.010, -0.067, -0.287, -0.246, 0.400, -0.215, 0.085, -0.098),
        "step_over_median": (0.060, -0.086, 0.041, 0.126, -0.107, -0.275, 0.162, 0.148),
        "log_apart": (-0.031, 0.119, 0.175, 0.032, -0.165, -0.035, 0.323, 0.057),
        "apart_over_within_before": (0.271, -0.380, -0.535, -0.102, 0.142, -0.059, 0.119, -0.121),
        "apart_over_within_after": (-0.144, 0.029, -0.013, -0.083, 0.232, 0.211, -0.159, -0.306),
        "apart_over_nearest_before": (0.014, -0.175, -0.020, 0.282, -0.011, 0.208, -0.419, -0.167),
        "apart_over_nearest_after": (0.319, -0.358, -0.170, -0.119, 0.002, -0.139, 0.169, -0.090),
        "comes_back": (-0.028, 0.180, -0.804, -0.120, -0.273, -1.090, -1.792, 1.623),
        "comes_back_later": (0.427, -0.306, -2.242, 1.068, 2.179, -0.565, -5.263, 0.333),
        "log_unlike": (0.389, -0.279, 0.256, -0.389, -0.182, -0.804, 0.484, 0.533),
        "left": (-0.192, -0.389, -0.038, 0.052, -0.061, -0.102, 0.318, 0.209),
        "left_over_motion": (-0.212, -0.203, -0.318, -0.056, 0.164, 0.238, -0.155, 0.121),
        "left_share": (-0.702, 1.287, -0.622, -1.676, -1.389, -0.718, -1.094, 1.104),
        "spread": (-0.460, -1.283, -0.982, 1.427, 0.720, 3.705, -1.307, -3.916),
        "log_chroma": (0.451, -0.405, 0.134, 0.295, -0.113, -0.303, -0.058, 0.270),
        "log_unmatched": (0.045, -0.019, -0.139, -0.397, 0.202, 0.127, 0.345, -0.545),
    },
    hidden_bias=(-1.149, 2.390, 4.483, -0.251, -0.865, -2.448, 7.245, -0.009),
    out=(1.244, -1.407, -1.703, -1.267, 1.573, -2.222, 2.168, -1.966),
    bias=-4.544,
)

BLEND_NETWORK = Network(
    hidden={
        "log_distance": (0.301, -0.019, -0.050, -0.426, -0.732, -0.111, -0.392, 0.465),
        "detour": (0.479, 2.013, -0.351, 0.425, -0.546, -0.764, 0.298, 0.741),
        "surplus": (0.203, -0.280, -0.072, -1.057, -0.149, 0.355, -0.982, -0.448),
        "steepest": (-0.311, 2.329, 0.828, 1.726, -1.021, -1.561, 1.232, -1.440),
        "motion_before": (-0.132, -0.464, -0.035, 2.104, 0.031, -0.301, 0.729, 0.770),
        "motion_after": (0.101, 1.471, -0.040, -0.875, -0.114, -0.310, 0.355, -0.029),
        "comes_back": (0.431, -2.976, -0.122, -1.146, -2.629, 1.137, -2.273, -2.650),
        "log_unlike": (0.955, -0.661, -0.342, -0.244, -0.005, -0.576, 0.080, 0.596),
        "share": (0.962, -0.213, 1.346, -0.099, 0.215, 0.258, -0.975, 0.975),
        "spread": (-0.994, 0.198, 2.481, 0.932, -2.661, 0.132, -0.843, 0.910),
        "bend": (-9.469, -4.764, 1.309, -3.224, 1.731, 0.060, -1.357, 4.108),
        "unsteady": (-0.196, 0.988, -0.065, 0.767, 0.575, -0.213, -0.691, -0.692),
        "log_length": (-0.465, -0.247, -0.172, -0.034, 0.201, 0.807, -1.034, -0.003),
        "log_unmatched": (0.124, -0.261, 0.318, -0.074, -0.557, -0.511, 0.604, 0.238),
        "log_unexplained": (0.235, 0.211, -1.167, -0.016, -1.019, 1.045, -0.392, -0.373),
        "log_relative": (-0.161, 0.338, 0.272, 0.050, -0.856, 0.013, -0.133, 0.095),
        "log_flatness": (-0.118, 0.330, -0.569, -0.045, 0.440, -0.094, 0.053, -0.002),
        "detail": (-0.343, 0.024, 0.008, -0.071, -0.310, 0.309, 0.208, 0.057),
    },
    hidden_bias=(1.620, 2.679, -1.861, 3.512, 3.646, 0.086, 5.881, -1.384),
    out=(1.750, -2.071, -1.177, -1.665, -1.770, 1.415, -1.616, 1.486),
    bias=-1.111,
)
