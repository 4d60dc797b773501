"""The laws of ``scipy.stats`` on traced arrays: densities, distribution functions, quantiles and moments as formulas.

SciPy's own code looks at the numbers; here each law is a few lines of NumPy and ``scipy.special``, which are traced.
``calls`` recognises the methods of SciPy's objects; ``frames`` does what is common to all laws (location and scale,
supports, invalid parameters); ``continuous``, ``discrete`` and ``multivariate`` hold the laws.
"""
