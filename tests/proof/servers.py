"""Small servers in threads: TLS in front of a simulator, and a proxy that anything can be asked for."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

PEM = Path(__file__).with_name("self_signed.pem")
"""Key and certificate for localhost, vendor.example and 127.0.0.1, until 2125. Nobody trusts it but tests."""


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes from one socket to the other until one of them ends."""
    with contextlib.suppress(OSError, ValueError):
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def joined(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until the end."""
    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join(5)
    other.close()


class Server(socketserver.ThreadingTCPServer):
    """Serves one backend port; notes what it was asked for."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, handler: type[socketserver.BaseRequestHandler], backend: int) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.backend = backend
        self.asked: list[str] = []

    @property
    def port(self) -> int:
        return self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A handshake that a client breaks off is no news."""


class _Tls(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Server)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)
        with context.wrap_socket(self.request, server_side=True) as inside:
            self.server.asked.append("tls")
            joined(inside, socket.create_connection(("127.0.0.1", self.server.backend)))


class _Proxy(socketserver.BaseRequestHandler):
    """Sends everything to the backend, whatever host was asked for."""

    def handle(self) -> None:
        assert isinstance(self.server, Server)
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.request.recv(65536)
            if not data:
                return
            head += data
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.server.asked.append(f"{method} {target}")
        behind = socket.create_connection(("127.0.0.1", self.server.backend))
        if method == "CONNECT":
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = target.split("/", 3)[3]
            behind.sendall(head.replace(target.encode(), b"/" + path.encode(), 1))
        joined(self.request, behind)


@contextlib.contextmanager
def running(handler: type[socketserver.BaseRequestHandler], backend: int) -> Iterator[Server]:
    """A server in a thread of its own."""
    with Server(handler, backend) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)


def tls(backend: int) -> contextlib.AbstractContextManager[Server]:
    """TLS with a certificate that nobody trusts, in front of a port."""
    return running(_Tls, backend)


def proxy(backend: int) -> contextlib.AbstractContextManager[Server]:
    """A proxy that leads to one port whatever it is asked for."""
    return running(_Proxy, backend)
