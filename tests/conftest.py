"""What every test gets: both event loops, an empty home, no keys, and no network beyond this computer."""

import ipaddress
import os
import signal
import sys

import pytest
from hypothesis import settings

KEPT = ("MINIMILL_LOCAL_URL", "MINIMILL_RECORDINGS")
PROXIES = ("ALL_PROXY", "FTP_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background by a shell: children would ignore the interrupts that tests send them.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run every test marked `anyio` on both event loops."""
    return request.param


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Take keys, settings and proxies away, and put the home folder somewhere empty."""
    for name in filter(is_personal, list(os.environ)):
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))


def is_personal(name: str) -> bool:
    """Tell whether an environment variable could change what a test does."""
    if name in KEPT or name.startswith("MINIMILL_TEST_"):
        return False
    return name.endswith("_API_KEY") or name.startswith("MINIMILL_") or name.upper() in PROXIES


def refuse_the_network(event: str, arguments: tuple[object, ...]) -> None:
    """Fail the test that connects, or looks up a name, beyond this computer."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not is_local(host):
        pytest.fail(f"a test reached for the network: {event} {host!r}")


def is_local(host: object) -> bool:
    """Tell whether a host is this computer; a Unix socket has none."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(name))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


sys.addaudithook(refuse_the_network)
