"""Functions of SciPy that are programs of their own, written as a user would write them: in NumPy, with loops.

They are traced like a user's helper function: their loops are staged, and their derivatives are those of the program.
``FUNCTIONS`` of each module goes by SciPy's public names; ``table`` joins them.
"""
