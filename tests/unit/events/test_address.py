"""Where a subscriber may be: addresses of the special-purpose registries of IANA, and the ways around them."""

import pytest

from dicom_service.errors import ConfigurationError
from dicom_service.events.address import AddressRefused, Resolve, callable_addresses, system_addresses

PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
REFUSED = [
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "fec0::1",
    "2002:a9fe:a9fe::1",
]


def giving(*addresses: str) -> Resolve:
    """Name resolution that has these addresses for every host."""

    def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


def test_public_addresses_are_called_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLBACK_ALLOW_INSECURE", raising=False)
    assert callable_addresses("a.example", 443, giving(*PUBLIC)) == PUBLIC


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_refuses_the_host(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLBACK_ALLOW_INSECURE", raising=False)
    with pytest.raises(AddressRefused, match="not public"):
        callable_addresses("a.example", 443, giving(PUBLIC[0], address))


def test_a_hospitals_own_networks_are_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_ALLOWED_NETWORKS", "10.20.0.0/16, fd00:1::/32")
    assert callable_addresses("ris", 443, giving("10.20.3.4", "fd00:1::7")) == ["10.20.3.4", "fd00:1::7"]
    with pytest.raises(AddressRefused):
        callable_addresses("ris", 443, giving("10.21.3.4"))


def test_insecure_lets_every_address_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
    assert callable_addresses("a.example", 80, giving("127.0.0.1")) == ["127.0.0.1"]


def no_address(host: str, port: int) -> list[str]:
    raise OSError(f"{host} is not known")


def test_a_name_without_an_address() -> None:
    with pytest.raises(AddressRefused, match="no address"):
        callable_addresses("unknown.example", 443, no_address)


@pytest.mark.parametrize(
    "host", ["", ".", "a..example", "x" * 64 + ".example", "a." * 127 + "a", "ä" * 300, "a b", "a\r\nb"]
)
def test_a_name_that_is_none(host: str) -> None:
    """RFC 1035 section 2.3.4: 63 characters a label, 253 a name."""
    with pytest.raises(AddressRefused, match="not valid"):
        callable_addresses(host, 443, giving(*PUBLIC))


def test_a_name_in_another_alphabet_is_asked_for_in_its_own_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLBACK_ALLOW_INSECURE", raising=False)
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return PUBLIC

    callable_addresses("münchen.example", 443, resolve)
    assert asked == [("xn--mnchen-3ya.example", 443)]


def test_networks_that_are_none_are_named_by_their_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_ALLOWED_NETWORKS", "10.20.0.1/16")
    with pytest.raises(
        ConfigurationError, match=r"^CALLBACK_ALLOWED_NETWORKS: entry 1 .* did you mean 10\.20\.0\.0/16"
    ):
        callable_addresses("a.example", 443, giving(*PUBLIC))


def test_the_operating_systems_addresses() -> None:
    assert system_addresses("127.0.0.1", 80) == ["127.0.0.1"]
