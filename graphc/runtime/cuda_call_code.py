"""The native way of a captured step: from Python objects to one request of the driver, in restricted Python.

``graphc_replay`` is a METH_FASTCALL function as ``entry_program.graphc_enter`` is, and reads the same descriptor; of
inputs and outputs the places alone. What calls look like that are known, and what is to be done for each, stands in a
table (``cuda_call_layout``) whose address is in the word that ``Head.TABLE`` leads to. Whatever is not as it was goes
to the fallback. The GIL is given up while the driver is asked, so what is in use until then is held: the table, the
call, the graph's words. Functions answer 1 for success and 0 for a miss, or, as the status tells, an exception.
"""

from __future__ import annotations

from graphc.runtime.cuda_asking_code import asked, hold_owner
from graphc.runtime.cuda_call_layout import OWN_FIELDS, Call, Input, Reads, Result, Table
from graphc.runtime.dlpack_exchange import Tensor
from graphc.runtime.entry_accept import accepts, reach, same_dtype
from graphc.runtime.entry_layout import Frame, Head, InputField
from graphc.runtime.entry_references import drop, take
from graphc.runtime.entry_result import build_result
from graphc.runtime.machine_code import call, call_int, inline, load, load32, stack, store
from graphc.runtime.object_layout import Offset

MISS, RAISED = 0, 1
ALIGNMENT_BITS = 15


def graphc_replay(self: int, arguments: int, nargs: int, keywords: int) -> int:
    plan = load(self + Offset.ARRAY_DATA)
    frame = stack(load(plan + Head.FRAME_BYTES))
    held = frame + load(plan + Head.FRAME_HELD)
    store(frame + Frame.HELD_END, held)
    store(frame + Frame.STATUS, MISS)
    result = 0
    if load(load(plan + Head.TABLE)) and accepts(plan, arguments, nargs, keywords):
        if reach(plan, frame, arguments, plan + Head.STEPS):
            result = replayed(plan, frame)
        elif call(load(plan + Head.ERROR_OCCURRED)) != 0:
            if call_int(load(plan + Head.ERROR_MATCHES), load(plan + Head.EXCEPTION_TYPE)) == 0:
                store(frame + Frame.STATUS, RAISED)
            else:
                call(load(plan + Head.ERROR_CLEAR))
    drop(plan, held, load(frame + Frame.HELD_END))
    if result == 0 and load(frame + Frame.STATUS) == MISS:
        result = call(load(plan + Head.VECTORCALL), load(plan + Head.FALLBACK), arguments, nargs, keywords)
    return result


def replayed(plan: int, frame: int) -> int:
    """The result, a new reference, or 0."""
    table = load(load(plan + Head.TABLE))
    if table == 0:
        return 0
    owners = stack(16)
    hold_owner(plan, owners, load(table + Table.OWNER))
    words = stack(load(table + Table.FRAME_BYTES))
    result = 0
    if inputs_read(plan, frame, table, words):
        known = known_call(table, words)
        if known:
            hold_owner(plan, owners + 8, load(known + Call.OWNER))
            result = served(plan, frame, table, known, words)
            drop(plan, owners + 8, owners + 16)
    drop(plan, owners, owners + 8)
    return result


# --- what the call looks like -----------------------------------------------------------------------------------------


@inline
def inputs_read(plan: int, frame: int, table: int, words: int) -> int:
    """Check each input, and note what identifies the call, and what is to be written into launches."""
    key = words
    moving = words + load(table + Table.FRAME_MOVING)
    number = words + load(table + Table.FRAME_NUMBERS)
    leaf = plan + load(plan + Head.INPUTS)
    wanted = load(table + Table.INPUTS)
    end = load(table + Table.INPUTS_END)
    tensor = stack(Tensor.SIZE)
    while wanted < end:
        subject = load(frame + load(leaf + InputField.SUBJECT))
        if load(subject + Offset.TYPE) != load(wanted + Input.TYPE):
            return 0
        reads = load(wanted + Input.READS)
        if reads == Reads.NUMBER:
            store(number, load(subject + Offset.VALUE) & load(wanted + Input.MASK))
            number += 8
        elif reads == Reads.INT:
            if not integer(plan, subject, key):
                return 0
            key += 8
        elif reads != Reads.NOTHING:
            if reads == Reads.TENSOR:
                if not tensor_fits(plan, table, wanted, subject, tensor):
                    return 0
                key = dims_noted(tensor, load32(tensor + Tensor.FORM), key)
            else:
                key = own_noted(plan, table, wanted, subject, tensor, key)
            if key == 0:
                return 0
            address = load(tensor + Tensor.DATA)
            if load(wanted + Input.MOVES):
                if address & ALIGNMENT_BITS:
                    return 0
                store(moving, address)
                moving += 8
            else:
                store(key, address)
                key += 8
        leaf += InputField.SIZE
        wanted += Input.SIZE
    return 1


def tensor_fits(plan: int, table: int, wanted: int, subject: int, tensor: int) -> int:
    """Whether a library's array is of the dtype, rank and device, with nothing put off; its data with its offset."""
    if call_int(load(table + Table.DESCRIBE), subject, tensor) != 0:
        call(load(plan + Head.ERROR_CLEAR))
        return 0
    if load(tensor + Tensor.DEVICE) != load(table + Table.DEVICE):
        return 0
    if load(tensor + Tensor.FORM) != load(wanted + Input.FORM):
        return 0
    if not denied(plan, load(wanted + Input.FIRST_PENDING), subject):
        return 0
    if not denied(plan, load(wanted + Input.SECOND_PENDING), subject):
        return 0
    store(tensor + Tensor.DATA, load(tensor + Tensor.DATA) + load(tensor + Tensor.OFFSET))
    return 1


def denied(plan: int, method: int, subject: int) -> int:
    """Whether a method of the array answers False, or there is none to be asked."""
    if method == 0:
        return 1
    given = stack(8)
    store(given, subject)
    answer = call(load(plan + Head.VECTORCALL), method, given, 1, 0)
    if answer == 0:
        call(load(plan + Head.ERROR_CLEAR))
        return 0
    same = 0
    if answer == load(load(load(plan + Head.TABLE)) + Table.FALSE):
        same = 1
    store(given, answer)
    drop(plan, given, given + 8)
    return same


@inline
def dims_noted(tensor: int, rank: int, key: int) -> int:
    """The end of the key with the sizes; 0 where the array does not lie in C order."""
    sizes = load(tensor + Tensor.SHAPE)
    strides = load(tensor + Tensor.STRIDES)
    expected = 1
    axis = rank
    while axis > 0:
        axis = axis - 1
        size = load(sizes + 8 * axis)
        store(key + 8 * axis, size)
        if size != 1:
            if load(strides + 8 * axis) != expected:
                return 0
            expected = expected * size
    return key + 8 * rank


def own_noted(plan: int, table: int, wanted: int, subject: int, tensor: int, key: int) -> int:
    """The same of an array of graphc's own, which lies in C order; its address is noted as a DLTensor has it."""
    if load(subject + load(table + Table.OWN_ON)) != load(table + Table.OWN_DEVICE):
        return 0
    if not same_dtype(load(subject + load(table + Table.OWN_DTYPE)), load(wanted + Input.DTYPE)):
        return 0
    shape = load(subject + load(table + Table.OWN_SHAPE))
    rank = load(wanted + Input.FORM)
    if load(shape + Offset.LENGTH) != rank:
        return 0
    for axis in range(rank):
        if not integer(plan, load(shape + Offset.TUPLE_ITEMS + 8 * axis), key + 8 * axis):
            return 0
    key = key + 8 * rank
    if not integer(plan, load(subject + load(table + Table.OWN_STREAM)), key):
        return 0
    if not integer(plan, load(subject + load(table + Table.OWN_ADDRESS)), tensor + Tensor.DATA):
        return 0
    return key + 8


def integer(plan: int, number: int, place: int) -> int:
    """Read a Python int; whether it fits."""
    overflow = stack(8)
    store(place, call(load(plan + Head.AS_INT64), number, overflow))
    if load32(overflow) != 0:
        return 0
    return 1


@inline
def known_call(table: int, words: int) -> int:
    place = load(table + Table.CALLS)
    size = load(table + Table.KEY_BYTES)
    for k in range(load(table + Table.COUNT)):
        known = load(place + 8 * k)
        at = 0
        while at < size and load(known + Call.KEY + at) == load(words + at):
            at += 8
        if at == size:
            return known
    return 0


# --- what is done for it ----------------------------------------------------------------------------------------------


def served(plan: int, frame: int, table: int, known: int, words: int) -> int:
    """The result of a call that is known, or 0."""
    place = stack(8)
    if load(table + Table.STREAM_OF):
        device = table + Table.DEVICE
        if call_int(load(table + Table.STREAM_OF), load32(device), load32(device + 4), place) != 0:
            call(load(plan + Head.ERROR_CLEAR))
            return 0
        if load(place) != load(known + Call.STREAM):
            return 0
    report = load(known + Call.REPORT)
    if report and load(report) != 0:
        return 0
    context = load(table + Table.CONTEXT)
    if context and call_int(load(table + Table.PUSH), context) != 0:
        return 0
    outputs = frame + load(plan + Head.FRAME_OUTPUTS)
    outputs_end = frame + load(plan + Head.FRAME_OUTPUTS_END)
    output = outputs
    while output < outputs_end:
        store(output, 0)
        output += 8
    result = 0
    if results_made(plan, frame, table, known, words) and asked(plan, frame, table, known, words):
        result = build_result(plan, frame)
        if result == 0:
            store(frame + Frame.STATUS, RAISED)
    if context:
        call_int(load(table + Table.POP), place)
    drop(plan, outputs, outputs_end)
    return result


@inline
def results_made(plan: int, frame: int, table: int, known: int, words: int) -> int:
    """New arrays for the results, and where they are; a library makes them on its current device."""
    maker = load(known + Call.RESULTS)
    end = load(known + Call.RESULTS_END)
    output = frame + load(plan + Head.FRAME_OUTPUTS)
    address = words + load(table + Table.FRAME_RESULTS)
    tensor = stack(Tensor.SIZE)
    while maker < end:
        if load(maker + Result.TEMPLATE) and load(load(maker + Result.SPARE) + Offset.LENGTH) > 0:
            made = own_made(plan, table, load(maker + Result.TEMPLATE), maker + Result.SPARE)
        else:
            made = call(
                load(plan + Head.VECTORCALL), load(maker + Result.MAKER), load(maker + Result.ARGUMENTS),
                load(maker + Result.COUNT), 0,
            )  # fmt: skip
        if made == 0:  # the long way makes it otherwise, or meets the error again
            call(load(plan + Head.ERROR_CLEAR))
            return 0
        store(output, made)
        if load(table + Table.DESCRIBE):
            if call_int(load(table + Table.DESCRIBE), made, tensor) != 0:
                call(load(plan + Head.ERROR_CLEAR))
                return 0
            if load(tensor + Tensor.DEVICE) != load(table + Table.DEVICE):
                return 0
            store(address, load(tensor + Tensor.DATA) + load(tensor + Tensor.OFFSET))
        elif not integer(plan, load(made + load(table + Table.OWN_ADDRESS)), address):
            return 0
        maker += Result.SIZE
        output += 8
        address += 8
    return 1


def own_made(plan: int, table: int, template: int, spare: int) -> int:
    """An array like the template over memory that is kept in a list, of which ``spare`` is the address; or 0."""
    address = call(load(plan + Head.VECTORCALL), load(table + Table.POP_ITEM), spare, 1, 0)
    if address == 0:
        return 0
    made = call(load(table + Table.NEW_OBJECT), load(table + Table.OWN_CLASS), 0)
    if made == 0:
        call(load(plan + Head.DECREF), address)
        return 0
    first = load(table + Table.OWN_ADDRESS)
    store(made + first, address)
    for k in range(OWN_FIELDS - 1):
        field = first + 8 + 8 * k
        take(plan, load(template + field))
        store(made + field, load(template + field))
    return made
