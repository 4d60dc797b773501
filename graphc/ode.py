"""Ordinary differential equations inside compiled programs; ``scipy.integrate.solve_ivp`` and ``odeint`` work as well.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

from graphc.trace.algorithms.initial_values import solve

__all__ = ["solve"]
