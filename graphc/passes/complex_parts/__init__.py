"""Complex numbers as pairs of real ones: the last thing that is done with a graph before its composites are expanded.

>>> print(apply_to_text(split_complex, '''
... graph f(%z: c128[n]) -> (%1) {
...   %0: c128[n] = mul %z, %z
...   %1: f64[n] = abs %0
... }''', OPS))
graph f(%z: f64[n,2]) -> (%10) {
  %0: f64[n,1] = slice %z dims=(n,1) starts=(0,0) steps=(1,1)
  %1: f64[n] = reshape %0 dims=(n,)
  %2: f64[n,1] = slice %z dims=(n,1) starts=(0,1) steps=(1,1)
  %3: f64[n] = reshape %2 dims=(n,)
  %4: f64[n] = mul %1, %1
  %5: f64[n] = mul %3, %3
  %6: f64[n] = sub %4, %5
  %7: f64[n] = mul %1, %3
  %8: f64[n] = mul %3, %1
  %9: f64[n] = add %7, %8
  %10: f64[n] = hypot %6, %9
}

Passes and derivatives know complex values; the scheduler and the printers do not. A complex array of a call is a real
one with an axis of length 2 more, the same bytes; within a program both parts are arrays of their own, so that kernels
are loops over real numbers, with the same vector math, products and targets. A part that is zero because the number was
real is not there at all (``Parts.im`` is None).
"""

from graphc.passes.complex_parts.split import has_complex, split_complex

__all__ = ["has_complex", "split_complex"]
