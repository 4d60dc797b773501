"""Every exception and warning that graphc raises.

One base class; each subclass also derives from the builtin that a user would catch. A message says where (the user's
file and line), what was expected, what came, and what to do instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from numpy.exceptions import AxisError
from numpy.linalg import LinAlgError


class Location(NamedTuple):
    """A place in the user's source."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class GraphcError(Exception):
    """Base of all graphc errors; ``location`` is the user's file and line where it is known.

    ``of_first_iteration``: the first iteration of a loop differs from the others, which is no error where it can be
    taken out of the loop. ``of_shape``: the iterations differ in shape, which is none where the loop is written out.
    ``of_form``: an iteration fills a Python container or advances an iterator, which is none then either.
    ``of_state``: the try itself has changed what cannot be brought back, so there is no other.
    """

    of_first_iteration = False
    of_shape = False
    of_form = False
    of_state = False

    def __init__(self, message: str, *, location: Location | None = None):
        self.location = location
        self.message = message
        super().__init__(f"{location}: {message}" if location else message)


class TraceTypeError(GraphcError, TypeError, RuntimeError):
    """A value of a kind that cannot be traced or differentiated (PyTorch's ``RuntimeError``)."""


class ConcretizationError(GraphcError, TypeError):
    """The program asked a traced value for its concrete value (``if x > 0``, ``float(x)``, ``int(x)``)."""


class ShapeError(GraphcError, ValueError, RuntimeError):
    """Shapes that do not fit together (NumPy's ``ValueError``, PyTorch's ``RuntimeError``)."""


class UndecidedSizeError(ShapeError):
    """Whether shapes fit shows only when the program runs."""


class IndexRangeError(GraphcError, ValueError, IndexError, RuntimeError):
    """A position or an axis that the array does not have (NumPy's ``IndexError``)."""


class OutOfMemoryError(GraphcError, MemoryError):
    """There is no memory for what a program saves, of which the amount showed when it ran."""


class AxisRangeError(IndexRangeError, AxisError):
    """An axis that the array does not have: NumPy's ``AxisError``, with its ``axis`` and ``ndim``."""

    def __init__(self, message: str, *, axis: int, ndim: int, location: Location | None = None):
        super().__init__(message, location=location)
        self.axis, self.ndim = axis, ndim
        self.args = (f"{location}: {message}" if location else message,)

    def __str__(self) -> str:
        return str(self.args[0])


class NumberError(GraphcError, ValueError, RuntimeError):
    """Numbers that a function has no answer for (an integer to a negative power, the maximum of nothing)."""


class NanError(GraphcError, FloatingPointError):
    """A result holds NaN, and ``GRAPHC_NAN=1`` asks for that to be an error (NumPy's ``FloatingPointError``)."""


class LinearAlgebraError(GraphcError, LinAlgError, RuntimeError):
    """A matrix that a computation has no answer for: singular, or not positive definite (NumPy's ``LinAlgError``)."""


class NoDerivativeError(LinearAlgebraError):
    """Equal eigenvalues or singular values, where what is computed has no derivative. Calls from Python do not see it:
    they warn with its text (``DerivativeWarning``), and go on."""


class GradientError(GraphcError, ValueError):
    """A gradient that is not defined as asked for (a non-scalar output, a wrong cotangent)."""


class AutogradError(GraphcError, RuntimeError):
    """Something that tensors refuse when they are differentiated or written into (PyTorch's ``RuntimeError``)."""


class OutputError(GraphcError, ValueError):
    """What a call was given as ``out`` cannot take its result."""


class UnsupportedError(GraphcError, NotImplementedError):
    """A NumPy function or a form of it that graphc does not have."""


class UnsupportedAttributeError(UnsupportedError, AttributeError):
    """An array method or attribute that graphc does not have."""


class ForeignCallError(GraphcError, RuntimeError):
    """A function that compiled code called by its address failed."""


class LeakedTracerError(GraphcError, RuntimeError):
    """A traced value was used after its trace had ended."""


class SideEffectError(GraphcError, RuntimeError):
    """The traced function changed something outside that a compiled program would not change again."""


class InvalidGraphError(GraphcError, ValueError):
    """A graph that breaks the rules of the IR: a defect of graphc itself."""


class ConfigError(GraphcError, ValueError):
    """A setting or an environment variable with a value that it cannot take."""


class CudaError(GraphcError, RuntimeError):
    """There is no GPU, or its driver failed."""


class CudaMemoryError(CudaError, OutOfMemoryError):
    """A device has no memory for an array or a program."""


class ProgramError(GraphcError, RuntimeError):
    """A compiled program reported a failure at run time."""


class GraphcWarning(UserWarning):
    """Something that works, but not as well as it could; says what to do."""


class DerivativeWarning(GraphcWarning, RuntimeWarning):
    """A gradient at a point where there is no derivative: says which line, and what the gradient is."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A closing remark with the name that was probably meant."""
    import difflib

    same_case = sorted(known, key=lambda k: (k[:1].isupper() == name[:1].isupper(), k))  # ``Tensor`` beside ``tensor``
    meant = {k.lower(): k for k in same_case if not k.startswith("_")}
    match = difflib.get_close_matches(name.lower(), meant, n=1, cutoff=0.65)
    return f": did you mean {meant[match[0]]!r}?" if match else ""


def absent_names(module: str, known: Mapping[str, object]) -> Callable[[str], object]:
    """A module's ``__getattr__``, which names the name that was probably meant."""

    def absent(name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        raise AttributeError(f"module {module!r} has no attribute {name!r}{nearest(name, known)}")

    return absent
