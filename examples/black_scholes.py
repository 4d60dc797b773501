"""The Greeks of a portfolio of options: how its value moves with each price and each volatility.

python examples/black_scholes.py
"""

from __future__ import annotations

import time

import numpy as np
from scipy.special import erf

import graphc

OPTIONS = 1_000_000


def normal_cdf(x):
    return 0.5 * (1.0 + erf(x / np.sqrt(2.0)))


def call_price(spot, volatility, strike, rate, years):
    """What European call options are worth, one entry an option."""
    spread = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * years) / spread
    return spot * normal_cdf(d1) - strike * np.exp(-rate * years) * normal_cdf(d1 - spread)


# The gradient of a sum over options is each option's own derivative: delta for the price, vega for the volatility.
@graphc.value_and_grad(argnums=(0, 1))
def portfolio(spot, volatility, strike, rate, years):
    return np.sum(call_price(spot, volatility, strike, rate, years))


def main() -> None:
    rng = np.random.default_rng(0)
    spot, volatility = rng.uniform(50.0, 150.0, OPTIONS), rng.uniform(0.1, 0.6, OPTIONS)
    strike, rate, years = 100.0, 0.05, 1.0

    start = time.perf_counter()
    portfolio(spot, volatility, strike, rate, years)
    first = time.perf_counter() - start
    start = time.perf_counter()
    total, (delta, vega) = portfolio(spot, volatility, strike, rate, years)
    again = time.perf_counter() - start

    print(f"{OPTIONS:,} options are worth {total:,.0f}")
    print(f"{'spot':>10}{'volatility':>12}{'delta':>10}{'vega':>10}")
    for option in range(5):
        print(f"{spot[option]:10.2f}{volatility[option]:12.3f}{delta[option]:10.4f}{vega[option]:10.3f}")
    print(f"first call {1e3 * first:.1f} ms, the next {1e3 * again:.1f} ms")

    start = time.perf_counter()
    np.sum(call_price(spot, volatility, strike, rate, years))
    print(f"the value alone, by NumPy: {1e3 * (time.perf_counter() - start):.1f} ms")


if __name__ == "__main__":
    main()
