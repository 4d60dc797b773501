"""Connectionist temporal classification: the probability of a sequence of labels, over all ways to place it in time.

Blanks stand between labels; a path stays, moves by one, or skips a blank between different labels:

    alpha_t(s) = (alpha_{t-1}(s) + alpha_{t-1}(s-1) [+ alpha_{t-1}(s-2)]) p_t(label s)

(Graves and others, 2006), in logarithms. The value is checked against the sum over all paths that collapse to the
labels.
"""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
from scipy.special import log_softmax, logsumexp

from tests.programs.frame import Program, check


def loss(logits, labels, blank=0):
    log_p = log_softmax(logits, axis=1)
    path = np.full(2 * len(labels) + 1, blank)
    path[1::2] = labels
    alpha = np.full(len(path), -np.inf)
    alpha[:2] = log_p[0, path[:2]]
    for t in range(1, len(logits)):
        new = np.full(len(path), -np.inf)
        for s in range(len(path)):
            total = alpha[s]
            if s > 0:
                total = np.logaddexp(total, alpha[s - 1])
            if s > 1 and path[s] != blank and path[s] != path[s - 2]:
                total = np.logaddexp(total, alpha[s - 2])
            new[s] = total + log_p[t, path[s]]
        alpha = new
    return -np.logaddexp(alpha[-1], alpha[-2])


def over_all_paths(logits, labels):
    log_p = log_softmax(logits, axis=1)
    every = []
    for path in product(range(logits.shape[1]), repeat=len(logits)):
        if [label for label, _ in groupby(path) if label] == list(labels):
            every.append(sum(log_p[t, label] for t, label in enumerate(path)))
    return -logsumexp(every)


def arguments(T, classes, labels):
    return np.random.default_rng(T).normal(size=(T, classes)), np.array(labels)


CALLS = (arguments(6, 4, [1, 2, 2]), arguments(12, 5, [3, 1, 1, 4]))


def test_loss():
    check(Program(loss, CALLS))
    np.testing.assert_allclose(loss(*CALLS[0]), over_all_paths(*CALLS[0]), rtol=1e-12)
