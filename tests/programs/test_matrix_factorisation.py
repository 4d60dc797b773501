"""Matrix factorisation with missing data: ratings of items by users.

    r_ui = m + b_u + c_i + p_u . q_i,   loss = sum over what was rated of (r - rating)^2 + lambda (|p|^2 + |q|^2 + ...)

(Koren, Bell, Volinsky, 2009). The ratings are a matrix with NaN where there are none, or lists of user, item and
rating; and the factors are found by gradient descent, or by alternating least squares, one small system for each row,
which is differentiable by the ratings: what one rating changes of the prediction of another.
"""

from __future__ import annotations

import numpy as np

from tests.programs.frame import Program, check, check_hvp, check_vmap, thorough


def penalty(model, strength):
    return strength * sum(np.sum(part**2) for name, part in model.items() if name != "mean")


def loss_of_matrix(model, ratings, strength=0.1):
    rated = ~np.isnan(ratings)
    predicted = model["mean"] + model["user"][:, None] + model["item"] + model["p"] @ model["q"].T
    error = (predicted - ratings)[rated]
    return error @ error + penalty(model, strength)


def loss_of_lists(model, users, items, ratings, strength=0.1):
    """A Huber loss, which an odd rating does not sway."""
    predicted = model["mean"] + model["user"][users] + model["item"][items]
    predicted += np.einsum("nk,nk->n", model["p"][users], model["q"][items])
    error = np.abs(predicted - ratings)
    total = np.where(error < 1, 0.5 * error**2, error - 0.5).sum()
    return total + penalty(model, strength)


def alternating(ratings, p, q, sweeps, strength):
    """The prediction of the first element after some sweeps of alternating least squares."""
    weight = (~np.isnan(ratings)).astype(float)
    known = np.nan_to_num(ratings)
    ridge = strength * np.eye(p.shape[1])
    p, q = p.copy(), q.copy()
    for _ in range(sweeps):
        for u in range(len(p)):
            p[u] = np.linalg.solve((q.T * weight[u]) @ q + ridge, q.T @ (weight[u] * known[u]))
        for i in range(len(q)):
            q[i] = np.linalg.solve((p.T * weight[:, i]) @ p + ridge, p.T @ (weight[:, i] * known[:, i]))
    return p[0] @ q[0]


def model(rng, users, items, factors):
    return {
        "mean": 3.1,
        "user": 0.1 * rng.normal(size=users),
        "item": 0.1 * rng.normal(size=items),
        "p": 0.5 * rng.normal(size=(users, factors)),
        "q": 0.5 * rng.normal(size=(items, factors)),
    }


def matrix(rng, users, items):
    ratings = rng.integers(1, 6, size=(users, items)).astype(float)
    ratings[rng.random(size=ratings.shape) < 0.4] = np.nan
    return ratings


def of_matrix(users, items, factors):
    rng = np.random.default_rng(users)
    return model(rng, users, items, factors), matrix(rng, users, items)


def of_lists(users, items, factors):
    rng = np.random.default_rng(users)
    ratings = matrix(rng, users, items)
    where = np.nonzero(~np.isnan(ratings))
    return model(rng, users, items, factors), *where, ratings[where]


def of_sweeps(users, items, factors, sweeps):
    rng = np.random.default_rng(users)
    start = model(rng, users, items, factors)
    return matrix(rng, users, items), start["p"], start["q"], sweeps, 0.3


MATRIX = Program(loss_of_matrix, (of_matrix(6, 5, 2), of_matrix(11, 8, 3)))
LISTS = Program(loss_of_lists, (of_lists(6, 5, 2), of_lists(11, 8, 3)))
SWEEPS = Program(alternating, (of_sweeps(5, 4, 2, 2), of_sweeps(7, 6, 3, 3)))


def test_matrix():
    check(MATRIX)


def test_lists():
    check(LISTS)


def test_alternating_least_squares():
    check(SWEEPS)


@thorough
def test_hessian_times_a_vector():
    check_hvp(LISTS)


@thorough
def test_batch_of_models():
    check_vmap(LISTS)
