"""Optimisers, under PyTorch's names; each updates all parameters of a group by one compiled program."""

from graphc.errors import absent_names
from graphc.interop import flatten_args as flatten
from graphc.optim import lr_scheduler
from graphc.optim.algorithms import SGD, Adagrad, Adam, AdamW, RMSprop
from graphc.optim.compiled import CompiledStep, compile_step
from graphc.optim.fitting import Fit, fit
from graphc.optim.lbfgs import LBFGS
from graphc.optim.more_algorithms import ASGD, Adadelta, Adamax, NAdam, RAdam, Rprop
from graphc.optim.optimizer import Optimizer

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "CompiledStep",
    "Fit",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "compile_step",
    "fit",
    "flatten",
    "lr_scheduler",
]

__getattr__ = absent_names(__name__, globals())
