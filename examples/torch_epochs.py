"""Five epochs on ``(weights * 1.8).sum()``, whose gradient is 1.8 in each, cleared by ``grad.zero_()``.

python examples/torch_epochs.py
"""

from __future__ import annotations

from typing import Any

import graphc


def epochs(torch: Any, count: int = 5) -> tuple[list[float], list[list[float]]]:
    """The loss and the gradient of each epoch; the library is graphc or torch."""
    weights = torch.ones(4, requires_grad=True)
    losses, gradients = [], []
    for _ in range(count):
        loss = (weights * 1.8).sum()
        loss.backward()
        losses.append(loss.item())
        gradients.append(weights.grad.tolist())
        with torch.no_grad():
            weights -= 0.1 * weights.grad
        weights.grad.zero_()
    return losses, gradients


def main() -> None:
    for number, (loss, gradient) in enumerate(zip(*epochs(graphc), strict=True)):
        print(f"epoch {number}: loss {loss:.3f}, gradient {gradient}")


if __name__ == "__main__":
    main()
