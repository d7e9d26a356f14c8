"""Why an object is not drawn as it was asked for."""


class Undrawable(Exception):
    """The object has pixels that cannot be shown. The reason is a sentence of ours that quotes no attribute."""


class TooCostly(Exception):
    """Drawing the object is not known to be cheap, so that it needs a process which the system can end."""
