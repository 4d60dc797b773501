"""Gradients as PyTorch users write them: a vector x * x * 2, and backward with a vector.

python examples/torch_vector.py
"""

from __future__ import annotations

from typing import Any

import graphc


def gradients(torch: Any) -> list[list[float]]:
    """The gradient of ``x * x * 2`` times a vector, once and then accumulated; the library is graphc or torch."""
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * x * 2
    y.backward(torch.tensor([1.0, 1.0, 1.0]))
    found = [x.grad.tolist()]
    (x * x * 2).backward(torch.tensor([0.1, 1.0, 10.0]))
    found.append(x.grad.tolist())
    return found


def main() -> None:
    once, accumulated = gradients(graphc)
    print("gradient of x*x*2 at [1, 2, 3]:", once)
    print("with that of a second backward:", accumulated)


if __name__ == "__main__":
    main()
