"""The native entry's first half: whether a call's objects fit the plan, and what the driver's arguments are.

Written in the restricted Python of ``machine_code``, as the modules beside it are. Functions in them answer 1 for yes
or success and 0 for no or a set exception, unless they say otherwise.
"""

from __future__ import annotations

from graphc.abi import Check, LeafKind, Relation, Step
from graphc.runtime.entry_expressions import value
from graphc.runtime.entry_layout import (
    SCAN,
    CheckField,
    DimField,
    Frame,
    GuardField,
    Head,
    InputField,
    ScanField,
    StepField,
)
from graphc.runtime.entry_references import take
from graphc.runtime.machine_code import call, call_int, inline, load, load32, stack, store
from graphc.runtime.object_layout import C_CONTIGUOUS_ALIGNED, C_OR_F_CONTIGUOUS, SAME_DTYPE_MASK, Offset, TypeFlag

PY_EQ = 2
C_ORDER = 0
WITH_OUT = 2  # the answer of ``accepts``


@inline
def accepts(plan: int, arguments: int, nargs: int, keywords: int) -> int:
    """Whether the call has as many arguments, and of these names, as the plan wants; WITH_OUT: and arrays to write."""
    names = load(plan + Head.KEYWORDS)
    wanted = load(names + Offset.LENGTH)
    given = 0
    if keywords:
        given = load(keywords + Offset.LENGTH)
    if nargs + wanted != load(plan + Head.NARGS) or given > wanted + load(plan + Head.TAKES_OUT) or given < wanted:
        return 0
    for k in range(wanted):
        place = Offset.TUPLE_ITEMS + 8 * k
        if not same_key(plan, load(keywords + place), load(names + place)):
            return 0
    if given == wanted:
        return 1
    if not same_key(plan, load(keywords + Offset.TUPLE_ITEMS + 8 * wanted), load(plan + Head.OUT_NAME)):
        return 0
    if load(arguments + 8 * load(plan + Head.NARGS)) == load(plan + Head.NONE):
        return 1
    return WITH_OUT


def reach(plan: int, frame: int, arguments: int, sections: int) -> int:
    """Take the steps and make the checks that stand in two sections of the plan, one after the other."""
    if not walk(plan, frame, arguments, plan + load(sections), plan + load(sections + 8)):
        return 0
    return checks_hold(plan, frame, plan + load(sections + 16), plan + load(sections + 24))


def walk(plan: int, frame: int, arguments: int, step: int, end: int) -> int:
    """Reach every step's object. Those not kept alive by the caller or the plan are held until the call ends."""
    while step < end:
        op = load(step + StepField.OP)
        found = load(step + StepField.OPERAND)
        if op == Step.ARG:
            found = load(arguments + found)
            store(frame + load(step + StepField.PLACE), found)
        elif op == Step.CONST:
            store(frame + load(step + StepField.PLACE), found)
        elif op == SCAN:
            if not scan(plan, frame, plan + load(step + StepField.KEY), load(frame + found)):
                return 0
        else:
            key = load(step + StepField.KEY)
            if op == Step.APPLY:
                found = call(load(plan + Head.VECTORCALL), load(frame + key), frame + found, 1, 0)
            else:
                found = fetch(plan, op, load(frame + found), key)
            if found == 0:
                return 0
            hold(frame, found)
            store(frame + load(step + StepField.PLACE), found)
        step += StepField.SIZE
    return 1


@inline
def hold(frame: int, reference: int) -> int:
    held = load(frame + Frame.HELD_END)
    store(held, reference)
    store(frame + Frame.HELD_END, held + 8)
    return 1


def scan(plan: int, frame: int, table: int, subject: int) -> int:
    """All wanted items of a dict of exactly these keys, in this order: a tenth of the time of looking each one up."""
    if load(subject + Offset.TYPE) != load(plan + Head.DICT_TYPE):
        return 0
    count = load(table + ScanField.COUNT)
    if load(subject + Offset.LENGTH) != count:
        return 0
    place = stack(24)
    store(place, 0)
    wanted = table + ScanField.SIZE
    for _k in range(count):
        if call_int(load(plan + Head.DICT_NEXT), subject, place, place + 8, place + 16) == 0:
            return 0
        key = load(place + 8)
        if key != load(wanted) and not same_key(plan, key, load(wanted)):
            return 0
        target = load(wanted + 8)
        if target:
            item = load(place + 16)
            take(plan, item)
            hold(frame, item)
            store(frame + target, item)
        wanted += 16
    return 1


def fetch(plan: int, op: int, parent: int, key: int) -> int:
    """A new reference to what a step finds in its parent, or 0, with or without an exception."""
    if op == Step.CELL:
        if load(parent + Offset.TYPE) != load(plan + Head.CELL_TYPE):
            return 0
        return call(load(plan + Head.CELL_GET), parent)
    if op == Step.ATTR:
        return call(load(plan + Head.GET_ATTRIBUTE), parent, key)
    flags = load(load(parent + Offset.TYPE) + Offset.TYPE_FLAGS)
    found = 0
    if op == Step.DICT_ITEM:
        if flags & TypeFlag.DICT:
            found = call(load(plan + Head.DICT_GET), parent, key)
    elif flags & (TypeFlag.TUPLE + TypeFlag.LIST) and key < load(parent + Offset.LENGTH):
        if flags & TypeFlag.LIST:
            found = call(load(plan + Head.LIST_GET), parent, key)
        else:
            found = call(load(plan + Head.TUPLE_GET), parent, key)
    if found:
        take(plan, found)
    return found


def checks_hold(plan: int, frame: int, check: int, end: int) -> int:
    while check < end:
        if not check_holds(plan, check, load(frame + load(check + CheckField.SUBJECT))):
            return 0
        check += CheckField.SIZE
    return 1


def check_holds(plan: int, check: int, subject: int) -> int:
    op = load(check + CheckField.OP)
    expected = load(check + CheckField.EXPECTED)
    if op == Check.IS:
        if subject == expected:
            return 1
    elif op == Check.TYPE_LEN:
        length = load(check + CheckField.LENGTH)
        if load(subject + Offset.TYPE) == expected and (length < 0 or load(subject + Offset.LENGTH) == length):
            return 1
    elif op == Check.KEYS:
        return keys_agree(plan, subject, expected)
    elif op == Check.CODE:
        if call(load(plan + Head.CODE_GET), subject) == expected:
            return 1
    elif load(subject + Offset.TYPE) == load(expected + Offset.TYPE):
        mask = load(check + CheckField.MASK)
        if mask != 0:
            if load(subject + Offset.VALUE) & mask == load(expected + Offset.VALUE) & mask:
                return 1
            return 0
        equal = call_int(load(plan + Head.COMPARE), subject, expected, PY_EQ)
        if equal == 1:
            return 1
    return 0


def keys_agree(plan: int, subject: int, keys: int) -> int:
    """Whether a dict or set has these keys, a tuple, in this order. For a plain dict, no code of the user's runs."""
    if load(subject + Offset.TYPE) != load(plan + Head.DICT_TYPE):
        return iterates_over(plan, subject, keys)
    count = load(keys + Offset.LENGTH)
    if load(subject + Offset.LENGTH) != count:
        return 0
    place = stack(16)
    store(place, 0)
    for k in range(count):
        if call_int(load(plan + Head.DICT_NEXT), subject, place, place + 8, 0) == 0:
            return 0
        key = load(place + 8)
        expected = load(keys + Offset.TUPLE_ITEMS + 8 * k)
        if key != expected and not same_key(plan, key, expected):
            return 0
    return 1


def iterates_over(plan: int, subject: int, keys: int) -> int:
    """As ``keys_agree``, for a set, or a subclass of dict: it may iterate in an order of its own, as OrderedDict."""
    kind = load(subject + Offset.TYPE)
    is_set = 0
    if kind == load(plan + Head.SET_TYPE) or kind == load(plan + Head.FROZENSET_TYPE):
        is_set = 1
    if not is_set and not load(kind + Offset.TYPE_FLAGS) & TypeFlag.DICT:
        return 0
    listed = call(load(plan + Head.LIST_OF), subject)
    if listed == 0:
        return 0
    agree = 0
    if load(listed + Offset.LENGTH) == load(keys + Offset.LENGTH):
        agree = 1
        for k in range(load(keys + Offset.LENGTH)):
            key = call(load(plan + Head.LIST_GET), listed, k)
            if not same_key(plan, key, load(keys + Offset.TUPLE_ITEMS + 8 * k)):
                agree = 0
    call(load(plan + Head.DECREF), listed)
    return agree


def same_key(plan: int, key: int, expected: int) -> int:
    if key == expected:
        return 1
    kind = load(key + Offset.TYPE)
    if kind != load(expected + Offset.TYPE):
        return 0
    if kind == load(plan + Head.STR_TYPE) or kind == load(plan + Head.INT_TYPE):
        return call_int(load(plan + Head.COMPARE), key, expected, PY_EQ)
    if kind != load(plan + Head.TUPLE_TYPE) or load(key + Offset.LENGTH) != load(expected + Offset.LENGTH):
        return 0
    for k in range(load(key + Offset.LENGTH)):
        place = Offset.TUPLE_ITEMS + 8 * k
        if not same_key(plan, load(key + place), load(expected + place)):
            return 0
    return 1


@inline
def inputs_fit(plan: int, frame: int) -> int:
    """Check each leaf on its own, bind the symbols, and write the driver's arguments."""
    leaf = plan + load(plan + Head.INPUTS)
    end = plan + load(plan + Head.INPUTS_END)
    symbols = frame + load(plan + Head.FRAME_SYMBOLS)
    argument = frame + load(plan + Head.FRAME_ARGUMENTS)
    store(frame + Frame.STRIDED, 0)
    for k in range(load(plan + Head.NSYMBOLS)):
        store(symbols + 8 * k, 0)
    while leaf < end:
        subject = load(frame + load(leaf + InputField.SUBJECT))
        if load(subject + Offset.TYPE) != load(leaf + InputField.TYPE):
            return 0
        binding = leaf + InputField.SIZE
        binding_end = binding + 16 * load(leaf + InputField.BINDINGS)
        if load(leaf + InputField.KIND) == LeafKind.ARRAY:
            if not array_fits(frame, leaf, subject):
                return 0
            dims = load(subject + Offset.ARRAY_DIMS)
            while binding < binding_end:
                store(symbols + load(binding + 8), load(dims + load(binding)))
                binding += 16
            store(argument, load(subject + Offset.ARRAY_DATA))
        else:
            slot = frame + load(leaf + InputField.SLOT)
            if not read_scalar(plan, leaf, subject, slot):
                return 0
            while binding < binding_end:
                store(symbols + load(binding + 8), load(slot))
                binding += 16
            store(argument, slot)
        argument += 8
        leaf = binding_end
    return 1


@inline
def array_fits(frame: int, leaf: int, array: int) -> int:
    """One in Fortran's order does not: there is a program for its transpose."""
    if load32(array + Offset.ARRAY_RANK) != load(leaf + InputField.RANK):
        return 0
    flags = load32(array + Offset.ARRAY_FLAGS)
    if (flags & C_CONTIGUOUS_ALIGNED) != C_CONTIGUOUS_ALIGNED:
        if flags & C_OR_F_CONTIGUOUS:
            return 0
        store(frame + Frame.STRIDED, 1)
    return same_dtype(load(array + Offset.ARRAY_DTYPE), load(leaf + InputField.DTYPE))


def copies_strided(plan: int, frame: int) -> int:
    """Hand the driver contiguous copies of the arrays that are not; they are held until the call ends."""
    leaf = plan + load(plan + Head.INPUTS)
    end = plan + load(plan + Head.INPUTS_END)
    argument = frame + load(plan + Head.FRAME_ARGUMENTS)
    while leaf < end:
        if load(leaf + InputField.KIND) == LeafKind.ARRAY:
            array = load(frame + load(leaf + InputField.SUBJECT))
            if (load32(array + Offset.ARRAY_FLAGS) & C_CONTIGUOUS_ALIGNED) != C_CONTIGUOUS_ALIGNED:
                copied = call(load(plan + Head.NEW_COPY), array, C_ORDER)
                if copied == 0:
                    return 0
                hold(frame, copied)
                store(argument, load(copied + Offset.ARRAY_DATA))
        argument += 8
        leaf += InputField.SIZE + 16 * load(leaf + InputField.BINDINGS)
    return 1


@inline
def same_dtype(dtype: int, expected: int) -> int:
    if dtype == expected:
        return 1
    # An unpickled array has a dtype object of its own.
    if (load(dtype + Offset.DTYPE_KIND) & SAME_DTYPE_MASK) == (load(expected + Offset.DTYPE_KIND) & SAME_DTYPE_MASK):
        return 1
    return 0


def read_scalar(plan: int, leaf: int, subject: int, slot: int) -> int:
    if load(leaf + InputField.KIND) == LeafKind.INT:
        overflow = slot + 8
        store(slot, call(load(plan + Head.AS_INT64), subject, overflow))
        if load32(overflow) != 0:
            return 0
        return 1
    store(slot, load(subject + Offset.VALUE))
    if load(leaf + InputField.BYTES) > 8:
        store(slot + 8, load(subject + Offset.VALUE + 8))
    return 1


@inline
def dims_fit(plan: int, frame: int) -> int:
    dim = plan + load(plan + Head.DIMS)
    end = plan + load(plan + Head.DIMS_END)
    symbols = frame + load(plan + Head.FRAME_SYMBOLS)
    while dim < end:
        actual = load(frame + load(dim + DimField.SUBJECT))
        axis = load(dim + DimField.AXIS)
        if axis >= 0:
            actual = load(load(actual + Offset.ARRAY_DIMS) + axis)
        if actual != value(plan, dim + DimField.FORM, symbols):
            return 0
        dim += DimField.SIZE
    return 1


@inline
def guards_hold(plan: int, frame: int) -> int:
    guard = plan + load(plan + Head.GUARDS)
    end = plan + load(plan + Head.GUARDS_END)
    symbols = frame + load(plan + Head.FRAME_SYMBOLS)
    while guard < end:
        relation = load(guard + GuardField.RELATION)
        actual = value(plan, guard + GuardField.FORM, symbols)
        if relation == Relation.EQ:
            if actual != 0:
                return 0
        elif relation == Relation.NE:
            if actual == 0:
                return 0
        elif actual < 0:
            return 0
        guard += GuardField.SIZE
    return 1
