"""A server of a few lines, for what the simulator does not do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from tests.proof.servers import PEM


@contextlib.contextmanager
def listening(serve: Callable[[socket.socket], None], *, alpn: list[str] | None = None) -> Iterator[int]:
    """A server in a thread; `serve` has one connection at a time. With `alpn` it speaks TLS. Gives the port."""
    context = None
    if alpn is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)
        context.set_alpn_protocols(alpn)

    def run() -> None:
        while True:
            try:
                sock, _ = server.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(sock, server_side=True) if context else sock as door:
                serve(door)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
