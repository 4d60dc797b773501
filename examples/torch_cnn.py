"""A small CNN on the digits images: trained, fine-tuned with its first convolution frozen, evaluated under no_grad.

Needs scikit-learn for the images.

python examples/torch_cnn.py
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

import graphc
import graphc.nn
import graphc.optim


def images() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Images (n, 1, 8, 8) and labels: three quarters to train with, the rest to test."""
    data = load_digits()
    pixels = (data.images[:, None] / 16.0).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(pixels))
    cut = 3 * len(order) // 4
    train, test = order[:cut], order[cut:]
    return (pixels[train], data.target[train]), (pixels[test], data.target[test])


def network(torch: Any) -> Any:
    """Two 3x3 convolutions with ReLU, flattened into a dense layer."""
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 4 * 4, 10)
    )  # fmt: skip


def train(torch: Any, model: Any, data: tuple[np.ndarray, np.ndarray], epochs: int, rate: float) -> float:
    """The mean loss of the last epoch; the library is graphc or torch."""
    pixels, labels = torch.from_numpy(data[0]), torch.from_numpy(data[1])
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=rate)
    rng = np.random.default_rng(1)
    losses: list[float] = []
    model.train()
    for _ in range(epochs):
        losses.clear()
        for batch in np.array_split(rng.permutation(len(pixels)), len(pixels) // 32):
            chosen = torch.from_numpy(batch)
            optimizer.zero_grad()
            loss = criterion(model(pixels[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return float(np.mean(losses))


def accuracy(torch: Any, model: Any, data: tuple[np.ndarray, np.ndarray]) -> float:
    """The share of images that are recognised."""
    model.eval()
    with torch.no_grad():
        scores = model(torch.from_numpy(data[0]))
        return (scores.argmax(1) == torch.from_numpy(data[1])).float().mean().item()  # type: ignore[no-any-return]


def main() -> None:
    graphc.set_default_dtype(graphc.float32)
    graphc.manual_seed(0)
    training, test = images()
    model = network(graphc)
    start = time.perf_counter()
    loss = train(graphc, model, training, epochs=20, rate=2e-3)
    seconds = time.perf_counter() - start
    print(f"trained in {seconds:.1f} s: loss {loss:.4f}, test accuracy {100 * accuracy(graphc, model, test):.1f}%")
    model[0].requires_grad_(False)
    before = model[0].weight.tolist()
    loss = train(graphc, model, training, epochs=5, rate=5e-4)
    same = model[0].weight.tolist() == before
    print(f"fine-tuned, first convolution frozen ({'unchanged' if same else 'changed'}): loss {loss:.4f}")
    print(f"test accuracy {100 * accuracy(graphc, model, test):.1f}%")


if __name__ == "__main__":
    main()
