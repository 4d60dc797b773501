"""Programs for CUDA: from a graph to what runs it on a device, on NumPy arrays or on arrays that are there already."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from graphc.abi import ALIGNMENT, Build
from graphc.abi import Step as AccessStep
from graphc.codegen.cuda_chores import WORDS
from graphc.codegen.cuda_driver import print_cuda_program
from graphc.codegen.driver import arena_bytes
from graphc.compiler import Executable
from graphc.config import settings
from graphc.cuda_graph import graph_for_device
from graphc.cuda_numbers import compiled_numbers, host_numbers
from graphc.cuda_sizes import ProgramSizes, Sizes
from graphc.errors import CudaError, NoDerivativeError, ProgramError
from graphc.ir.dims import evaluate
from graphc.ir.graph import Graph, Value
from graphc.ir.types import SHORT_NAMES, ArrayType
from graphc.limits import warn
from graphc.ops.index import range_error
from graphc.ops.table import OPS
from graphc.runtime.cuda_arrays import DeviceView, own_view
from graphc.runtime.cuda_calls import bare_plan
from graphc.runtime.cuda_devices import Device, device
from graphc.runtime.cuda_memory import DeviceArray, elements
from graphc.runtime.cuda_numbers import NumbersProgram, computed
from graphc.runtime.cuda_program import Layout, LoadedProgram, Step, layout
from graphc.runtime.cuda_ready import LETTERS, Computing, Done
from graphc.runtime.cuda_replay import Replays
from graphc.schedule.nests import OF_A_DEVICE
from graphc.schedule.plan import schedule
from graphc.trace.record import Traced

MOST_PLACES = 64  # layouts of a program's block that are remembered
SMALL = 1 << 16  # bytes of an array that is copied so that a captured step finds it in one place


def cuda_runner(graph: Graph, traced: Traced, number: int, *, atomics: bool) -> CudaRunner:
    """The runner for the device with this number. Raises ``CudaError`` where there is none, ``UnsupportedError``."""
    return CudaRunner(graph, device(number), constants_of(traced), atomics=atomics)


def constants_of(traced: Traced) -> list[int]:
    """The numbers of the inputs that are part of the program."""
    steps = traced.captures.paths.steps
    paths = [(k, source.path) for k, source in enumerate(traced.inputs) if source.path is not None]
    return [k for k, path in paths if steps[path][0] is AccessStep.CONST]


class CudaRunner:
    """Runs a graph on a device (a ``program.Runner``).

    NumPy arrays are copied there, and the results back. Where arrays are on the device already, results are, too, of
    the same kind, and nothing waits for them.
    """

    executable: Executable | None = None

    def __init__(
        self, graph: Graph, device: Device, constants: Collection[int] = (), home: DeviceView | None = None, *,
        atomics: bool = False, there: Collection[int] = (),
    ):  # fmt: skip
        """``constants``: numbers of the parameters that are part of the program, and NumPy arrays in any call.

        ``home``: what results are like, whatever is given: arrays of graphc's own are where they are, and NumPy's are
        copied. ``atomics``: sums may be made in any order; ``settings.cuda_atomics`` says so, too.
        ``there``: numbers of the parameters that are on the device in any call, so that the host computes nothing with
        them.
        """
        self.graph, self.device, self.constants, self.home = graph, device, frozenset(constants), home
        self.parts = host_numbers(graph, there)
        on_device = self.parts.device
        program = schedule(graph_for_device(on_device), OPS, blocks=OF_A_DEVICE)
        printed = print_cuda_program(
            program, len(on_device.params) + len(graph.ints), repr(settings.code_key()),
            atomics=(atomics or settings.cuda_atomics) and not settings.deterministic,
        )  # fmt: skip
        self.checks = program.checks
        self.sizes = ProgramSizes(graph, program.symbols, program.bounds, arena_bytes(program))
        self.sources = (printed.source, *(kernel.printed.source for kernel in printed.kernels))
        names = [kernel.printed.name for kernel in printed.kernels]
        self.kernels = tuple(name for name in names if name.startswith("cuda_kernel_"))
        self.loaded = LoadedProgram(printed, device)
        read = {*on_device.outputs, *(v for node in on_device.nodes for v in node.inputs)}
        given = on_device.params[: len(graph.params)]
        numbers = [k for k, p in enumerate(given) if not p.dims and p in read]
        self.slots = {k: slot for slot, k in enumerate(numbers)}  # of single numbers, their places in the block
        self.packed = len(numbers) + len(on_device.params) - len(graph.params)  # the places, with those of the host's
        self.replays = Replays(self.loaded)
        self.moving: set[int] = set()  # small inputs that are not always in one place
        self.places: dict[int, int] = {}  # where each small input was
        self.done: Done | None = None  # the last call, where a graph served it
        self.report = 0  # where the host finds the number of a check that failed in an earlier call
        self.by_places: dict[tuple, Layout] = {}

    def run(self, inputs: Sequence[Any], like: DeviceView | None = None) -> list[Any] | None:
        """The outputs, or None where the sizes do not fit the program. Raises ``IndexRangeError``, ``CudaError``.

        ``like``: what the results are like, where not the first array that is on the device says it.
        Where results stay on the device, a wrong index makes their floating numbers NaN, and the error is raised by a
        later call, since nothing waits for the check. So do equal eigenvalues without a derivative, with a warning.
        """
        sizes = self.sizes.of(inputs)
        if sizes is None:
            return None
        like = like or self.home or next((view for view in inputs if isinstance(view, DeviceView)), None)
        with self.loaded.lock, self.device.current():
            if like is None:
                return self._run_copied(inputs, sizes)
            self._raise_reported()
            self.loaded.asked = sizes
            return self._run_there(inputs, sizes, like)

    def run_at_home(self, inputs: Sequence[Any]) -> list[Any] | None:
        """``run`` of graphc's own arrays, on the device or NumPy's, by the short way where there is one."""
        found: list[Any] | None = self.at_home(*inputs)
        return found

    @functools.cached_property
    def at_home(self) -> Callable[..., Any]:
        """The same of inputs one by one."""
        inputs, outputs = range(len(self.graph.params) + len(self.graph.ints)), range(len(self.graph.outputs))
        steps = [(AccessStep.ARG, k) for k in inputs]
        result = [*[(Build.LEAF, k) for k in outputs], (Build.LIST, len(outputs))]
        plan = bare_plan(len(inputs), steps, (), inputs, len(outputs), result)
        return self.replays.known.entry(plan, self._run_at_home)

    def _run_at_home(self, *inputs: Any) -> list[Any] | None:
        found: list[Any] | None = self.replays.fast(*inputs)
        if found is not None:
            return found
        seen = [own_view(given) if isinstance(given, DeviceArray) else given for given in inputs]
        found = self.run(seen)
        self.learn(inputs)
        return found

    def learn(self, objects: Sequence[Any]) -> None:
        """Serve calls like the last one, whose arguments these are, by the short way, if there is one."""
        done, self.done = self.done, None
        if done is not None and len(done.given) == len(objects):
            alike = all(
                given.address == done.like.kind.quick.address(obj) if isinstance(given, DeviceView) else given is obj
                for given, obj in zip(done.given, objects, strict=True)
            ) if done.like.kind.quick is not None else False  # fmt: skip
            if alike:
                self.replays.learn(objects, done)

    # --- two ways of a call -------------------------------------------------------------------------------------------

    def _run_copied(self, inputs: Sequence[Any], sizes: Sizes) -> list[Any]:
        staged = [i.nbytes if p.dims else -1 for p, i in self._parameters(inputs)]
        outputs = self.graph.outputs
        staged += [n * v.type.dtype.itemsize for n, v in zip(sizes.capacities, outputs, strict=True)]
        plan, block = self._place(sizes, staged, self.device.stream)
        places = [block + offset for offset in plan.staged]
        ints = (0,) * len(self.graph.ints)  # they bind symbols, and have no memory
        addresses = self._inputs(inputs, places, plan, block)
        given = places[len(self.graph.params) :]
        step = self._step(sizes, plan, block, (*addresses, *ints, *given), inputs)
        status, symbols = self.loaded.run(step)
        shapes = self.sizes.shapes(sizes, symbols)
        results = [np.empty(shape, v.type.dtype) for shape, v in zip(shapes, outputs, strict=True)]
        failed = np.zeros((), np.int64)
        wanted = [*zip(given, results, strict=True), (step.arena - ALIGNMENT, failed)]
        self.device.read(wanted, self.loaded.stream)
        if status or failed:
            self.loaded.forget_failure()
            raise self._error(status or int(failed), sizes, symbols)
        return [array if array.ndim else array[()] for array in results]

    def _run_there(self, inputs: Sequence[Any], sizes: Sizes, like: DeviceView) -> list[Any]:
        self._note_moves(inputs)
        staged = [self._staged(k, p, i, like) for k, (p, i) in enumerate(self._parameters(inputs))]
        staged += [self._held(sizes, k) for k in range(len(self.graph.outputs))]
        plan, block = self._place(sizes, staged, like.stream)
        others = {view.stream for view in inputs if isinstance(view, DeviceView)} - {like.stream}
        for stream in others:
            self.device.follow(like.stream, stream)
        addresses = self._inputs(inputs, [block + offset for offset in plan.staged], plan, block)
        made = []
        for k, value in enumerate(self.graph.outputs):
            shape = sizes.shapes[k] if sizes.shapes is not None else (sizes.capacities[k],)
            made.append(like.kind.empty(like, shape, value.type.dtype))
        ints = (0,) * len(self.graph.ints)
        held = [block + offset if offset >= 0 else -1 for offset in plan.staged[len(self.graph.params) :]]
        results = [place if at < 0 else at for (_, place), at in zip(made, held, strict=True)]
        step = self._step(sizes, plan, block, (*addresses, *ints, *results), inputs)
        if self.loaded.program.has_notes:
            self.report = self.report or self.device.pinned(8)
            floats = [
                (place, count * (1 + value.type.is_complex), _kernel_dtype(value.type))
                for place, count, value in zip(results, sizes.capacities, self.graph.outputs, strict=True)
                if value.type.is_float
            ]
            step = step._replace(results=tuple(floats), report=self.report)
        status, symbols = self.loaded.run(step)
        held_sizes = staged[len(self.graph.params) :]
        pairs = [(place, at, size) for (_, place), at, size in zip(made, held, held_sizes, strict=True)]
        self.loaded.transfer([piece for piece in pairs if piece[1] >= 0])
        self.loaded.end()
        if not others and not status:
            self._note_done(inputs, sizes, plan, block, step, like, held)
        for stream in others:  # what its owner does next to the memory, it does when this step has read it
            self.device.follow(stream, like.stream)
        if status:
            raise self._error(status, sizes, symbols)
        shapes = self.sizes.shapes(sizes, symbols)
        flat = sizes.shapes is None
        return [
            like.kind.finished(array, elements(shape) if flat else None, shape)
            for (array, _), shape in zip(made, shapes, strict=True)
        ]

    def _note_moves(self, inputs: Sequence[Any]) -> None:
        """Find small inputs that were elsewhere in the last call: from here on they are copied to one place."""
        for k, given in enumerate(inputs):
            if (
                isinstance(given, DeviceView)
                and _is_small(given)
                and self.places.setdefault(k, given.address) != given.address
            ):
                self.moving.add(k)

    def _held(self, sizes: Sizes, number: int) -> int:
        """The bytes of a small result, which is copied from one place: results are in new memory each time."""
        size = sizes.capacities[number] * self.graph.outputs[number].type.dtype.itemsize
        return size if sizes.shapes is not None and 0 < size <= SMALL else -1

    def _note_done(
        self, inputs: Sequence[Any], sizes: Sizes, plan: Layout, block: int, step: Step, like: DeviceView,
        held: Sequence[int],
    ) -> None:  # fmt: skip
        """Keep what the call did, if a graph did it and everything in it can be looked up again."""
        graph = self.loaded.graphs.get((step.addresses, step.symbols))
        params = self.graph.params
        known = all(
            given.is_plain if isinstance(given, DeviceView)
            else k in self.constants or (not p.dims and p.type.dtype.str[1:] in LETTERS)
            for k, (p, given) in enumerate(self._parameters(inputs))
        )  # fmt: skip
        self.done = None
        if graph is None or not known or any(isinstance(inputs[k], DeviceView) for k in self.parts.sources):
            return
        host = self.computing and Computing(self.computing, sizes.known, self.parts.sources, len(self.slots))
        shapes = self.sizes.shapes(sizes, step.symbols)
        results = [(shape, v.type.dtype, at) for shape, v, at in zip(shapes, self.graph.outputs, held, strict=True)]
        fixed = step.addresses[len(step.addresses) - len(results) :]
        self.done = Done(
            tuple(inputs), like,
            tuple([(k, block + plan.staged[k]) for k, given in enumerate(inputs)
                   if isinstance(given, DeviceView) and plan.staged[k] >= 0]),
            tuple([(k, self.slots.get(k, -1), p.type.dtype) for k, p in enumerate(params)
                   if (k in self.slots or k in self.parts.sources) and not isinstance(inputs[k], DeviceView)]),
            host, (step.numbers, len(step.words)), tuple(results),
            tuple([place for place, at in zip(fixed, held, strict=True) if at < 0]), graph, step.report,
            self.loaded.asked,
        )  # fmt: skip

    def _parameters(self, inputs: Sequence[Any]) -> list[tuple[Value, Any]]:
        return list(zip(self.graph.params, inputs, strict=False))

    def _staged(self, number: int, param: Value, given: Any, like: DeviceView) -> int:
        """The bytes that the input needs in the program's own block, or -1. Raises ``CudaError``."""
        if isinstance(given, DeviceView):
            stays = given.is_plain and not (number in self.moving and _is_small(given))
            return -1 if stays else elements(given.shape) * param.type.dtype.itemsize
        if not param.dims:
            return -1
        if number not in self.constants and self.home is None:
            raise CudaError(
                f"{param.name}, which the function reads from outside, is a NumPy array, and the arguments are on "
                f"device {like.device} ({like.kind.name}): pass it as an argument that is there, too"
            )
        return given.nbytes

    # --- sizes and places ---------------------------------------------------------------------------------------------

    def known_sizes(self, inputs: Sequence[Any]) -> dict[str, int]:
        """The symbols that the inputs show. They must fit the program."""
        sizes = self.sizes.of(inputs)
        return {} if sizes is None else sizes.known

    def _place(self, sizes: Sizes, staged: Sequence[int], stream: int) -> tuple[Layout, int]:
        """Where things stand in the block, and its address."""
        key = (sizes.symbols, *staged)
        plan = self.by_places.get(key)
        if plan is None:
            if len(self.by_places) >= MOST_PLACES:
                self.by_places.clear()
            workspace = self.device.workspace if self.loaded.program.uses_blas else 0
            plan = self.by_places[key] = layout(self.packed, sizes.arena, workspace, staged)
        return plan, self.loaded.block_for(plan, stream)

    def _inputs(self, inputs: Sequence[Any], places: Sequence[int], plan: Layout, block: int) -> list[int]:
        """The addresses of the inputs, of which those that need it are copied to the block."""
        addresses, pieces = [], []
        for k, (param, given) in enumerate(self._parameters(inputs)):
            place, offset = places[k], plan.staged[k]
            if isinstance(given, DeviceView):
                if offset >= 0 and given.is_plain:
                    pieces.append((place, given.address, elements(given.shape) * given.dtype.itemsize))
                elif offset >= 0:
                    self.loaded.gather(given.address, given, given.strides, place)
                addresses.append(place if offset >= 0 else given.address)
            elif param.dims:
                self.device.write(place, given, self.loaded.stream)
                addresses.append(place)
            else:
                addresses.append(block + plan.number(self.slots.get(k, 0)))
        self.loaded.transfer(pieces)
        return addresses + [block + plan.number(slot) for slot in range(len(self.slots), self.packed)]

    def _step(self, sizes: Sizes, plan: Layout, block: int, addresses: tuple[int, ...], inputs: Sequence[Any]) -> Step:
        words = tuple([word for k in self.slots for word in self._words(self.graph.params[k], inputs[k])])
        if self.computing is not None:
            words += computed(self.computing, sizes.known, [self._number(k, inputs[k]) for k in self.parts.sources])
        return Step(addresses, sizes.symbols, block + plan.arena, block + plan.workspace, block + plan.numbers, words)

    def _words(self, param: Value, given: Any) -> tuple[int, ...]:
        """The number as words, in whose first bytes a kernel reads it."""
        if isinstance(given, DeviceView):
            return (0,) * WORDS
        data = np.asarray(given, param.type.dtype).tobytes().ljust(8 * WORDS, b"\0")
        return tuple([int.from_bytes(data[8 * k : 8 * k + 8], "little", signed=True) for k in range(WORDS)])

    def _number(self, k: int, given: Any) -> np.ndarray:
        """A number that the host computes with; one that is on the device is waited for."""
        found = np.empty((), self.graph.params[k].type.dtype)
        if isinstance(given, DeviceView):
            self.device.read([(given.address, found)], self.loaded.stream)
        else:
            found[()] = given
        return found

    @functools.cached_property
    def computing(self) -> NumbersProgram | None:
        """What the host computes of single numbers; compiled when the program first runs."""
        return None if self.parts.host is None else compiled_numbers(self.parts.host)

    # --- failed checks ------------------------------------------------------------------------------------------------

    def _raise_reported(self) -> None:
        """Raise what an earlier call found out after it had returned; that there was no derivative is a warning."""
        if not self.report or self.loaded.asked is None:
            return
        word = ctypes.c_int64.from_address(self.report)
        if word.value:
            status, word.value = word.value, 0
            self.loaded.forget_failure()
            error = self._error(status, self.loaded.asked, self.loaded.asked.symbols)
            if not isinstance(error, NoDerivativeError):
                raise error
            warn(error)

    def _error(self, status: int, sizes: Sizes, symbols: Sequence[int]) -> BaseException:
        if not 0 < status <= len(self.checks):
            return ProgramError(f"the program failed with status {status}")
        check = self.checks[status - 1]
        return range_error(check.axis, evaluate(check.size, self.sizes.after(sizes, symbols)), location=check.location)


def _kernel_dtype(type_: ArrayType) -> str:
    """In which kernels write an array: a complex one as real numbers, one of halves as bits."""
    return "u16" if type_.is_half else SHORT_NAMES[type_.real_dtype]


def _is_small(view: DeviceView) -> bool:
    return 0 < elements(view.shape) * view.dtype.itemsize <= SMALL
