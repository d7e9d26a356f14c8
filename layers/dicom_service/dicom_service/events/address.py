"""Where a subscriber may be: on a public address, unless the configuration says otherwise."""

import ipaddress
import re
import socket
from collections.abc import Callable

from dicom_service import settings
from dicom_service.errors import ConfigurationError

LABEL = re.compile(r"[a-z0-9_-]{1,63}")
MOST_HOST_CHARACTERS = 253
"""https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4, without the bytes that a name has on the wire alone."""

GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""Of IPv6 what is on the Internet (RFC 4291 section 2.4, IANA's registry). Outside stand the forms that hold an IPv4
address, which may be a private one: for gateways (RFC 6052 section 2.1), compatible and translated ones.
"""

Resolve = Callable[[str, int], list[str]]
"""From a host's name and a port to the addresses that it has now; raises OSError where it has none."""


class AddressRefused(Exception):
    """The host has no address, or none that may be called."""


def ascii_host(host: str) -> str:
    """A URL's host as DNS, TLS and the Host header have it, in small letters; an IPv6 address without brackets.

    Names in other alphabets follow IDNA 2008 (RFC 5891) after the mapping of UTS 46, so `Straße.example` is
    `xn--strae-oqa.example`. Underscores are taken, which names of machines may have. Raises AddressRefused.
    """
    try:
        name = str(ipaddress.IPv6Address(host)) if ":" in host else _domain(host)
    except ValueError as error:
        raise AddressRefused("the host's name is not valid") from error
    if "%" in name:
        raise AddressRefused("the host's address is of one machine's network alone")
    return name


def _domain(host: str) -> str:
    name = host.lower()
    if not name.isascii() and len(name) <= MOST_HOST_CHARACTERS:
        import idna

        name = idna.encode(name, uts46=True).decode()
    labels = name.removesuffix(".").split(".")
    if len(name) > MOST_HOST_CHARACTERS + 1 or not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError("no domain name")
    return name


def system_addresses(host: str, port: int) -> list[str]:
    """The addresses that the operating system gives, IPv4 first: functions outside a VPC have no IPv6."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for _, _, _, _, address in sorted(found, key=lambda each: each[0] != socket.AF_INET)]


def callable_addresses(host: str, port: int, resolve: Resolve) -> list[str]:
    """The addresses of a host, none of which is private, loopback, link-local or otherwise not on the Internet.

    One wrong address refuses the host. CALLBACK_ALLOWED_NETWORKS (comma-separated, `10.20.0.0/16`) lets a hospital's
    own networks in, CALLBACK_ALLOW_INSECURE every address. Raises AddressRefused and ConfigurationError.
    """
    try:
        addresses = list(dict.fromkeys(resolve(ascii_host(host), port)))
    except (OSError, UnicodeError) as error:
        raise AddressRefused("the host's name has no address") from error
    if not addresses:
        raise AddressRefused("the host's name has no address")
    if not settings.flag("CALLBACK_ALLOW_INSECURE"):
        networks = allowed_networks()
        if not all(_is_callable(address, networks) for address in addresses):
            raise AddressRefused("the host's address is not public")
    return addresses


def _is_callable(address: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    number = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(number, ipaddress.IPv6Address):
        number = number.ipv4_mapped or number.sixtofour or number
    if any(number in network for network in networks):
        return True
    return number.is_global and not number.is_multicast and (number.version == 4 or number in GLOBAL_UNICAST)


def allowed_networks() -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Those of CALLBACK_ALLOWED_NETWORKS; raises ConfigurationError."""
    texts = [text.strip() for text in settings.optional("CALLBACK_ALLOWED_NETWORKS").split(",")]
    return [_network(number, text) for number, text in enumerate(texts, 1) if text]


def _network(number: int, text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        problem = f"CALLBACK_ALLOWED_NETWORKS: entry {number} is not a network such as 10.20.0.0/16"
        try:
            problem += f"; did you mean {ipaddress.ip_network(text, strict=False)}?"
        except ValueError:
            raise ConfigurationError(problem) from error
        raise ConfigurationError(problem) from error
