"""A training with all that surrounds it: a bar, a warm-up, checkpoints, and a look at the gradients.

python examples/training.py [--output FOLDER]

Needs scikit-learn for the images, and safetensors for the files. Interrupt it, and start it again: it goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import graphc
from graphc import nn, optim

EPOCHS = 30


class Digits:
    """The model, its optimizer and schedule, and how many epochs are done."""

    def __init__(self) -> None:
        graphc.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10)).float()
        self.optimizer = optim.AdamW(self.model.parameters(), lr=3e-3, weight_decay=1e-2)
        warm_up = optim.lr_scheduler.LinearLR(self.optimizer, start_factor=0.1, total_iters=3)
        wave = optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=EPOCHS - 3)
        self.scheduler = optim.lr_scheduler.SequentialLR(self.optimizer, [warm_up, wave], milestones=[3])
        self.done = 0

    def save(self, path: Path) -> None:
        parts = {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}
        graphc.save_checkpoint(path, **parts, done=self.done)

    def load(self, path: Path) -> None:
        parts = {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}
        self.done = graphc.load_checkpoint(path, **parts)["done"]

    def train(self, data: tuple[np.ndarray, np.ndarray], epochs: int, path: Path) -> optim.Fit:
        """So many epochs, a checkpoint after each."""

        def after_epoch(epoch: int, loss: float) -> None:
            self.done += 1
            self.save(path)

        self.model.train()
        return optim.fit(
            self.model, nn.CrossEntropyLoss(), self.optimizer, data, epochs=epochs, batch_size=64,
            scheduler=self.scheduler, callback=after_epoch,
        )  # fmt: skip

    def accuracy(self, data: tuple[np.ndarray, np.ndarray]) -> float:
        self.model.eval()
        with graphc.no_grad():
            scores = self.model(graphc.from_numpy(data[0]))
        return float(np.mean(scores.numpy().argmax(1) == data[1]))

    def health(self, data: tuple[np.ndarray, np.ndarray]) -> graphc.health.Diagnosis:
        """What the gradients of the whole data look like."""
        self.model.zero_grad()
        nn.functional.cross_entropy(self.model(graphc.from_numpy(data[0])), graphc.from_numpy(data[1])).backward()
        return graphc.diagnose(self.model, optimizer=self.optimizer)


def images() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Pixels (n, 64) and labels: three quarters to train with, the rest to test."""
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pixels))
    parts = np.split(order, [3 * len(order) // 4])
    train, test = (((pixels[part] / 16.0).astype(np.float32), labels[part]) for part in parts)
    return train, test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo_output"))
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    training, test = images()
    digits, path = Digits(), output / "digits.safetensors"
    if path.exists():
        digits.load(path)
        print(f"going on after {digits.done} epochs")
    fitted = digits.train(training, max(EPOCHS - digits.done, 0), path)
    if fitted.losses:
        print(f"loss {fitted.losses[-1]:.4f} after {digits.done} epochs, {fitted.steps / fitted.seconds:.0f} steps/s")
    print(f"test accuracy {100 * digits.accuracy(test):.1f}%")
    print(digits.health(training))


if __name__ == "__main__":
    main()
