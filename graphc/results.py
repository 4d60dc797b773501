"""What a call returns: how native code builds it, and how it is written to arrays that the caller gives (``out=``)."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc import pytree
from graphc.abi import Build, OutPlan
from graphc.errors import OutputError
from graphc.trace.location import user_location
from graphc.trace.paths import Paths
from graphc.trace.record import Constant, Output
from graphc.trace.target import Target


def result_recipe(template: Any) -> list[tuple]:
    """Postorder steps (``abi.Build``) that make the result; the template has ``Output`` and ``Constant`` leaves."""
    kind = type(template)
    if isinstance(template, Output):
        leaf: list[tuple] = [(Build.LEAF, template.index)]
        return [*leaf, (Build.CALL, int, 1)] if template.as_int else leaf
    if isinstance(template, Constant):
        value = template.value
        return [(Build.NONE,)] if value is None else [(Build.CALL, lambda: value, 0)]
    if kind is dict:
        parts = [step for child in template.values() for step in result_recipe(child)]
        return [*parts, (Build.DICT, tuple(template))]
    if isinstance(template, tuple) and (kind is tuple or hasattr(kind, "_fields")):
        parts = [step for child in template for step in result_recipe(child)]
        count = len(template)
        return [*parts, (Build.TUPLE, count) if kind is tuple else (Build.CALL, kind, count)]
    if kind is list:
        return [*(step for child in template for step in result_recipe(child)), (Build.LIST, len(template))]
    leaves, spec = pytree.flatten(template)
    parts = [step for child in leaves for step in result_recipe(child)]
    return [*parts, (Build.CALL, lambda *objects: pytree.unflatten(spec, objects), len(leaves))]


_LEAF = pytree.flatten(None)[1]


# --- out= -------------------------------------------------------------------------------------------------------------


def owns_out(target: Target) -> bool:
    """Whether ``out=`` is an argument of the plain function's own: decorating it does not change what a call means.

    NumPy's functions mean by it what graphc does: there it is graphc's.
    """
    function: Any = target.function
    if isinstance(function, np.ufunc) or (getattr(function, "__module__", None) or "").partition(".")[0] == "numpy":
        return False
    signature = target.signature
    for parameter in signature.parameters.values() if signature else ():
        by_name = parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        if parameter.kind is inspect.Parameter.VAR_KEYWORD or (by_name and parameter.name == "out"):
            return True
    return False


def out_plan(template: Any, nargs: int, outputs: int) -> OutPlan | None:
    """How native code finds the arrays to write to; None where only ``write_into`` can do it.

    ``nargs`` and ``outputs``: how many of them the plan of the call has.
    """
    paths = Paths()
    targets: dict[int, int] = {}
    if not _find_targets(template, paths, paths.arg(nargs), targets):
        return None
    access = paths.access(list(targets.values()))
    found = dict(zip(targets, access.wanted, strict=True))
    return OutPlan(access.steps, access.checks, tuple(found.get(index) for index in range(outputs)))


def _find_targets(template: Any, paths: Paths, path: int, targets: dict[int, int]) -> bool:
    """Add the path of each output's array. False for a result that native code cannot match with given arrays."""
    kind = type(template)
    if isinstance(template, Constant) or (isinstance(template, Output) and template.as_int):
        paths.require_same(path, None)
        return True
    if isinstance(template, Output):
        return targets.setdefault(template.index, path) == path  # one array may stand in a result twice
    if kind is dict:
        paths.require_keys(path, template)
        children = [(child, paths.dict_item(path, key)) for key, child in template.items()]
    elif kind in (tuple, list) or (isinstance(template, tuple) and hasattr(kind, "_fields")):
        paths.require_type(path, kind, len(template))
        children = [(child, paths.sequence_item(path, index)) for index, child in enumerate(template)]
    else:
        return False
    return all(_find_targets(child, paths, below, targets) for child, below in children)


def write_into(out: Any, result: Any) -> Any:
    """Write a result into the arrays of ``out``, and give it with those arrays in place of its own.

    Args:
        out: a tree of the result's structure; a leaf, or a whole subtree, may be None: that part is given as it is.
        result: what a call returned. It is complete: whether ``out`` shares memory with the inputs does not matter.
    Raises: ``OutputError``, before anything is written: another structure, what is no array of the leaf's dtype and
        shape, an array that cannot be written to, two arrays that share memory.
    """
    leaves, spec = pytree.flatten(result)
    targets = _targets(out, result)
    for target, leaf in zip(targets, leaves, strict=True):
        if target is not None:
            _check_target(target, leaf)
    given = [target for target in targets if target is not None]
    for position, target in enumerate(given):
        if any(np.shares_memory(target, other) for other in given[:position]):
            raise OutputError("out: two of its arrays share memory", location=user_location())
    own = [leaf.copy() if _shares(leaf, given) else leaf for leaf in leaves]
    for target, leaf in zip(targets, own, strict=True):
        if target is not None:
            np.copyto(target, leaf)
    pairs = zip(targets, own, strict=True)
    return pytree.unflatten(spec, [leaf if target is None else target for target, leaf in pairs])


def _shares(leaf: Any, given: Sequence[np.ndarray]) -> bool:
    """Whether writing to the arrays might change the leaf: the plain function may return parts of its arguments."""
    return isinstance(leaf, np.ndarray) and any(np.may_share_memory(leaf, target) for target in given)


def _targets(out: Any, result: Any) -> list[Any]:
    """For each leaf of the result what ``out`` has there."""
    given, spec = pytree.flatten(out)
    try:
        parts = [pytree.flatten(part) for part in spec.flatten_up_to(result)]
    except ValueError:
        raise _structure_error(out, result) from None
    targets: list[Any] = []
    for target, (leaves, part) in zip(given, parts, strict=True):
        if target is not None and part != _LEAF:
            raise _structure_error(out, result)
        targets += [None] * len(leaves) if target is None else [target]
    return targets


def _structure_error(out: Any, result: Any) -> OutputError:
    expected, given = (
        str(pytree.flatten(tree)[1]).removeprefix("PyTreeSpec(").rpartition(", NoneIsLeaf")[0] for tree in (result, out)
    )
    message = f"out: the result has the structure {expected}, what is given has {given}; None stands for new arrays"
    return OutputError(message, location=user_location())


def _check_target(target: Any, leaf: Any) -> None:
    """Raise ``OutputError`` where the array cannot take the leaf."""
    if type(target) not in (np.ndarray, np.memmap):
        what = f"a {type(target).__name__} cannot be written to"
        wanted = "pass a 0-d array, or None" if np.ndim(leaf) == 0 else "pass an array, or None"
        raise OutputError(f"out: {what}; {wanted}", location=user_location())
    if not isinstance(leaf, np.ndarray | np.generic):
        what = f"the result has a {type(leaf).__name__} there, which no array can hold; pass None"
        raise OutputError(f"out: {what}", location=user_location())
    if target.shape != leaf.shape or target.dtype != leaf.dtype:
        wanted = f"{leaf.dtype} of shape {leaf.shape}"
        message = f"out: the result is {wanted}; the array given for it is {target.dtype} of shape {target.shape}"
        raise OutputError(message, location=user_location())
    if not target.flags.writeable:
        raise OutputError("out: an array is read-only", location=user_location())
