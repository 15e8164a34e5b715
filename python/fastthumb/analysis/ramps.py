"""The ramp: how a measurement becomes a share without a jump."""


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight in between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)
