"""An epidemic in regions that close and open: expected counts of a compartment model, fitted to reported cases.

Each day a share 1 - exp(-force) of the susceptible is exposed, with force = beta C (I / N) and C who meets whom;
shares sigma and gamma of the exposed and infectious move on (Keeling and Rohani, Modeling Infectious Diseases,
2008, chapters 2 and 7). A region closes when more than 2 % are infectious, and opens below 1 %; contacts are fewer
while it is closed. The reported cases are Poisson counts.
"""

from __future__ import annotations

import numpy as np

from tests.programs.frame import Program, check, check_hvp, thorough


class Region:
    """The state changes from day to day, as in an agent's life."""

    def __init__(self, population, contacts):
        self.population, self.contacts = population, contacts
        self.S, self.E = population - 1.0, np.zeros(len(population))
        self.I, self.R = np.ones(len(population)), np.zeros(len(population))
        self.closed = False
        self.days_closed = 0

    def step(self, p):
        beta = p["beta"]
        if self.closed:
            beta = beta * p["compliance"]
        infected = self.S * (1 - np.exp(-beta * (self.contacts @ (self.I / self.population))))
        sick, healed = p["sigma"] * self.E, p["gamma"] * self.I
        self.S = self.S - infected
        self.E = self.E + infected - sick
        self.I = self.I + sick - healed
        self.R = self.R + healed
        share = np.sum(self.I) / np.sum(self.population)
        if share > 0.02 and not self.closed:
            self.closed = True
        elif self.closed and share < 0.01:
            self.closed = False
        if self.closed:
            self.days_closed += 1
        return infected


def objective(p, population, contacts, cases):
    region = Region(population, contacts)
    total = 0.0
    for day in range(len(cases)):
        expected = p["reporting"] * region.step(p) + 1e-6
        total += np.sum(expected - cases[day] * np.log(expected))
    return total + 0.01 * region.days_closed


def arguments(groups, days):
    rng = np.random.default_rng(days)
    contacts = np.eye(groups) + 0.1 * rng.uniform(size=(groups, groups))
    parameters = {"beta": 0.5, "compliance": 0.3, "sigma": 0.3, "gamma": 0.15, "reporting": 0.4}
    return parameters, 100.0 * (1 + np.arange(groups)), contacts, rng.poisson(2.0, (days, groups)).astype(float)


PROGRAM = Program(objective, (arguments(2, 30), arguments(3, 60)))


def test_likelihood():
    check(PROGRAM)


@thorough
def test_hessian_times_a_vector():
    check_hvp(PROGRAM)
