"""A variational autoencoder with the reparameterisation trick: the negative evidence lower bound of a batch.

An encoder gives mean m and logarithm of the variance v of q(z | x), a sample is z = m + e^(v/2) eps with standard
normal eps, a decoder gives logits of Bernoulli pixels, and

    -ELBO = sum_i [log(1 + e^l_i) - x_i l_i] - 1/2 sum_j (1 + v_j - m_j^2 - e^v_j)

averaged over the batch (Kingma and Welling, Auto-Encoding Variational Bayes, 2014, equation 10 and appendix B). The
noise is an argument, drawn outside; several samples of it for each image tighten the bound (Burda et al., 2016).
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from tests.programs.frame import Program, check, check_hvp, thorough


def dense(layer, x):
    return x @ layer["weight"] + layer["bias"]


class Autoencoder:
    def encode(self, parameters, x):
        for layer in parameters["encoder"]:
            x = np.tanh(dense(layer, x))
        return np.split(dense(parameters["moments"], x), 2, axis=-1)

    def decode(self, parameters, z):
        *hidden, last = parameters["decoder"]
        for layer in hidden:
            z = np.maximum(dense(layer, z), 0.1 * dense(layer, z))
        return dense(last, z)

    def loss(self, parameters, images, noise):
        mean, log_variance = self.encode(parameters, images)
        z = mean + np.exp(0.5 * log_variance) * noise
        logits = self.decode(parameters, z)
        reconstruction = np.sum(np.logaddexp(0, logits) - images * logits, axis=1)
        divergence = -0.5 * np.sum(1 + log_variance - mean**2 - np.exp(log_variance), axis=1)
        return np.mean(reconstruction + divergence)

    def importance_weighted_loss(self, parameters, images, noise):
        """``noise``: (samples, batch, latent)."""
        mean, log_variance = self.encode(parameters, images)
        deviation = np.exp(0.5 * log_variance)
        log_weights = np.empty(noise.shape[:2])
        for k, sample in enumerate(noise):
            z = mean + deviation * sample
            logits = self.decode(parameters, z)
            log_likelihood = (images * logits - np.logaddexp(0, logits)).sum(axis=-1)
            log_prior_ratio = 0.5 * (sample**2 - z**2 + log_variance).sum(axis=-1)
            log_weights[k] = log_likelihood + log_prior_ratio
        return -np.mean(logsumexp(log_weights, axis=0) - np.log(len(noise)))


def layer(rng, inputs, outputs):
    return {"weight": rng.normal(size=(inputs, outputs)) / np.sqrt(inputs), "bias": 0.1 * rng.normal(size=outputs)}


def arguments(batch, pixels, hidden, latent, samples=()):
    rng = np.random.default_rng(batch)
    parameters = {
        "encoder": [layer(rng, pixels, hidden)],
        "moments": layer(rng, hidden, 2 * latent),
        "decoder": [layer(rng, latent, hidden), layer(rng, hidden, pixels)],
    }
    images = rng.integers(2, size=(batch, pixels)).astype(float)
    return parameters, images, rng.normal(size=(*samples, batch, latent))


MODEL = Autoencoder()
PROGRAM = Program(MODEL.loss, (arguments(6, 12, 8, 2), arguments(9, 20, 7, 3)))


def test_bound():
    check(PROGRAM)


@thorough
def test_hessian_times_a_vector():
    check_hvp(PROGRAM)


def test_importance_weighted_bound():
    check(Program(MODEL.importance_weighted_loss, (arguments(6, 12, 8, 2, (4,)), arguments(9, 20, 7, 3, (3,)))))
