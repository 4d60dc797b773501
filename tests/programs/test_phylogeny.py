"""The likelihood of a phylogenetic tree by Felsenstein's pruning.

The likelihood of what is below node k, given its base i, is the product over its children c

    L_k(i) = prod_c sum_j P_ij(t_c) L_c(j),   P(t) = e^(Q t)

with base frequencies pi at the root (Felsenstein, Evolutionary trees from DNA sequences, 1981). Q is of Hasegawa,
Kishino and Yano (1985): rates kappa pi_j between purines and between pyrimidines, pi_j otherwise, scaled to one change
a unit of time. Columns of the alignment that are equal are one pattern with a weight, and unknown bases are ones
everywhere. The tree is nested tuples, which a recursive function walks through, or arrays in postorder, with a loop.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from tests.programs.frame import Program, check, check_hvp, thorough

BASES = "ACGT"


def rate_matrix(kappa, frequencies):
    q = np.tile(frequencies, (4, 1))
    for i, j in ((0, 2), (2, 0), (1, 3), (3, 1)):
        q[i, j] *= kappa
    np.fill_diagonal(q, 0.0)
    np.fill_diagonal(q, -q.sum(axis=1))
    return q / -np.sum(frequencies * np.diag(q))


def model_of(parameters):
    frequencies = np.exp(parameters["log_frequencies"])
    frequencies = frequencies / frequencies.sum()
    return rate_matrix(np.exp(parameters["log_kappa"]), frequencies), frequencies


# --- a tree of tuples -------------------------------------------------------------------------------------------------


def partial_likelihood(node, transition, lengths, tips):
    """(patterns, 4) of a species' name, or of a tuple of nodes. ``lengths``: of each branch, by the names below it."""
    if isinstance(node, str):
        return tips[node]
    product = 1.0
    for child in node:
        p = transition(np.exp(lengths[name_of(child)]))
        product = product * (partial_likelihood(child, transition, lengths, tips) @ p.T)
    return product


def name_of(node):
    return node if isinstance(node, str) else "+".join(name_of(child) for child in node)


TREE = ((("human", "chimp"), "gorilla"), ("orang", "gibbon"))


def spectrum(q, frequencies):
    """Q = left diag(values) right. It is reversible: D^(1/2) Q D^(-1/2) is symmetric, with D of the frequencies."""
    root = np.sqrt(frequencies)
    values, vectors = np.linalg.eigh(q * root[:, None] / root)
    return values, vectors / root[:, None], vectors.T * root


def log_likelihood(parameters, tips, weights):
    q, frequencies = model_of(parameters)
    values, left, right = spectrum(q, frequencies)

    def transition(time):
        return (left * np.exp(values * time)) @ right

    root = partial_likelihood(TREE, transition, parameters["log_lengths"], tips)
    return weights @ np.log(root @ frequencies)


def log_likelihood_by_expm(parameters, tips, weights):
    q, frequencies = model_of(parameters)
    root = partial_likelihood(TREE, lambda time: expm(q * time), parameters["log_lengths"], tips)
    return weights @ np.log(root @ frequencies)


# --- a tree of arrays -------------------------------------------------------------------------------------------------


def log_likelihood_of_arrays(parameters, children, tips, weights):
    """``children``: (inner nodes, 2), tips first, then the inner nodes in postorder; ``tips``: (tips, patterns, 4)."""
    q, frequencies = model_of(parameters)
    values, left, right = spectrum(q, frequencies)
    p = (left * np.exp(values * np.exp(parameters["log_lengths"])[:, None])[:, None, :]) @ right
    species, patterns, _ = tips.shape
    partial = np.ones((species + len(children), patterns, 4))
    partial[:species] = tips
    log_scale = np.zeros(patterns)
    for k, pair in enumerate(children):
        node = species + k
        for child in pair:
            partial[node] *= partial[child] @ p[child].T
        largest = partial[node].max(axis=1)
        partial[node] /= largest[:, None]
        log_scale += np.log(largest)
    return weights @ (np.log(partial[-1] @ frequencies) + log_scale)


# --- numbers ----------------------------------------------------------------------------------------------------------


def alignment(rng, species, patterns):
    """One of four bases, or all of them where it is unknown."""
    letters = rng.choice(list(BASES + "-"), p=[0.3, 0.2, 0.2, 0.25, 0.05], size=(species, patterns))
    return ((letters[..., None] == list(BASES)) | (letters[..., None] == "-")).astype(float)


def parameters(log_lengths):
    return {"log_kappa": 0.7, "log_frequencies": np.array([0.3, -0.1, 0.0, 0.2]), "log_lengths": log_lengths}


def names_below(node):
    inner = [] if isinstance(node, str) else [name for child in node for name in (*names_below(child), name_of(child))]
    return inner


def arguments(patterns):
    rng = np.random.default_rng(patterns)
    tips = dict(zip(("human", "chimp", "gorilla", "orang", "gibbon"), alignment(rng, 5, patterns), strict=True))
    lengths = {name: rng.uniform(-3, -1) for name in names_below(TREE)}
    return parameters(lengths), tips, rng.integers(1, 9, patterns).astype(float)


def arguments_of_arrays(species, patterns):
    rng = np.random.default_rng(species)
    roots, children = list(range(species)), []
    for node in range(species, 2 * species - 1):
        pair = [roots.pop(rng.integers(len(roots))) for _ in range(2)]
        children.append(pair)
        roots.append(node)
    lengths = rng.uniform(-3, -1, 2 * species - 2)
    weights = rng.integers(1, 9, patterns).astype(float)
    return parameters(lengths), np.array(children), alignment(rng, species, patterns), weights


TUPLES = Program(log_likelihood, (arguments(7), arguments(15)))
EXPONENTIALS = Program(log_likelihood_by_expm, (arguments(7), arguments(15)))
ARRAYS = Program(log_likelihood_of_arrays, (arguments_of_arrays(5, 7), arguments_of_arrays(9, 12)))


def test_tuples():
    check(TUPLES)


@thorough
def test_an_exponential_for_each_branch():
    check(EXPONENTIALS)


def test_arrays():
    check(ARRAYS)


@thorough
def test_hessian_times_a_vector():
    check_hvp(ARRAYS)
