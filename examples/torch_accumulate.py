"""Batches larger than memory: gradients of micro-batches add up; in mixed precision, with a scaled loss.

python examples/torch_accumulate.py
"""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc
import graphc.amp
import graphc.nn
import graphc.optim

BATCH, MICRO = 64, 4


def data(torch: Any) -> tuple[Any, Any]:
    """Points in the plane, and whether they lie in a ring."""
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (1024, 2))
    inside = (np.abs(np.hypot(points[:, 0], points[:, 1]) - 0.8) < 0.3).astype(np.float64)
    return torch.from_numpy(points), torch.from_numpy(inside[:, None])


def train(torch: Any, epochs: int = 40) -> tuple[list[float], float]:
    """The mean loss of each epoch and the accuracy at the end; the library is graphc or torch."""
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)).double()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    criterion = nn.BCEWithLogitsLoss()
    x, y = data(torch)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for first in range(0, len(x), BATCH):
            optimizer.zero_grad()
            for start in range(first, first + BATCH, BATCH // MICRO):
                rows = slice(start, start + BATCH // MICRO)
                loss = criterion(model(x[rows]), y[rows]) / MICRO  # the mean over the batch
                scaler.scale(loss).backward()
                total += loss.detach()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
        scheduler.step()
        losses.append(float(total) * BATCH / len(x))
    with torch.no_grad():
        accuracy = ((model(x) > 0) == (y > 0.5)).double().mean().item()
    return losses, accuracy


def main() -> None:
    with graphc.autocast(graphc.float32):
        losses, accuracy = train(graphc)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}, accuracy {100 * accuracy:.1f}%")


if __name__ == "__main__":
    main()
