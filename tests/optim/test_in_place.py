"""Updates are written over parameters and states: who sees them, who does not, and what they need."""

import numpy as np
import pytest

import graphc
from graphc import nn, optim
from graphc.abi import Code
from graphc.errors import GraphcError
from graphc.tensors import programs

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
}


def parts(optimizer=OPTIMIZERS["adam"]):
    graphc.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    return model, nn.MSELoss(), optimizer(model.parameters()), graphc.randn(5, 3), graphc.randn(5, 1)


def addresses(model, optimizer):
    states = [s for state in optimizer.state.values() for s in state.values() if isinstance(s, graphc.Tensor)]
    return [t._array.ctypes.data for t in (*model.parameters(), *states)]


def plain_step(model, criterion, optimizer, x, y):
    optimizer.zero_grad()
    criterion(model(x), y).backward()
    optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("compiled", [False, True])
def test_parameters_and_states_stay_where_they_are(name, compiled):
    model, criterion, optimizer, x, y = parts(OPTIMIZERS[name])
    step = optim.compile_step(model, criterion, optimizer)
    seen, values = [], []
    for _ in range(4):
        step(x, y) if compiled else plain_step(model, criterion, optimizer, x, y)
        seen.append(addresses(model, optimizer))
        values.append(model[0].weight.detach().clone().numpy())
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert not np.array_equal(values[0], values[1])


def programs_made(monkeypatch):
    """The runners that are made from here on."""
    made, make = [], programs.make_runner

    def noted(*args):
        made.append(make(*args))
        return made[-1]

    monkeypatch.setattr(programs, "make_runner", noted)
    return made


def test_an_update_of_two_groups_is_one_program_without_memory_of_its_own(monkeypatch):
    """It gives nothing, and needs nothing: no array of a parameter's size is made."""
    model, criterion, _, x, y = parts()
    optimizer = optim.Adam([{"params": model[0].parameters(), "lr": 0.1}, {"params": model[2].parameters()}])
    criterion(model(x), y).backward()
    x.numpy()
    made = programs_made(monkeypatch)
    for _ in range(3):
        optimizer.step()
    (runner,) = made
    assert len(set(runner.kernels)) == len(optimizer.param_groups)  # of parameters of any shape
    assert runner.executable.outputs == ()
    code, bytes_needed = runner.executable.arena  # some single numbers, whatever the sizes
    assert code == Code.CONST
    assert bytes_needed < 8 * 8 * 8


def test_a_compiled_step_gives_the_loss_alone(monkeypatch):
    model, criterion, optimizer, x, y = parts()
    made = programs_made(monkeypatch)
    step = optim.compile_step(model, criterion, optimizer)
    step(x, y), step(x, y)
    assert len(made[-1].executable.outputs) == 1


@pytest.mark.parametrize("compiled", [False, True])
def test_aliases_see_the_update(compiled):
    """Memory that NumPy has, a detached view, a slice of it: as in PyTorch. A clone does not."""
    model, criterion, optimizer, x, y = parts()
    weight = model[0].weight
    array, view, clone = weight.detach().numpy(), weight.detach(), weight.detach().clone()
    row, before = view[0], array.copy()
    step = optim.compile_step(model, criterion, optimizer)
    for _ in range(3):
        step(x, y) if compiled else plain_step(model, criterion, optimizer, x, y)
    now = weight.detach().clone().numpy()
    assert not np.array_equal(now, before)
    np.testing.assert_array_equal(array, now)
    np.testing.assert_array_equal(view.numpy(), now)
    np.testing.assert_array_equal(row.numpy(), now[0])
    np.testing.assert_array_equal(clone.numpy(), before)


@pytest.mark.parametrize("compiled", [False, True])
def test_inputs_in_the_same_memory_are_read_before(compiled):
    """A batch that is a view of a parameter's memory: the numbers are those of a batch that is a copy."""
    found = []
    for shared in (True, False):
        memory = np.random.default_rng(0).standard_normal((8, 3))
        model, criterion, _, _, y = parts()
        model[0].weight = nn.Parameter(graphc.from_numpy(memory))
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        step = optim.compile_step(model, criterion, optimizer)
        for _ in range(2):
            x = graphc.from_numpy(memory[:5] if shared else memory[:5].copy())
            step(x, y) if compiled else plain_step(model, criterion, optimizer, x, y)
        found.append(model[0].weight.detach().clone().numpy())
    np.testing.assert_array_equal(*found)


def test_what_was_computed_before_keeps_its_values():
    """Also values that were still pending, and those that a graph holds for another backward pass."""
    model, criterion, optimizer, x, y = parts(OPTIMIZERS["sgd"])
    plain_step(model, criterion, optimizer, x, y)
    before = model[0].weight.detach().clone().numpy()
    doubled = model[0].weight * 2
    held = model[0].weight.sum()
    held.backward(retain_graph=True)
    optimizer.step()
    np.testing.assert_array_equal(doubled.detach().numpy(), before * 2)
    model[0].weight.grad = None
    held.backward()  # of a sum, which needs no values
    np.testing.assert_array_equal(model[0].weight.grad.numpy(), np.ones((8, 3)))


def test_a_backward_pass_that_needs_the_old_values_is_refused():
    model, criterion, optimizer, x, y = parts()
    loss = criterion(model(x), y)
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(GraphcError, match=r"in-place|version|modified"):
        loss.backward()


def test_a_compiled_step_that_fails_changes_nothing():
    """A label outside the classes: neither parameters nor states nor the count of steps."""
    graphc.manual_seed(0)
    model = nn.Linear(4, 3)
    optimizer = optim.Adam(model.parameters())
    step = optim.compile_step(model, nn.CrossEntropyLoss(), optimizer)
    x = graphc.randn(5, 4)
    step(x, graphc.tensor([0, 1, 2, 0, 1]))
    before = [(p.detach().clone().numpy(), optimizer.state[p]["step"]) for p in model.parameters()]
    with pytest.raises(IndexError):
        step(x, graphc.tensor([0, 1, 9, 0, 1]))
    for p, (values, count) in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), values)
        assert optimizer.state[p]["step"] == count


def test_a_view_that_is_trained_writes_into_its_base():
    """As in PyTorch: a detached row, made a leaf that requires grad."""
    base = graphc.zeros(2, 3)
    row = base[1].detach().requires_grad_()
    optimizer = optim.SGD([row], lr=0.5)
    (row * graphc.tensor([1.0, 2.0, 3.0])).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(base.numpy(), [[0, 0, 0], [-0.5, -1.0, -1.5]])
    np.testing.assert_array_equal(row.detach().numpy(), [-0.5, -1.0, -1.5])
