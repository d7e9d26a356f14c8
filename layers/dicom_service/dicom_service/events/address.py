"""Where a subscriber may be: on a public address, unless the configuration says otherwise."""

import ipaddress
import socket
from collections.abc import Callable

from dicom_service import settings
from dicom_service.errors import ConfigurationError

Resolve = Callable[[str, int], list[str]]
"""From a host's name and a port to the addresses that it has now; raises OSError where it has none."""


class AddressRefused(Exception):
    """The host has no address, or none that may be called."""


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
        addresses = list(dict.fromkeys(resolve(host.encode("idna").decode(), port)))
    except (OSError, UnicodeError) as error:
        raise AddressRefused("the host's name has no address") from error
    if not addresses:
        raise AddressRefused("the host's name has no address")
    if not settings.flag("CALLBACK_ALLOW_INSECURE"):
        networks = _allowed_networks()
        if not all(_is_callable(address, networks) for address in addresses):
            raise AddressRefused("the host's address is not public")
    return addresses


def _is_callable(address: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    number = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(number, ipaddress.IPv6Address):
        number = number.ipv4_mapped or number.sixtofour or number
    if any(number in network for network in networks):
        return True
    return number.is_global and not number.is_multicast and not _holds_ipv4(number)


def _holds_ipv4(number: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether a gateway would turn it into an IPv4 address, which may be a private one (RFC 6052 section 2.1)."""
    return number in ipaddress.ip_network("64:ff9b::/96")


def _allowed_networks() -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    texts = [text.strip() for text in settings.optional("CALLBACK_ALLOWED_NETWORKS").split(",")]
    try:
        return [ipaddress.ip_network(text) for text in texts if text]
    except ValueError as error:
        raise ConfigurationError("CALLBACK_ALLOWED_NETWORKS is not a list of networks such as 10.20.0.0/16") from error
