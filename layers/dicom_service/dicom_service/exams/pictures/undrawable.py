"""Why an object got a placeholder."""


class Undrawable(Exception):
    """The object has pixels that cannot be shown. The reason is a sentence of ours that quotes no attribute."""
