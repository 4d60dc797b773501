"""Linear regression with ``nn.Linear`` and ``MSELoss``, written for PyTorch and run by graphc.

python examples/torch_regression.py
"""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc
import graphc.nn
import graphc.optim

SLOPES, OFFSET = np.array([2.0, -1.0, 0.5]), 3.0


def data(rows: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Points, and a linear function of them with a little noise."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((rows, 3))
    return points, points @ SLOPES + OFFSET + 0.01 * rng.standard_normal(rows)


def fit(torch: Any, steps: int = 300) -> tuple[list[float], np.ndarray, float]:
    """The losses, the weights and the offset that are found; the library is graphc or torch."""
    points, values = data()
    x, y = torch.from_numpy(points), torch.from_numpy(values).unsqueeze(1)
    model = torch.nn.Linear(3, 1).double()
    criterion = torch.nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, model.weight.detach().numpy()[0], model.bias.item()


def main() -> None:
    losses, weights, offset = fit(graphc)
    print(f"loss {losses[0]:.4f} at first, {losses[-1]:.6f} after {len(losses)} steps")
    print(f"weights {np.round(weights, 3)}, offset {offset:.3f}; made with {SLOPES} and {OFFSET}")


if __name__ == "__main__":
    main()
