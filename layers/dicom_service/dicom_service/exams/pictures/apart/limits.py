"""What the process that draws may take for one object, kept by the system also inside C code."""

import math
import resource

CPU_SECONDS = 5
WALL_SECONDS = 9.0
MEMORY = 448 * 2**20
"""Beyond what the process has when it begins with an object, which it holds by then."""


def limit_this_process() -> None:
    """Until it is called again. Above, allocating fails, and SIGXCPU ends the process (setrlimit(2))."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(usage.ru_utime + usage.ru_stime + CPU_SECONDS)
    _limit(resource.RLIMIT_CPU, seconds)
    _limit(resource.RLIMIT_AS, _address_space() + MEMORY)
    _limit(resource.RLIMIT_CORE, 0)


def _limit(kind: int, most: int) -> None:
    resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()
