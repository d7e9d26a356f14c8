"""Connections that are kept between requests."""

from functools import cache

import requests
from requests.adapters import HTTPAdapter


@cache
def connections() -> requests.Session:
    """Those of this environment; nothing is repeated."""
    kept = requests.Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=4, max_retries=0)
    kept.mount("https://", adapter)
    kept.mount("http://", adapter)
    return kept
