"""The fitted numbers of shot detection."""
from __future__ import annotations
from collections.abc import Sequence
from dataclasses import dataclass

@dataclass(frozen=True)
class Logistic:
    bias: float
    weights: dict[str, float]
    def score(self, features: Sequence[float]) -> float:
        return self.bias + sum(w * f for w, f in zip(self.weights.values(), features, strict=True))
CUT_WEIGHTS = Logistic(0, {})
BLEND_WEIGHTS = Logistic(0, {})
