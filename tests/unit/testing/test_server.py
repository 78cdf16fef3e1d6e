"""The server itself: many clients, clients that leave, other processes, odd HTTP."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from minimill.testing import Answer, Fault, Simulator
from minimill.testing._http import BadRequestError, dechunk, parse_head

BODY = json.dumps({"model": "m-1", "messages": [{"role": "user", "content": "hello"}]}).encode()


def raw_request(body=BODY, path="/qwen/compatible-mode/v1/chat/completions", extra=""):
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sim-key\r\n{extra}"
    return (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def open_socket(sim):
    return socket.create_connection(("127.0.0.1", sim.port), timeout=5)


def read_reply(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    parts = [body]
    while (missing := length - sum(map(len, parts))) > 0:
        parts.append(sock.recv(min(missing, 1 << 20)))
    return head, b"".join(parts)


def many_calls(port, connections):
    """Open all connections first, then send on all of them; the statuses."""

    async def one(opened, go):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.release()
        await go.wait()
        writer.write(raw_request())
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
        writer.close()
        await writer.wait_closed()
        return int(head[9:12])

    async def main():
        opened, go = asyncio.Semaphore(0), asyncio.Event()
        tasks = [asyncio.ensure_future(one(opened, go)) for _ in range(connections)]
        for _ in tasks:
            await opened.acquire()
        go.set()
        return await asyncio.gather(*tasks)

    return asyncio.run(main())


def test_500_at_once(sim):
    """500 open connections that ask at the same time are all answered, quickly."""
    start = time.perf_counter()
    assert many_calls(sim.port, 500) == [200] * 500
    assert time.perf_counter() - start < 20
    assert len(sim.paid_calls) == 500
    assert sorted(record.number for record in sim.calls) == list(range(500))
    assert sim.connections_opened == 500


def test_500_held_open(sim):
    """500 silent calls are in flight together and end when their clients leave."""
    sim.always("qwen", Fault.silent())
    sockets = [open_socket(sim) for _ in range(500)]
    for sock in sockets:
        sock.sendall(raw_request())
    deadline = time.monotonic() + 20
    while sim.running < 500 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert sim.running == 500
    with pytest.raises(TimeoutError, match="500 simulated calls"):
        sim.wait_idle(0.05)
    for sock in sockets:
        sock.close()
    sim.wait_idle()
    assert {record.outcome for record in sim.calls} == {"silent"}


def test_threads(sim, call):
    """Plain threads may share it."""
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: call.post("glm").status_code, range(40)))
    assert statuses == [200] * 40


def test_other_processes(sim):
    """Processes of their own may call at once."""
    code = (
        "import asyncio,sys\n"
        "async def one(p,r):\n"
        "    a,b=await asyncio.open_connection('127.0.0.1',p);b.write(r)\n"
        "    h=await a.readuntil(b'\\r\\n\\r\\n');b.close();return h[9:12]\n"
        "async def main():\n"
        "    r=sys.stdin.buffer.read();p=int(sys.argv[1])\n"
        "    print(set(await asyncio.gather(*(one(p,r) for _ in range(25)))))\n"
        "asyncio.run(main())\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-I", "-c", code, str(sim.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    outputs = [child.communicate(raw_request(), timeout=20)[0] for child in children]
    assert outputs == [b"{b'200'}\n"] * 3
    sim.wait_idle()
    assert len(sim.paid_calls) == 75


def test_record_is_there_before_the_answer(sim, call):
    """Whoever sees an answer sees its record, billed and ended."""
    for number in range(50):
        call.reply("qwen")
        record = sim.calls[number]
        assert (record.billed, record.outcome) == (True, "answered")


def test_record_of_a_running_stream(sim, call):
    """While a stream runs its record is billed for what was generated."""
    sim.configure("qwen", answer=Answer(text="a b c d"), tokens_per_chunk=1)
    sim.program("qwen", [Fault.slow_chunks(0.02)])

    def now():
        record = sim.calls[0]
        return record.billed, record.output_tokens, record.outcome

    with call.http.stream("POST", call.url("qwen"), json=call.body(stream=True)) as response:
        lines = response.iter_lines()
        seen = [now() for line in lines if '"content":"' in line and '"content":""' not in line]
    assert [billed for billed, _, _ in seen] == [True] * 4
    assert all(tokens >= position + 1 for position, (_, tokens, _) in enumerate(seen))
    assert seen[0][2] == "running"


def test_client_leaves_a_stream(sim, call):
    """What was generated until then is billed, and no more."""
    sim.configure("qwen", answer=Answer(text="a b c"), length=400, tokens_per_chunk=1)
    sim.program("qwen", [Fault.slow_chunks(0.02)])
    with call.http.stream("POST", call.url("qwen"), json=call.body(stream=True)) as response:
        lines = response.iter_lines()
        while '"content":" b"' not in next(lines):
            pass
    sim.wait_idle()
    record = sim.calls[0]
    assert (record.outcome, record.billed) == ("left", True)
    assert 2 <= record.output_tokens < 400


def test_client_leaves_a_stream_that_goes_on(sim, call):
    """A vendor that keeps generating bills the whole answer."""
    sim.configure("qwen", answer=Answer(text="a b c"), length=400, tokens_per_chunk=1)
    sim.program("qwen", [Fault.slow_chunks(0.02) | Fault.keeps_generating()])
    with call.http.stream("POST", call.url("qwen"), json=call.body(stream=True)) as response:
        next(response.iter_lines())
    sim.wait_idle()
    assert (sim.calls[0].outcome, sim.calls[0].output_tokens) == ("left", 400)


def test_client_leaves_a_plain_call(sim):
    """A plain answer counts as generated once the request was taken."""
    sim.configure("qwen", answer=Answer(text="a b c d"))
    sim.program("qwen", [Fault.delay(5), Fault.delay(5).bills("nothing")])
    for _ in range(2):
        with open_socket(sim) as sock:
            sock.sendall(raw_request())
            while not sim.running:
                time.sleep(0.001)
        sim.wait_idle()
    assert [(one.outcome, one.billed, one.output_tokens) for one in sim.calls] == [
        ("left", True, 4),
        ("left", False, 0),
    ]


def test_client_that_sends_and_leaves(sim):
    """A request whose client is gone already is still read and recorded."""
    for _ in range(20):
        with open_socket(sim) as sock:
            sock.sendall(raw_request())
    sim.wait_idle()
    assert len(sim.paid_calls) == 20


def test_half_a_request(sim):
    """A client that leaves in the middle of its request leaves no record."""
    with open_socket(sim) as sock:
        sock.sendall(raw_request()[:-10])
    sim.wait_idle()
    assert sim.calls == ()


def test_request_byte_by_byte(sim):
    """A request may arrive in any pieces."""
    with open_socket(sim) as sock:
        for byte in raw_request():
            sock.sendall(bytes([byte]))
        assert read_reply(sock)[0].startswith(b"HTTP/1.1 200 OK\r\n")


def test_keep_alive_and_pipelining(sim):
    """Three requests at once on one connection are answered in order."""
    sim.configure("qwen", answer=lambda request: Answer(text=str(request.index)))
    sim.program("qwen", [Fault.delay(0.01)])
    with open_socket(sim) as sock:
        sock.sendall(raw_request() * 3)
        data = b""
        while data.count(b"HTTP/1.1 200") < 3 or not data.endswith(b"}"):
            data += sock.recv(65536)
    bodies = [json.loads(part.partition(b"\r\n\r\n")[2]) for part in data.split(b"HTTP/1.1 200 OK")[1:]]
    assert [body["choices"][0]["message"]["content"] for body in bodies] == ["0", "1", "2"]
    assert sim.connections_opened == 1


def test_connection_close_is_honoured(sim):
    """The connection ends after the reply when the client wants it so."""
    with open_socket(sim) as sock:
        sock.sendall(raw_request(extra="Connection: close\r\n"))
        data = b""
        while part := sock.recv(65536):
            data += part
    assert b"Connection: close\r\n" in data


def test_chunked_request_body(sim, call):
    """A request body may be chunked."""
    response = call.http.post(call.url("qwen"), content=iter([BODY[:10], BODY[10:]]))
    assert response.status_code == 200


def test_expect_continue(sim):
    """A client may wait for leave to send its body."""
    request = raw_request(extra="Expect: 100-continue\r\n")
    head, _, body = request.partition(b"\r\n\r\n")
    with open_socket(sim) as sock:
        sock.sendall(head + b"\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert read_reply(sock)[0].startswith(b"HTTP/1.1 200")


def test_not_http(sim):
    """Bytes that are not HTTP get status 400 and the end of the connection."""
    with open_socket(sim) as sock:
        sock.sendall(b"hello\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_head_and_chunks_that_are_wrong():
    """The parsers refuse what they cannot read."""
    with pytest.raises(BadRequestError):
        parse_head(b"POST / HTTP/1.1\r\nContent-Length: many")
    with pytest.raises(BadRequestError):
        dechunk(b"zz\r\n")
    assert dechunk(b"3\r\nab") is None
    assert dechunk(b"3;x=y\r\nabc\r\n0\r\n\r\nrest") == (b"abc", 17)
    assert dechunk(b"0\r\nX-Note: a\r\n\r\n") == (b"", 16)


def test_slow_reader_of_a_large_answer(sim):
    """A large answer waits for its reader; the record is right."""
    sim.program("qwen", [Fault.oversized(6_000_000) | Fault.first_token_delay(0.001)])
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.connect(("127.0.0.1", sim.port))
        sock.sendall(raw_request())
        time.sleep(0.02)
        _, body = read_reply(sock)
    assert len(body) > 6_000_000
    assert sim.calls[0].outcome == "answered"


def test_close_ends_everything():
    """Silent calls end, the port is free, the thread is gone, records stay."""
    sim = Simulator(["qwen"]).start()
    sim.always("qwen", Fault.silent())
    sock = open_socket(sim)
    sock.sendall(raw_request())
    while not sim.running:
        time.sleep(0.001)
    sim.close()
    sim.close()
    with sock, pytest.raises(ConnectionResetError):
        sock.recv(10)
    assert [record.outcome for record in sim.calls] == ["silent"]
    assert "simulator" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(ConnectionRefusedError):
        open_socket(sim)


def test_start_twice_and_taken_port(sim):
    """A second start and a port in use are refused."""
    with pytest.raises(RuntimeError, match="already running"):
        sim.start()
    with pytest.raises(OSError, match="address"):
        Simulator(["qwen"], port=sim.port).start()


def test_restart():
    """A closed simulator can be started again."""
    sim = Simulator(["qwen"])
    for _ in range(2):
        with sim, open_socket(sim) as sock:
            sock.sendall(raw_request())
            assert read_reply(sock)[0].startswith(b"HTTP/1.1 200")
    assert len(sim.calls) == 2


def test_base_urls(sim):
    """Each vendor has its own path."""
    start = f"http://127.0.0.1:{sim.port}"
    assert sim.base_urls() == {
        "doubao": start + "/doubao/api/v3",
        "qwen": start + "/qwen/compatible-mode/v1",
        "glm": start + "/glm/api/paas/v4",
        "openai": start + "/openai/v1",
        "ernie": start + "/ernie/v2",
        "deepseek": start + "/deepseek",
        "anthropic": start + "/anthropic",
        "gemini": start + "/gemini",
        "vllm": start + "/vllm/v1",
        "llamacpp": start + "/llamacpp/v1",
    }


def test_clear_calls(sim, call):
    """Ended calls can be forgotten; numbers go on."""
    call.reply("qwen")
    sim.clear_calls()
    assert sim.calls == ()
    call.reply("qwen")
    assert len(sim.paid_calls) == 1


def test_records_are_copies(sim, call):
    """Changing what was handed out changes nothing."""
    call.reply("qwen")
    sim.calls[0].output_tokens = 10**9
    assert sim.calls[0].output_tokens == 11


def test_as_a_program():
    """`python -m minimill.testing` prints where it serves, and what it served when it is stopped."""
    command = [
        sys.executable,
        "-m",
        "minimill.testing",
        "--vendor",
        "qwen",
        "--vendor",
        "glm",
        "--tokens",
        "7",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONWARNINGS": "error"}
    ) as child:
        assert child.stdout is not None
        told = json.loads(child.stdout.readline())
        assert list(told["base_urls"]) == ["qwen", "glm"]
        url = told["base_urls"]["qwen"] + "/chat/completions"
        response = httpx.post(
            url, content=BODY, headers={"Authorization": f"Bearer {told['key']}"}, trust_env=False
        )
        assert response.json()["usage"]["completion_tokens"] == 7
        child.send_signal(signal.SIGINT)
        assert json.loads(child.stdout.readline()) == {
            "calls": 1,
            "paid_calls": 1,
            "input_tokens": 5,
            "output_tokens": 7,
        }
    assert child.returncode == 0
