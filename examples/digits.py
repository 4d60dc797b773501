"""Train a network on the UCI handwritten digits with compiled gradients. This is what ``make demo`` runs.

    python examples/digits.py [--output FOLDER]

The loss is plain NumPy. It is fitted by SciPy's L-BFGS-B, by Adam on mini-batches, and by Adam once more with the first
layer frozen; then one step is timed beside HIPS autograd.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from scipy.optimize import minimize
from sklearn.datasets import load_digits

import graphc

Params = dict[str, dict[str, np.ndarray]]

HIDDEN, BATCH, EPOCHS, DECAY = 64, 64, 40, 1e-4
COMPILED, FROZEN, EAGER = "graphc", "graphc, first layer frozen", "autograd, eager"

console = Console()


# --- the model: plain NumPy ----------------------------------------------------------------------------------------


def logits(params, images):
    hidden = np.tanh(images @ params["first"]["weights"] + params["first"]["bias"])
    return hidden @ params["second"]["weights"] + params["second"]["bias"]


@graphc.value_and_grad
def loss(params, images, targets):
    """Mean cross-entropy of a softmax, with weight decay: calling it returns this value and its gradient by ``params``.

    ``targets`` has one row an image, 1 at its digit.
    """
    scores = logits(params, images)
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    decay = np.sum(params["first"]["weights"] ** 2) + np.sum(params["second"]["weights"] ** 2)
    return -np.mean(np.sum(targets * log_probabilities, axis=1)) + DECAY * decay


# --- data and parameters -------------------------------------------------------------------------------------------


@dataclass
class Data:
    train_images: np.ndarray
    train_targets: np.ndarray
    test_images: np.ndarray
    test_digits: np.ndarray


def load(rng: np.random.Generator) -> Data:
    """The 1,797 images, a fifth of them kept for testing."""
    images, digits = load_digits(return_X_y=True)
    order = rng.permutation(len(images))
    images, digits = images[order] / 16.0, digits[order]
    split = len(images) * 4 // 5
    return Data(images[:split], np.eye(10)[digits[:split]], images[split:], digits[split:])


def initial_params(rng: np.random.Generator) -> Params:
    def layer(fan_in: int, fan_out: int) -> dict[str, np.ndarray]:
        weights = rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)
        return {"weights": weights, "bias": np.zeros(fan_out)}

    return {"first": layer(64, HIDDEN), "second": layer(HIDDEN, 10)}


def accuracy(params: Params, data: Data) -> float:
    return float(np.mean(np.argmax(logits(params, data.test_images), axis=1) == data.test_digits))


# --- two ways to fit -----------------------------------------------------------------------------------------------


@dataclass
class Fit:
    name: str
    params: Params
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0


def fit_lbfgs(params: Params, data: Data, progress: Progress) -> Fit:
    """Full batch, by SciPy: it wants one flat vector, the loss wants a dict; the gradient follows the dict."""
    fit = Fit("L-BFGS-B", params)
    steps = 100
    task = progress.add_task(fit.name, total=steps)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = loss(unflatten(flat, params), data.train_images, data.train_targets)
        return float(value), flatten(gradient)

    def after_step(intermediate_result) -> None:
        fit.losses.append(intermediate_result.fun)
        progress.advance(task)

    start = time.perf_counter()
    options = {"maxiter": steps}
    result = minimize(objective, flatten(params), jac=True, method="L-BFGS-B", callback=after_step, options=options)
    fit.seconds = time.perf_counter() - start
    progress.update(task, completed=steps)
    fit.params = unflatten(result.x, params)
    return fit


def flatten(params: Params) -> np.ndarray:
    return np.concatenate([array.ravel() for layer in params.values() for array in layer.values()])


def unflatten(flat: np.ndarray, like: Params) -> Params:
    sizes = [array.size for layer in like.values() for array in layer.values()]
    pieces = iter(np.split(flat, np.cumsum(sizes)[:-1]))
    return {
        name: {key: next(pieces).reshape(array.shape) for key, array in layer.items()} for name, layer in like.items()
    }


class Adam:
    """The usual optimizer, on one array in place."""

    def __init__(self, array: np.ndarray, rate: float = 3e-3) -> None:
        self.array, self.rate, self.steps = array, rate, 0
        self.mean, self.square = np.zeros_like(array), np.zeros_like(array)

    def step(self, gradient: np.ndarray) -> None:
        self.steps += 1
        self.mean += 0.1 * (gradient - self.mean)
        self.square += 0.001 * (gradient**2 - self.square)
        mean = self.mean / (1.0 - 0.9**self.steps)
        square = self.square / (1.0 - 0.999**self.steps)
        self.array -= self.rate * mean / (np.sqrt(square) + 1e-8)


def fit_adam(params: Params, data: Data, progress: Progress, *, freeze_first: bool = False) -> Fit:
    """Mini-batches. A frozen layer's gradients are None, and the work for them is not in the compiled program."""
    params = {name: {key: array.copy() for key, array in layer.items()} for name, layer in params.items()}
    fit = Fit("Adam, first layer frozen" if freeze_first else "Adam", params)
    arguments = frozen_first(params) if freeze_first else params
    optimizers = {(name, key): Adam(array) for name, layer in params.items() for key, array in layer.items()}
    rng = np.random.default_rng(1)
    start = time.perf_counter()
    for _ in progress.track(range(EPOCHS), description=fit.name):
        order = rng.permutation(len(data.train_images))
        total = 0.0
        for batch in np.array_split(order, len(order) // BATCH):
            value, gradients = loss(arguments, data.train_images[batch], data.train_targets[batch])
            total += float(value) * len(batch)
            for (name, key), optimizer in optimizers.items():
                if gradients[name][key] is not None:
                    optimizer.step(gradients[name][key])
        fit.losses.append(total / len(order))
    fit.seconds = time.perf_counter() - start
    return fit


def frozen_first(params: Params):
    return {**params, "first": graphc.frozen(params["first"])}


# --- what a step costs ---------------------------------------------------------------------------------------------


def autograd_step(params: Params, images: np.ndarray, targets: np.ndarray) -> Callable[[], object] | None:
    """The same value and gradient by HIPS autograd, which runs the function eagerly; None where it is not installed."""
    try:
        import autograd.numpy as np
        from autograd import value_and_grad
    except ImportError:
        return None

    def eager_loss(params, images, targets):
        hidden = np.tanh(images @ params["first"]["weights"] + params["first"]["bias"])
        scores = hidden @ params["second"]["weights"] + params["second"]["bias"]
        shifted = scores - np.max(scores, axis=1, keepdims=True)
        log_probabilities = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
        decay = np.sum(params["first"]["weights"] ** 2) + np.sum(params["second"]["weights"] ** 2)
        return -np.mean(np.sum(targets * log_probabilities, axis=1)) + DECAY * decay

    step = value_and_grad(eager_loss)
    return lambda: step(params, images, targets)


def median_seconds(call: Callable[[], object], seconds: float = 0.5) -> float:
    """The median time of one call, sampled for about this long."""
    call()
    samples = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        start = time.perf_counter()
        call()
        samples.append(time.perf_counter() - start)
    return float(np.median(samples))


def time_first_calls(params: Params, data: Data) -> dict[str, float]:
    """Seconds of the first call of each of the two programs: all parameters, and the first layer frozen."""
    images, targets = data.train_images[:BATCH], data.train_targets[:BATCH]
    seconds = {}
    for name, arguments in ((COMPILED, params), (FROZEN, frozen_first(params))):
        start = time.perf_counter()
        loss(arguments, images, targets)
        seconds[name] = time.perf_counter() - start
    return seconds


def time_steps(params: Params, data: Data) -> dict[str, float]:
    """Seconds of one value and gradient on one batch: compiled, frozen, eager."""
    images, targets = data.train_images[:BATCH], data.train_targets[:BATCH]
    frozen = frozen_first(params)
    seconds = {
        COMPILED: median_seconds(lambda: loss(params, images, targets)),
        FROZEN: median_seconds(lambda: loss(frozen, images, targets)),
    }
    eager = autograd_step(params, images, targets)
    if eager is None:
        console.print("HIPS autograd is not installed, so there is no eager step to compare with")
    else:
        seconds[EAGER] = median_seconds(eager)
    return seconds


# --- reports -------------------------------------------------------------------------------------------------------


def print_report(
    fits: list[Fit], accuracies: list[float], first_calls: dict[str, float], steps: dict[str, float]
) -> None:
    console.print()
    for fit, score in zip(fits, accuracies, strict=True):
        console.print(
            f"{fit.name:26} test accuracy {score:6.1%}   training loss {fit.losses[-1]:.4f}   {fit.seconds:5.2f} s"
        )
    console.print("\nfirst call, which compiles or loads what an earlier run compiled:")
    for name, seconds in first_calls.items():
        console.print(f"  {name:28}{1e3 * seconds:8.0f} ms")
    console.print(f"\none value and gradient, {BATCH} images:")
    for name, seconds in steps.items():
        console.print(f"  {name:28}{1e6 * seconds:8.1f} us   {seconds / steps[COMPILED]:5.1f} times graphc's")


def print_what_freezing_saved(steps: dict[str, float], explanation: str) -> None:
    """The time, and what the explanation says of the frozen layer, without the formulas of the savings."""
    saved = 1.0 - steps[FROZEN] / steps[COMPILED]
    console.print(f"\nfreezing the first layer saved {saved:.0%} of a step; in the words of loss.explain():")
    for line in explanation.splitlines():
        if line.strip().startswith("input params_first"):
            reason = line.strip().partition(", saves about")[0].replace(" (no gradient is asked for)", "")
            console.print(f"  {reason}", markup=False, highlight=False)


def plot(fits: list[Fit], steps: dict[str, float], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (curves, bars) = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    for fit in fits:
        curves.plot(np.arange(1, len(fit.losses) + 1), fit.losses, label=fit.name)
    curves.set(
        title="UCI digits: training loss", ylabel="loss", xlabel="iteration (L-BFGS-B) or epoch (Adam)", yscale="log"
    )
    curves.legend()

    names = list(steps)[::-1]
    drawn = bars.barh(
        names, [1e6 * steps[name] for name in names], color=["#8c8c8c", "#4c9f70", "#2b6cb0"][-len(names) :]
    )
    labels = [f"{1e6 * steps[name]:.0f} us" for name in names]
    if EAGER in steps:
        labels[names.index(EAGER)] += f"\n{steps[EAGER] / steps[COMPILED]:.0f} x graphc"
    bars.bar_label(drawn, labels, padding=3)
    bars.margins(x=0.25)
    bars.set(title=f"one value and gradient, {BATCH} images", xlabel="microseconds")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a digit classifier with compiled gradients.")
    parser.add_argument("--output", type=Path, default=Path("demo_output"), help="folder of the picture")
    output = parser.parse_args().output

    rng = np.random.default_rng(0)
    data = load(rng)
    params = initial_params(rng)
    console.print(f"{len(data.train_images)} digits to learn from, {len(data.test_images)} to test on")

    console.print("the first calls compile (a few seconds at most; less when run again) ...")
    first_calls = time_first_calls(params, data)

    columns = (TextColumn("{task.description:26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        lbfgs = fit_lbfgs(params, data, progress)
        adam = fit_adam(params, data, progress)
        frozen = fit_adam(params, data, progress, freeze_first=True)
    fits = [lbfgs, adam, frozen]

    steps = time_steps(params, data)
    print_report(fits, [accuracy(fit.params, data) for fit in fits], first_calls, steps)
    batch = data.train_images[:BATCH], data.train_targets[:BATCH]
    print_what_freezing_saved(steps, loss.explain(frozen_first(params), *batch))
    plot(fits, steps, output / "digits.png")
    console.print(f"\nwrote {output / 'digits.png'}")


if __name__ == "__main__":
    main()
