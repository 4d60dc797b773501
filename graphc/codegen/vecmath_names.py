"""The functions of ``graphc.codegen.vecmath`` by name, to look up without importing Numba."""

NAMES = frozenset(
    {
        "cos",
        "erf",
        "erfc",
        "exp",
        "exp2",
        "expit",
        "expm1",
        "log",
        "log10",
        "log1p",
        "log2",
        "pow",
        "sin",
        "sqrt",
        "tan",
        "tanh",
    }
)
