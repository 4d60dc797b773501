"""Numba as a compiler from Python functions to LLVM IR, and nothing more. Private parts of Numba are used here alone.

Numba's own way from a function to machine code loads every implementation it has (linear algebra, random numbers,
strings, SciPy's BLAS: 0.5 s), runs thirty passes over its IR, links a run-time library into each function and optimises
it three times. Printed kernels need none of it: numbers, ranges, pointers and intrinsics. So graphc registers a target
of its own, with contexts that hold Numba's built-in numbers and loops only, and calls the four stages that matter:
bytecode to IR, type inference, lowering, text. What a user compiles with Numba in the same process is not touched.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from types import FunctionType
from typing import Any

from numba.core import (
    bytecode,
    codegen,
    compiler,
    cpu,
    descriptors,
    dispatcher,
    errors,
    funcdesc,
    lowering,
    sigutils,
    typeinfer,
    types,
    typing,
)
from numba.core.callconv import create_error_model
from numba.core.compiler_lock import global_compiler_lock
from numba.core.interpreter import Interpreter
from numba.core.postproc import PostProcessor
from numba.core.target_extension import CPU, dispatcher_registry, jit_registry, target_registry
from numba.core.targetconfig import ConfigStack
from numba.core.typing import templates

from graphc.codegen import division
from graphc.config import settings

TARGET = "graphc"


class _GraphcTarget(CPU):
    """What intrinsics and overloads see as the target: a kind of CPU."""


class _TypingContext(typing.BaseContext):
    """Types of numbers, operators, ranges, math functions and intrinsics; no arrays or containers."""

    def init(self) -> None:
        self._redirected: dict[Any, _Dispatcher] = {}
        self._resolved: dict[Any, Any] = {}

    def resolve_value_type(self, value: Any) -> Any:
        """A function that was decorated with njit is compiled here once more, within this target."""
        if isinstance(value, dispatcher.Dispatcher) and not isinstance(value, _Dispatcher):
            if value not in self._redirected:
                self._redirected[value] = _Dispatcher(value.py_func, targetoptions=value.targetoptions)
            value = self._redirected[value]
        return super().resolve_value_type(value)

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        """The same operators meet the same types again and again: what was found once is kept."""
        if kws or isinstance(func, types.Dispatcher):
            return super().resolve_function_type(func, args, kws)
        key = func, tuple(args)
        if key not in self._resolved:
            found = super().resolve_function_type(func, args, kws)
            if found is None:
                return None
            self._resolved[key] = found
        return self._resolved[key]

    def refresh(self) -> None:
        from numba.core.typing import builtins, mathdecl

        del builtins  # imported for what it registers
        for registry in (templates.builtin_registry, mathdecl.registry):
            self._install(registry)

    def _install(self, registry: Any) -> None:
        loader = self._registries.setdefault(registry, templates.RegistryLoader(registry))
        for template in loader.new_registrations("functions"):
            self.insert_function(template(self))
        for template in loader.new_registrations("attributes"):
            if not issubclass(template, templates._OverloadAttributeTemplate):  # of arrays, strings and so on
                self.insert_attributes(template(self))
        for value, type_ in loader.new_registrations("globals"):
            existing = self._lookup_global(value)
            if existing is None:
                self.insert_global(value, type_)
                continue
            widened = existing.augment(type_)
            if widened is not None:
                self._remove_global(value)
                self._insert_global(value, widened)


class _Library(codegen.CPUCodeLibrary):
    """Collects a function's LLVM modules as they are: nothing is optimised, linked or loaded."""

    def __init__(self, owner: Any, name: str) -> None:
        codegen.CodeLibrary.__init__(self, owner, name)
        self.modules: list[Any] = []

    def add_ir_module(self, ir_module: Any) -> None:
        self.modules.append(ir_module)

    def add_linking_library(self, library: Any) -> None:
        if not isinstance(library, _Library):
            raise errors.LoweringError("a generated function calls one that Numba has compiled for its own target")
        self.modules.extend(module for module in library.modules if module not in self.modules)

    def finalize(self) -> None:
        self._finalized = True


class _Codegen(codegen.JITCPUCodegen):
    _library_class = _Library


class _TargetContext(cpu.CPUContext):
    """Implementations of numbers, ranges and math functions."""

    def init(self) -> None:
        self.is32bit = False
        self._internal_codegen = _Codegen("graphc")
        self._abi_sizes: dict[Any, int] = {}

    def load_additional_registries(self) -> None:
        from numba.core import optional
        from numba.cpython import builtins, mathimpl, numbers, rangeobj

        del optional, builtins, numbers, rangeobj  # imported for what they register
        self.install_registry(mathimpl.registry)
        self.install_registry(division.registry)

    def get_abi_sizeof(self, type_: Any) -> int:
        """Asking LLVM costs 1 ms and would wait for an optimisation that runs meanwhile."""
        if type_ not in self._abi_sizes:
            self._abi_sizes[type_] = super().get_abi_sizeof(type_)
        return self._abi_sizes[type_]

    def get_executable(self, library: Any, fndesc: Any, env: Any) -> Any:
        """A key for the function among implementations: it has no address."""
        return fndesc.unique_name, object()

    def post_lowering(self, module: Any, library: Any) -> None:
        if self.fastmath:
            cpu.fastmathpass.rewrite_module(module, self.fastmath)


class _Lower(lowering.Lower):
    def emit_environment_object(self) -> None:
        """Nothing: it would hold Python objects."""


class _Descriptor(descriptors.TargetDescriptor):
    """Where Numba finds the contexts of a target."""

    options = cpu.CPUTargetOptions

    def __init__(self) -> None:
        super().__init__(TARGET)
        self._typing = _TypingContext()

    @property
    def typing_context(self) -> _TypingContext:
        return self._typing

    @cached_property
    def target_context(self) -> _TargetContext:
        return _TargetContext(self._typing, TARGET)


class _Dispatcher(dispatcher.Dispatcher):
    """A helper function that a printed one calls: compiled within this target, and linked in."""

    targetdescr: _Descriptor

    def __init__(self, py_func: Any, locals: Any = None, targetoptions: Any = None, **_: Any) -> None:
        allowed = {name: value for name, value in (targetoptions or {}).items() if name in ("fastmath", "error_model")}
        options = {"error_model": "numpy", **allowed, **_WITHOUT_WRAPPERS}
        super().__init__(py_func, locals=locals or {}, targetoptions=options)

    def add_overload(self, cres: Any) -> None:
        """Known to type inference and lowering alone: it cannot be called from Python."""
        self.overloads[tuple(cres.signature.args)] = cres


_WITHOUT_WRAPPERS = {"nopython": True, "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


@lru_cache(maxsize=1)
def _contexts() -> _Descriptor:
    target_registry[TARGET] = _GraphcTarget
    _Dispatcher.targetdescr = descriptor = _Descriptor()
    dispatcher_registry[_GraphcTarget] = _Dispatcher
    jit_registry[_GraphcTarget] = lambda **options: lambda function: _Dispatcher(function, targetoptions=options)
    return descriptor


def _flags() -> compiler.Flags:
    flags = compiler.Flags()
    flags.error_model = "numpy"
    flags.fastmath = cpu.FastMathOptions({"contract"} if settings.contract else False)
    return flags


def _infer(context: _Descriptor, func_ir: Any, arguments: Any, result: Any) -> tuple[Any, Any, Any]:
    """The type of each variable, of the result, and the signature of each call."""
    warnings = errors.WarningsFixer(errors.NumbaWarning)
    inference = typeinfer.TypeInferer(context.typing_context, func_ir, warnings)
    with context.typing_context.callstack.register(_GraphcTarget, inference, func_ir.func_id, arguments), warnings:
        for index, (name, type_) in enumerate(zip(func_ir.arg_names, arguments, strict=True)):
            inference.seed_argument(name, index, type_)
        if result is not None:
            inference.seed_return(result)
        inference.build_constraint()
        inference.propagate()
        typemap, result_type, calls = inference.unify()
    return typemap, result_type, calls


@global_compiler_lock
def function_ir(function: FunctionType, name: str, signature: Any) -> list[str]:
    """LLVM IR of a function: the module that defines ``name``, then modules of helpers it calls.

    Args:
        function: plain Python, restricted to numbers, ranges, pointers, ``math`` and intrinsics.
        name: the symbol that it gets, as it stands.
        signature: a Numba signature or its text, such as ``"void(CPointer(float64), int64)"``.
    Returns: textual IR (list of str). Calling convention: see ``graphc.abi``.
    Raises: numba.core.errors.NumbaError: the function is outside of what can be compiled.
    """
    context = _contexts()
    context.target_context.refresh()
    arguments, result = sigutils.normalize_signature(signature)
    identity = bytecode.FunctionIdentity.from_function(function)
    func_ir = Interpreter(identity).interpret(bytecode.ByteCode(identity))
    PostProcessor(func_ir).run()
    flags = _flags()
    with ConfigStack().enter(flags):
        typemap, result_type, calls = _infer(context, func_ir, arguments, result)
        target = context.target_context.subtarget(
            error_model=create_error_model(flags.error_model, context.target_context), fastmath=flags.fastmath
        )
        library = target.codegen().create_library(name)
        description = funcdesc.PythonFunctionDescriptor.from_specialized_function(
            func_ir,
            typemap,
            result_type,
            calls,
            mangler=lambda *_, **__: name,
            inline=False,
            noalias=False,
            abi_tags=(),
        )
        with target.push_code_library(library):
            _Lower(target, library, description, func_ir, metadata={}).lower()
    own = [module for module in library.modules if name in module.globals and module.globals[name].blocks]
    helpers = [module for module in library.modules if module not in own]
    return [str(module) for module in (*own, *helpers)]
