"""Predictions by models that did not see the rows, averaged over several ways to deal the folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from steelyard.data.suspicion.arrays import Floats32, Places
from steelyard.data.suspicion.out_of_fold import FoldSettings
from steelyard.data.suspicion.row_features import PENALTIES, SuspicionSettings


def averaged(
    predict: Callable[[Places, FoldSettings], Floats32],
    deal: Callable[[], Places],
    loss: Callable[[Floats32], float],
    effort: SuspicionSettings,
) -> tuple[Floats32, float]:
    """Return the (n, k) probabilities, and the penalty on the models' weights.

    ``predict`` takes the fold of each row; the first way to ``deal`` the folds chooses the penalty: the
    last one, from the weakest up, that still lowers the ``loss``.
    """
    folds = deal()
    best = PENALTIES[0]
    total = predict(folds, replace(effort.settings, penalty=best))
    for penalty in PENALTIES[1:]:
        rival = predict(folds, replace(effort.settings, penalty=penalty))
        if loss(rival) >= loss(total):
            break
        best, total = penalty, rival
    for _ in range(effort.repeats - 1):
        total += predict(deal(), replace(effort.settings, penalty=best))
    total /= effort.repeats
    return total, best
