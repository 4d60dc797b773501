"""Tensors that record what is done with them, and run it as one program when a value is asked for.

``kinds``      dtype, shape and requires_grad of a tensor, each combination one object
``recording``  what has been recorded so far, as a path through states that are made once
``functions``  what can be recorded: one entry a function, composed of the compiler's ops
``replay``     a recorded path as a graph, gradients included
``programs``   the compiled program of a path and the values wanted from it
``backward``   gradients through one recording and those before it
``tensor``     the class; ``methods``, ``writing``, ``interchange`` are its parts
"""
