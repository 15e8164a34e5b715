"""Assignment: which of two groups belong together, one to one, so that the sum is greatest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def assign(scores: Matrix) -> list[tuple[int, int]]:
    """Pairs (row, column) with a score above 0 whose sum is the greatest possible, rows ascending.

    No row and no column is used twice; what has no partner above 0 stays alone. `scores` is
    float64 (rows, columns), finite. The Hungarian method with shortest augmenting paths
    (Jonker and Volgenant 1987), O(n^2 m); ties go to the first column.
    """
    rows, columns = scores.shape
    if rows == 0 or columns == 0:
        return []
    if rows > columns:
        return sorted((row, column) for column, row in assign(np.ascontiguousarray(scores.T)))
    # A pair without worth costs as much as no pair: it is made, and left out at the end.
    cost = -np.maximum(scores, 0.0)
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)  # row that holds a column
    for row in range(rows):
        nearest, via = np.full(columns, np.inf), np.full(columns, -1)
        reached = np.zeros(columns, dtype=np.bool_)
        at, last = row, -1
        while True:
            slack = cost[at] - row_price[at] - column_price
            closer = ~reached & (slack < nearest)
            nearest[closer], via[closer] = slack[closer], last
            column = int(np.argmin(np.where(reached, np.inf, nearest)))
            step = float(nearest[column])
            held = owner[reached]
            row_price[row] += step
            row_price[held] += step
            column_price[reached] -= step
            nearest[~reached] -= step
            reached[column] = True
            last, at = column, int(owner[column])
            if at < 0:
                break
        while last >= 0:  # every column on the path goes to the row of the one before it
            before = int(via[last])
            owner[last] = row if before < 0 else owner[before]
            last = before
    pairs = [(int(row), column) for column, row in enumerate(owner) if row >= 0]
    return sorted(pair for pair in pairs if scores[pair] > 0.0)
