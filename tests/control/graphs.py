"""Graphs with loops and branches, as text, and their inputs: what every test of regions runs over."""

from __future__ import annotations

import numpy as np

SCALAR_LOOP = """graph scalars(%x: f64[], %a: f64[]) -> (%0) {
  %0: f64[] = for %x, %a carried=1 reverse=False stacked=0 trips=5
    graph body(%i: i64[], %c: f64[], %k: f64[]) -> (%2) {
      %0: f64[] = sin %c
      %1: f64[] = mul %0, %k
      %2: f64[] = add %1, %c
    }
}"""

LINEAR_LOOP = """graph linear(%x: f64[], %y: f64[n]) -> (%0) {
  %0: f64[] = for %x, %y carried=1 reverse=False stacked=0 trips=n
    graph body(%i: i64[], %c: f64[], %y: f64[n]) -> (%4) {
      %0: f64[1] = read %y, %i dims=(1,) steps=(1,)
      %1: f64[] = reshape %0 dims=()
      %2: f64[] = const dtype=f64 value=0.5 weak=False
      %3: f64[] = mul %c, %2
      %4: f64[] = add %1, %3
    }
}"""

OVERWRITES = """graph overwrites(%x: f64[6], %a: f64[]) -> (%0) {
  %0: f64[6] = for %x, %a carried=1 reverse=False stacked=0 trips=5
    graph body(%i: i64[], %u: f64[6], %k: f64[]) -> (%9) {
      %0: i64[] = const dtype=i64 value=1 weak=False
      %1: i64[] = add %i, %0
      %2: f64[1] = read %u, %i dims=(1,) steps=(1,)
      %3: f64[] = reshape %2 dims=()
      %4: f64[1] = read %u, %1 dims=(1,) steps=(1,)
      %5: f64[] = reshape %4 dims=()
      %6: f64[] = mul %3, %5
      %7: f64[] = mul %6, %k
      %8: f64[1] = reshape %7 dims=(1,)
      %9: f64[6] = update %u, %8, %1 steps=(1,)
    }
}"""

WHOLE_ARRAYS = """graph arrays(%x: f64[4], %w: f64[4]) -> (%0) {
  %0: f64[4] = for %x, %w carried=1 reverse=False stacked=0 trips=3
    graph body(%i: i64[], %u: f64[4], %w: f64[4]) -> (%1) {
      %0: f64[4] = mul %u, %w
      %1: f64[4] = sin %0
    }
}"""

STACKS = """graph stacks(%x: f64[], %w: f64[4]) -> (%0, %1) {
  %0: f64[], %1: f64[4] = for %x, %w carried=1 reverse=True stacked=1 trips=4
    graph body(%i: i64[], %c: f64[], %w: f64[4]) -> (%2, %3) {
      %0: f64[1] = read %w, %i dims=(1,) steps=(1,)
      %1: f64[] = reshape %0 dims=()
      %2: f64[] = mul %c, %1
      %3: f64[] = square %2
    }
}"""

NESTED = """graph nested(%x: f64[], %w: f64[3]) -> (%0) {
  %0: f64[] = for %x, %w carried=1 reverse=False stacked=0 trips=2
    graph outer(%i: i64[], %c: f64[], %w: f64[3]) -> (%1) {
      %0: f64[] = for %c, %w carried=1 reverse=False stacked=0 trips=3
        graph inner(%j: i64[], %d: f64[], %v: f64[3]) -> (%3) {
          %0: f64[1] = read %v, %j dims=(1,) steps=(1,)
          %1: f64[] = reshape %0 dims=()
          %2: f64[] = mul %d, %1
          %3: f64[] = sin %2
        }
      %1: f64[] = add %0, %c
    }
}"""

SWAPS = """graph swaps(%x: f64[], %y: f64[]) -> (%0, %1) {
  %0: f64[], %1: f64[] = for %x, %y carried=2 reverse=False stacked=0 trips=6
    graph body(%i: i64[], %a: f64[], %b: f64[]) -> (%b, %1) {
      %0: f64[] = mul %a, %b
      %1: f64[] = sin %0
    }
}"""

BRANCH = """graph branch(%x: f64[], %a: f64[]) -> (%1) {
  %0: bool[] = lt %x, %a
  %1: f64[] = cond %0, %x, %a
    graph yes(%c: f64[], %k: f64[]) -> (%1) {
      %0: f64[] = sin %c
      %1: f64[] = mul %0, %k
    }
    graph no(%c: f64[], %k: f64[]) -> (%0) {
      %0: f64[] = exp %c
    }
}"""

BRANCH_IN_LOOP = """graph branching(%x: f64[4]) -> (%1) {
  %0: f64[] = const dtype=f64 value=1.0 weak=False
  %1: f64[] = for %0, %x carried=1 reverse=False stacked=0 trips=4
    graph body(%i: i64[], %c: f64[], %x: f64[4]) -> (%3) {
      %0: f64[1] = read %x, %i dims=(1,) steps=(1,)
      %1: f64[] = reshape %0 dims=()
      %2: bool[] = lt %1, %c
      %3: f64[] = cond %2, %c, %1
        graph yes(%c: f64[], %v: f64[]) -> (%0) {
          %0: f64[] = mul %c, %v
        }
        graph no(%c: f64[], %v: f64[]) -> (%0) {
          %0: f64[] = sin %c
        }
    }
}"""

WHILE = """graph doubling(%x: f64[], %y: f64[3]) -> (%1, %2) {
  %0: f64[] = const dtype=f64 value=20.0 weak=False
  %1: f64[], %2: f64[3] = while %x, %y, %0 carried=2
    graph condition(%a: f64[], %b: f64[3], %most: f64[]) -> (%0) {
      %0: bool[] = lt %a, %most
    }
    graph body(%a: f64[], %b: f64[3], %most: f64[]) -> (%2, %4) {
      %0: f64[] = const dtype=f64 value=1.5 weak=False
      %1: f64[] = mul %a, %a
      %2: f64[] = add %1, %0
      %3: f64[3] = sin %b
      %4: f64[3] = mul %3, %a
    }
}"""

RNG = np.random.default_rng(7)


def positive(*shape: int) -> np.ndarray:
    return RNG.uniform(0.4, 1.4, shape)


# name -> (text, arrays)
GRAPHS = {
    "scalars": (SCALAR_LOOP, [positive(), positive()]),
    "linear": (LINEAR_LOOP, [positive(), positive(4)]),
    "overwrites": (OVERWRITES, [positive(6), positive()]),
    "arrays": (WHOLE_ARRAYS, [positive(4), positive(4)]),
    "stacks": (STACKS, [positive(), positive(4)]),
    "nested": (NESTED, [positive(), positive(3)]),
    "swaps": (SWAPS, [positive(), positive()]),
    "while": (WHILE, [np.array(0.6), np.array([0.4, 0.9, 1.3])]),
    "while that never runs": (WHILE, [np.array(25.0), np.array([0.4, 0.9, 1.3])]),
    "branch": (BRANCH, [np.array(0.2), np.array(0.7)]),
    "other branch": (BRANCH, [np.array(0.7), np.array(0.2)]),
    "branch in loop": (BRANCH_IN_LOOP, [np.array([0.4, 1.7, 0.3, 0.6])]),
}
