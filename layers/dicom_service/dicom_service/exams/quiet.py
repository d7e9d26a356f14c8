"""pydicom's remarks on odd values quote them, and a value may be a patient's."""

import logging
import warnings


def keep_pydicom_quiet() -> None:
    """Read leniently and without a word. A filter by module is safe between threads, catching warnings is not."""
    from pydicom import config

    config.settings.reading_validation_mode = config.IGNORE
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module=r"pydicom\.")
