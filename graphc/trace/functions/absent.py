"""Why a function of NumPy or SciPy is not there for traced values, and what to write instead.

The error of a call says it, and docs/supported.md lists it. A name that stands neither here nor in the tables is one
that graphc does not have yet.

``NO_NUMBERS``  functions about dtypes, text, files and settings: there is nothing to compile or to differentiate
``ABSENT``      "numpy.busday_count" -> why, and what to do
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.trace.functions.arguments import qualified

_SETTINGS = """
    get_include get_printoptions getbufsize geterr geterrcall printoptions set_printoptions setbufsize seterr seterrcall
    show_config show_runtime test info errstate
"""
_TEXT_AND_FILES = """
    array2string array_repr array_str base_repr binary_repr format_float_positional format_float_scientific
    fromfile fromregex fromstring frombuffer from_dlpack genfromtxt load loadtxt save savetxt savez savez_compressed
"""
_DTYPES = """
    can_cast isdtype issubdtype min_scalar_type mintypecode promote_types typename isscalar iterable
    isfortran may_share_memory shares_memory nested_iters frompyfunc asmatrix bmat
"""
_CALENDAR = "busday_count busday_offset is_busday datetime_as_string datetime_data isnat"
_TABLES = """
    ai_zeros bei_zeros beip_zeros ber_zeros berp_zeros bi_zeros erf_zeros fresnel_zeros fresnelc_zeros
    fresnels_zeros jn_zeros jnjnp_zeros jnp_zeros jnyn_zeros kei_zeros keip_zeros kelvin_zeros ker_zeros
    kerp_zeros y0_zeros y1_zeros y1p_zeros yn_zeros ynp_zeros bernoulli euler
    roots_chebyc roots_chebys roots_chebyt roots_chebyu roots_gegenbauer roots_genlaguerre roots_hermite
    roots_hermitenorm roots_jacobi roots_laguerre roots_legendre roots_sh_chebyt roots_sh_chebyu
    roots_sh_jacobi roots_sh_legendre c_roots cg_roots h_roots he_roots j_roots js_roots l_roots la_roots
    p_roots ps_roots s_roots t_roots ts_roots u_roots us_roots
    chebyc chebys chebyt chebyu gegenbauer genlaguerre hermite hermitenorm jacobi laguerre legendre
    sh_chebyt sh_chebyu sh_jacobi sh_legendre
    lmbda lqmn lqn riccati_jn riccati_yn pbdn_seq pbdv_seq pbvv_seq obl_cv_seq pro_cv_seq
    mathieu_even_coef mathieu_odd_coef
"""
_INTEGERS = "stirling2 factorial2 factorialk"
_HARMONICS = "ellip_harm ellip_harm_2 ellip_normal"

NO_NUMBERS = frozenset(
    [
        *qualified("numpy", f"{_SETTINGS} {_TEXT_AND_FILES} {_DTYPES} {_CALENDAR}"),
        *qualified("scipy.special", "geterr seterr errstate test"),
    ]
)

_TABLE = "a table for one number: compute it outside and pass it in"
_COMBINATORICS = "it counts with Python's integers: compute it outside and pass it in"
_NOT_IN_C = "ellipsoidal harmonics are not among the functions that SciPy offers compiled code"
NO_ARRAYS = frozenset([_TABLE, _COMBINATORICS])  # reasons that hold for functions that are none of floating arrays

_MINIMUM = (
    "its solution is differentiated by graphc.implicit_minimum(objective, solver), whose solver calls it through "
    "graphc.opaque"
)
_QUADRATURE = "take scipy.integrate.quad of each component, or sum over nodes of your own"
_ELEMENTWISE = " ".join(
    f"{kind}_{what}.{method}"
    for kind in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
    for what in ("array", "matrix")
    for method in ("multiply", "maximum", "minimum", "power")
)
_SPARSE_RESULT = "its result is sparse; write A @ x, x @ A, or A.toarray() * x for a small matrix"
_SPARSE = "a sparse matrix holds no traced numbers; of outside arrays as they are it is made at each call"
_MESH = "it makes a triangulation by the numbers; RegularGridInterpolator and RBFInterpolator take traced values"
_SMOOTH = "it chooses knots or a weight by the numbers; make_lsq_spline with knots of yours takes traced values"
_BLOCKS = "it chooses blocks or pivots by the numbers; eig, eigh, cholesky, lu and hessenberg take traced values"
_DECIDED = "whether its result is complex shows by the numbers: NumPy's own function of that name, of x or of x + 0j"
_ACTIVE = "find outside which coefficients or constraints count, and solve those by np.linalg.solve or lstsq"
_BOUNDED = f"without bounds it is np.linalg.lstsq, and for x >= 0 scipy.optimize.nnls; else {_ACTIVE}"
# Functions that take functions, in whose closures a traced value may be
OF_FUNCTIONS: Mapping[str, str] = {
    **dict.fromkeys(
        qualified(
            "scipy.optimize", "minimize minimize_scalar least_squares curve_fit differential_evolution basinhopping"
        ),
        _MINIMUM,
    ),
    **dict.fromkeys(qualified("scipy.integrate", "quad_vec"), _QUADRATURE),
}

ABSENT: Mapping[str, str] = {
    "numpy.einsum_path": "its result is Python's, of shapes alone: call it outside; np.einsum finds a path by itself",
    **OF_FUNCTIONS,
    **dict.fromkeys(qualified("scipy.interpolate", "griddata LinearNDInterpolator CloughTocher2DInterpolator"), _MESH),
    **dict.fromkeys(qualified("scipy.interpolate", "make_smoothing_spline SmoothBivariateSpline"), _SMOOTH),
    **dict.fromkeys(qualified("scipy.sparse", _ELEMENTWISE), _SPARSE_RESULT),
    **dict.fromkeys(qualified("scipy.linalg", "schur rsf2csf ldl qz ordqz"), _BLOCKS),
    **dict.fromkeys(qualified("scipy.optimize", "linprog milp"), _ACTIVE),
    **dict.fromkeys(qualified("scipy.optimize", "lsq_linear lsq_linear.lsq_linear"), _BOUNDED),
    **dict.fromkeys(qualified("numpy.lib.scimath", "sqrt log log2 log10 logn power arccos arcsin arctanh"), _DECIDED),
    "scipy.interpolate.KroghInterpolator": "BarycentricInterpolator is the polynomial through traced values",
    "numpy.frompyfunc": "its result is an array of Python objects; call the function itself, or use np.vectorize",
    "numpy.sort_complex": "an order of complex numbers; sort by np.lexsort((z.imag, z.real))",
    **dict.fromkeys(qualified("scipy.special", _INTEGERS), _COMBINATORICS),
    **dict.fromkeys(qualified("scipy.special", _HARMONICS), _NOT_IN_C),
    **dict.fromkeys(qualified("scipy.special", _TABLES), _TABLE),
}


def reason(name: str) -> str | None:
    """Why there is no such function for traced values; None where nothing speaks against it.

    >>> reason("numpy.savetxt")
    'it is about dtypes, text, files or settings, and computes no numbers'
    """
    if name in NO_NUMBERS:
        return "it is about dtypes, text, files or settings, and computes no numbers"
    return ABSENT.get(name, _SPARSE if name.startswith("scipy.sparse.") else None)
