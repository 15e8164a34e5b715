"""Identities: which faces across a film are one person, by their embeddings alone.

Note [how identities are found]. Clear embeddings found identities: average-linkage clustering by
cosine, never across two that were seen in one frame, until no two clusters are alike enough. The
mean cosine between two clusters is the product of their mean embeddings, so that a round costs
one matrix product. In a round every two clusters merge that are each other's nearest; and first,
while there are any, all that hang together by likenesses no two strangers have.

Unclear embeddings liken strangers: they found nothing and bridge nothing. Once the identities
stand, each joins the one that it is clearly most like, if any.

One person taken for two costs a row in a list; two taken for one puts a stranger's face under a
name. Where it is doubtful, identities stay apart.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

# Mean cosine from which two clusters are one person, of the small embedder of models.toml. Between
# single looks at strangers it reaches .42, between those at one person it falls to .49 (see
# bench/identities.py), so small clusters need more than large ones, whose means spread less.
SAME_PERSON = 0.37
_FEW_MARGIN = 0.08  # more that two single embeddings need
_CERTAIN_MARGIN = 0.15  # more, and no two are strangers: what hangs together by it merges at once
# What an unclear embedding needs to join an identity: more likeness, and so much more than to
# the next one.
_JOINS_MARGIN, _BEFORE_NEXT = 0.05, 0.10
_ROWS = 1024  # of the likeness matrix that are held at once


def find_identities(
    embeddings: Vectors,
    clear: npt.NDArray[np.bool_],
    apart: Iterable[tuple[int, int]],
    same_person: float = SAME_PERSON,
) -> Labels:
    """For each embedding the number of its identity, int64 (n,); -1 for unclear ones of nobody.

    `embeddings` are float32 (n, d) of unit length; `clear` says which can be trusted; `apart` are
    pairs that were seen together and therefore are two people; `same_person` is the cosine from
    which means of an identity network are of one person. Identities are numbered by their first
    member. The same input gives the same answer; time grows with n^2: 2,000 take about
    a tenth of a second. See Note [how identities are found].
    """
    count = len(embeddings)
    labels = np.full(count, -1, dtype=np.int64)
    pairs = np.array(sorted({(min(p), max(p)) for p in apart}), dtype=np.int64).reshape(-1, 2)
    founders = np.flatnonzero(clear)
    if len(founders):
        position = np.full(count, -1, dtype=np.int64)
        position[founders] = np.arange(len(founders))
        inside = position[pairs]
        inside = inside[(inside >= 0).all(axis=1)]
        labels[founders] = _clusters(embeddings[founders], inside, same_person)
        _join(embeddings, labels, pairs, np.flatnonzero(~clear), same_person)
    return _numbered(labels)


def _clusters(embeddings: Vectors, apart: npt.NDArray[np.int64], same_person: float) -> Labels:
    """Average-linkage clusters as int64 (n,), numbered from 0 without gaps."""
    labels = np.arange(len(embeddings), dtype=np.int64)
    sums, sizes = embeddings.astype(np.float32), np.ones(len(embeddings), dtype=np.float32)
    while len(sums) > 1:
        nearest, likeness = _nearest(sums, sizes, labels[apart])
        worth = likeness - np.float32(same_person)
        target = _certain(nearest, worth, labels[apart])
        if target is None:
            target = _mutual(nearest, worth)
        if target is None:
            break
        new = np.unique(target, return_inverse=True)[1]
        sums, sizes = _summed(sums, new), np.bincount(new, sizes).astype(np.float32)
        labels = new[labels]
    return labels


def _summed(vectors: Vectors, groups: Labels) -> Vectors:
    """Sums of the vectors of each group; groups are numbered from 0 without gaps."""
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(int(groups.max()) + 1))
    return np.add.reduceat(vectors[order], starts, axis=0)


def _nearest(
    sums: Vectors, sizes: npt.NDArray[np.float32], apart: npt.NDArray[np.int64]
) -> tuple[Labels, npt.NDArray[np.float32]]:
    """For each cluster its nearest other, and their likeness less what small clusters need more."""
    # What it takes falls with the number of pairs that a mean cosine is taken over. As one more
    # axis of the vectors, it is subtracted by the matrix product itself.
    few = np.sqrt(np.float32(_FEW_MARGIN) / sizes)[:, None]
    means = sums / sizes[:, None]
    left, right = np.hstack([means, -few]), np.hstack([means, few])
    count = len(means)
    nearest, worth = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.float32)
    both = np.concatenate([apart, apart[:, ::-1]])
    for start in range(0, count, _ROWS):
        stop = min(start + _ROWS, count)
        likeness = left[start:stop] @ right.T
        rows = np.arange(stop - start)
        likeness[rows, rows + start] = -np.inf
        here = both[(both[:, 0] >= start) & (both[:, 0] < stop)]
        likeness[here[:, 0] - start, here[:, 1]] = -np.inf
        nearest[start:stop] = np.argmax(likeness, axis=1)
        worth[start:stop] = likeness[rows, nearest[start:stop]]
    return nearest, worth


def _mutual(nearest: Labels, worth: npt.NDArray[np.float32]) -> Labels | None:
    """For each cluster the one that it merges into (itself: none); None where nothing merges."""
    rows = np.arange(len(nearest))
    left = np.flatnonzero((nearest[nearest] == rows) & (rows < nearest) & (worth > 0.0))
    if len(left) == 0:
        best = int(np.argmax(worth))
        if worth[best] <= 0.0:
            return None
        left = np.array([best])  # rounding made a ring of equals: the best pair alone
    target = rows.copy()
    target[np.maximum(left, nearest[left])] = np.minimum(left, nearest[left])
    return target


def _certain(
    nearest: Labels, worth: npt.NDArray[np.float32], apart: npt.NDArray[np.int64]
) -> Labels | None:
    """As `_mutual`, but all at once that hang together by certain likenesses; None without any."""
    rows = np.arange(len(nearest))
    target = np.where(worth > np.float32(_CERTAIN_MARGIN), nearest, rows)
    # Chains of nearest neighbors end in two that point at each other: the first is the root.
    root = (target[target] == rows) & (rows < target)
    target[root] = rows[root]
    for _ in range(max(len(rows), 2).bit_length()):
        target = target[target]
    target = np.where(target[target] == target, target, rows)  # rounding made a ring of equals
    # Who was seen together does not merge, nor does what hangs together with both.
    clash = target[apart[:, 0]][target[apart[:, 0]] == target[apart[:, 1]]]
    target = np.where(np.isin(target, clash), rows, target)
    return target if bool((target != rows).any()) else None


def _join(
    embeddings: Vectors,
    labels: Labels,
    apart: npt.NDArray[np.int64],
    unclear: Labels,
    same_person: float,
) -> None:
    """Give each unclear embedding the identity that it is clearly most like, in place."""
    count = int(labels.max()) + 1
    if len(unclear) == 0 or count == 0:
        return
    founders = np.flatnonzero(labels >= 0)
    means = _summed(embeddings[founders], labels[founders])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), np.float32(1e-6))
    likeness = embeddings[unclear] @ means.T
    others: dict[int, list[int]] = {}
    for a, b in apart.tolist():
        others.setdefault(a, []).append(b)
        others.setdefault(b, []).append(a)
    # The surest first: what joins an identity keeps out others that were seen with it.
    for row in np.argsort(-likeness.max(axis=1), kind="stable").tolist():
        taken = {int(labels[other]) for other in others.get(int(unclear[row]), ())} - {-1}
        likeness[row, sorted(taken)] = -np.inf
        best = int(np.argmax(likeness[row]))
        top = float(likeness[row, best])
        likeness[row, best] = -np.inf
        second = float(likeness[row].max())
        if top >= same_person + _JOINS_MARGIN and top - second >= _BEFORE_NEXT:
            labels[unclear[row]] = best


def _numbered(labels: Labels) -> Labels:
    """The same grouping, numbered by each identity's first member."""
    there = labels >= 0
    _, first, inverse = np.unique(labels[there], return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.int64)
    order[np.argsort(first, kind="stable")] = np.arange(len(first))
    result = labels.copy()
    result[there] = order[inverse]
    return result
