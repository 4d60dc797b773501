"""Functions of scipy.special as scalar Python functions, which ``codegen.scalar_code`` translates into kernels.

Kernels of devices have them in place of SciPy's compiled code, which cannot be called there; kernels for the CPU have
those of ``abi.OWN_SPECIAL``, where SciPy's values are wrong. The functions are plain Python over one number, with loops
and branches, one file a family; ``table`` names those that kernels call, ``language`` tells what they may use.
"""
