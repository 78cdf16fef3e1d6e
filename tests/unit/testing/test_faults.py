"""Each fault as a client sees it, and what it costs."""

import json
import socket
import time

import httpx
import pytest

from minimill.testing import Answer, Fault, Length

TEN = Answer(text="a b c d e f g h i j")
PRICE = {"m-1": (1, 100)}


@pytest.fixture
def ten(sim):
    """Answers of ten tokens, one to a chunk."""
    for vendor in ("qwen", "glm", "doubao", "openai", "vllm", "deepseek"):
        sim.configure(vendor, answer=TEN, tokens_per_chunk=1)
    return sim


def stream_of(call, vendor="qwen", **fields):
    """The lines that arrive, and the error that ended them."""
    lines, body = [], call.body(stream=True, **fields)
    try:
        with call.http.stream("POST", call.url(vendor), json=body) as response:
            lines.extend(filter(None, response.iter_lines()))
    except httpx.TransportError as error:
        return lines, error
    return lines, None


def contents(lines):
    found = []
    for line in lines:
        if line.startswith("data: {"):
            data = json.loads(line[6:])
            found += [c["delta"]["content"] for c in data.get("choices", ()) if c["delta"].get("content")]
    return found


def test_programme_is_used_in_order(sim, call):
    """One fault a request, None lets one pass, then all is well."""
    sim.program("qwen", [Fault.status(429), None, Fault.status(503)])
    assert [call.post("qwen").status_code for _ in range(4)] == [429, 200, 503, 200]
    assert [record.fault for record in sim.calls] == ["status 429", "", "status 503", ""]


def test_programme_of_one_vendor_is_not_for_another(sim, call):
    """Faults belong to a vendor."""
    sim.always("glm", Fault.status(500))
    assert (call.post("qwen").status_code, call.post("glm").status_code) == (200, 500)
    sim.always("glm", None)
    assert call.post("glm").status_code == 200


def test_programme_by_function(sim, call):
    """A function sees the index and the body."""
    sim.program(
        "qwen", lambda index, body: Fault.status(500) if index == 1 or body["model"] == "bad" else None
    )
    statuses = [call.post("qwen", model=model).status_code for model in ("m", "m", "m", "bad")]
    assert statuses == [200, 500, 200, 500]
    sim.clear_faults()
    assert call.post("qwen", model="bad").status_code == 200


def test_faults_by_chance(sim, call):
    """The same seed gives the same sequence, and about the share that was asked for."""

    def statuses(seed):
        sim.sometimes("qwen", {Fault.status(429): 0.3, Fault.status(500): 0.2}, seed=seed)
        return [call.post("qwen").status_code for _ in range(60)]

    first = statuses(7)
    assert first == statuses(7)
    assert first != statuses(8)
    assert 8 <= first.count(429) <= 28
    with pytest.raises(ValueError, match="at most 1"):
        sim.sometimes("qwen", {Fault.status(429): 0.7, Fault.status(500): 0.7})


def test_body_of_your_own(sim, call):
    """A body and content type are sent as given."""
    sim.program("qwen", [Fault.status(418, body="teapot", content_type="text/plain")])
    response = call.post("qwen")
    assert (response.status_code, response.text) == (418, "teapot")
    assert response.headers["content-type"] == "text/plain"


def test_gateway_page(sim, call):
    """A gateway's page is HTML and no vendor's error."""
    sim.program("openai", [Fault.html_502(), Fault.html_502(504).bills("all")])
    first, second = call.post("openai"), call.post("openai")
    assert (first.status_code, second.status_code) == (502, 504)
    assert "<title>502 Bad Gateway</title>" in first.text
    assert "504 Gateway Time-out" in second.text
    assert [record.billed for record in sim.calls] == [False, True]


def test_redirect(sim, call):
    """A redirect names its target and is not billed."""
    sim.program("openai", [Fault.redirect("http://127.0.0.1:1/x")])
    response = call.post("openai")
    assert (response.status_code, response.headers["location"]) == (307, "http://127.0.0.1:1/x")
    assert (sim.calls[0].outcome, sim.calls[0].billed) == ("redirected", False)


def test_delay(sim, call):
    """The answer comes later."""
    sim.program("qwen", [Fault.delay(0.05)])
    start = time.perf_counter()
    assert call.post("qwen").status_code == 200
    assert time.perf_counter() - start >= 0.05
    record = sim.calls[0]
    assert record.outcome == "answered"
    assert record.finished - record.started >= 0.049


def test_delay_and_status(sim, call):
    """Faults combine: a refusal that takes its time."""
    sim.program("qwen", [Fault.delay(0.03) | Fault.status(503)])
    start = time.perf_counter()
    assert call.post("qwen").status_code == 503
    assert time.perf_counter() - start >= 0.03
    assert sim.calls[0].fault == "delay + status 503"


@pytest.mark.parametrize("stream", [False, True])
def test_first_token_delay(stream, sim, call):
    """The body comes later."""
    sim.program("qwen", [Fault.first_token_delay(0.05)])
    start = time.perf_counter()
    with call.http.stream("POST", call.url("qwen"), json=call.body(stream=stream)) as response:
        assert response.status_code == 200
        response.read()
    assert time.perf_counter() - start >= 0.05
    sim.wait_idle()
    assert sim.calls[0].outcome == "answered"


def test_slow_chunks(ten, call):
    """Chunks come one by one."""
    ten.program("qwen", [Fault.slow_chunks(0.004)])
    start = time.perf_counter()
    lines, error = stream_of(call)
    assert time.perf_counter() - start >= 0.04
    assert error is None
    assert len(contents(lines)) == 10
    assert lines[-1] == "data: [DONE]"


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("kept", [0, 1, 4, 99])
def test_cut_stream(kept, reset, ten, call):
    """So many chunks arrive, neither finish reason nor end; what was generated is billed."""
    ten.program("qwen", [Fault.cut_after(kept, reset=reset)])
    lines, error = stream_of(call)
    assert isinstance(error, httpx.ReadError if reset else httpx.RemoteProtocolError)
    assert contents(lines) == TEN.text.replace(" ", "* ").split("*")[: min(kept, 10)]
    assert not any('finish_reason":"stop' in line or "DONE" in line for line in lines)
    ten.wait_idle()
    record = ten.calls[0]
    assert (record.outcome, record.output_tokens, record.billed) == ("cut", min(kept, 10), True)
    assert ten.bill(PRICE) == 5 + 100 * min(kept, 10)


def test_cut_stream_that_goes_on_generating(ten, call):
    """The client gets four chunks and pays for ten."""
    ten.program("qwen", [Fault.cut_after(4) | Fault.keeps_generating()])
    assert len(contents(stream_of(call)[0])) == 4
    assert ten.calls[0].output_tokens == 10


@pytest.mark.parametrize("vendor", ["glm", "vllm"])
def test_cut_never_sends_a_finish_reason(vendor, ten, call):
    """Also where the finish reason rides on the last content."""
    ten.configure(vendor, length=Length.fill())
    ten.program(vendor, [Fault.cut_after(99)])
    lines, error = stream_of(call, vendor, max_tokens=3)
    assert error is not None
    assert not any('"finish_reason":"' in line for line in lines)


@pytest.mark.parametrize(("kept", "received"), [(0, 0), (1, 1)])
def test_cut_plain(kept, received, ten, call):
    """Half of the body, or none, and the connection ends; the whole answer was generated."""
    ten.program("qwen", [Fault.cut_after(kept)])
    got: list[bytes] = []
    with call.http.stream("POST", call.url("qwen"), json=call.body()) as reply:
        assert reply.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            got.extend(reply.iter_raw())
    assert bool(got) is bool(received)
    record = ten.calls[0]
    assert record.outcome == "cut"
    assert record.output_tokens == 10


def test_stall(ten, call):
    """The stream stays open and says no more."""
    ten.program("qwen", [Fault.stall_after(3)])
    lines = []
    body = call.body(stream=True)
    with (
        pytest.raises(httpx.ReadTimeout),
        call.http.stream("POST", call.url("qwen"), json=body, timeout=httpx.Timeout(5, read=0.1)) as reply,
    ):
        lines += (line for line in reply.iter_lines() if line)
    ten.wait_idle()
    record = ten.calls[0]
    assert (record.outcome, record.output_tokens, record.status) == ("stalled", 3, 200)


@pytest.mark.parametrize("after_headers", [False, True])
def test_silent(after_headers, ten, call):
    """No answer until the client leaves; not billed unless said so."""
    ten.program("qwen", [Fault.silent(after_headers=after_headers), Fault.silent().bills("input")])
    for _ in range(2):
        with pytest.raises(httpx.ReadTimeout):
            call.http.post(call.url("qwen"), json=call.body(), timeout=httpx.Timeout(5, read=0.03))
    ten.wait_idle()
    first, second = ten.calls
    assert (first.outcome, first.billed, first.status) == ("silent", False, 200 if after_headers else 0)
    assert (second.billed, second.input_tokens, second.output_tokens) == (True, 5, 0)


@pytest.mark.parametrize("reset", [False, True])
def test_close_before_reply(reset, ten, call):
    """The connection ends without a byte."""
    ten.program("qwen", [Fault.close_before_reply(reset=reset)])
    with pytest.raises(httpx.ReadError if reset else httpx.RemoteProtocolError):
        call.post("qwen")
    record = ten.calls[0]
    assert (record.outcome, record.billed, record.status) == ("closed", False, 0)
    assert call.post("qwen").status_code == 200


@pytest.mark.parametrize("kind", ["text", "truncated", "empty", "binary", "array"])
def test_garbage(kind, ten, call):
    """Status 200 and no answer; it was generated, so it is billed."""
    ten.program("qwen", [Fault.garbage(kind)] * 2)
    response = call.post("qwen")
    assert response.status_code == 200
    try:
        assert response.json() == [1, 2, 3]
    except ValueError:
        assert kind != "array"
    lines, error = stream_of(call)
    assert error is None
    assert contents(lines[:-1]) == ([] if kind == "empty" else ["a"])
    assert "data: [DONE]" not in lines
    assert [(one.outcome, one.output_tokens) for one in ten.calls] == [("garbled", 10)] * 2


@pytest.mark.parametrize("vendor", ["qwen", "glm", "doubao", "openai"])
def test_no_usage(vendor, ten, call):
    """The answer is good, its usage is missing, the bill is not."""
    ten.program(vendor, [Fault.no_usage()] * 2)
    assert "usage" not in call.reply(vendor)
    chunks = call.chunks(vendor, stream_options={"include_usage": True})
    assert not any(chunk.get("usage") for chunk in chunks)
    assert [one.output_tokens for one in ten.paid_calls] == [10, 10]


@pytest.mark.parametrize(("vendor", "done"), [("qwen", False), ("vllm", True)])
def test_error_in_stream(vendor, done, ten, call):
    """An error object follows two chunks; vLLM still says [DONE]."""
    ten.program(vendor, [Fault.error_in_stream(2, message="it broke")])
    lines, error = stream_of(call, vendor)
    assert error is None
    assert contents(lines) == ["a", " b"]
    found = json.loads(lines[-2 if done else -1][6:])
    assert found["error"]["message"] == "it broke"
    assert (lines[-1] == "data: [DONE]") is done
    assert (ten.calls[0].outcome, ten.calls[0].output_tokens) == ("failed", 2)


def test_error_with_status_200(ten, call):
    """A plain request gets the error object as a good reply."""
    ten.program("glm", [Fault.error_in_stream(code="1234")])
    assert call.reply("glm") == {"error": {"code": "1234", "message": "网络错误，请稍后重试。"}}
    assert ten.calls[0].outcome == "failed"


def test_keepalive_comments(ten, call):
    """Comments come before the first chunk; blank lines before a plain answer."""
    ten.program("deepseek", [Fault.keepalive_comments(3, 0.01), Fault.keepalive_comments(2)])
    start = time.perf_counter()
    lines, error = stream_of(call, "deepseek")
    assert time.perf_counter() - start >= 0.03
    assert error is None
    assert lines[:3] == [": keep-alive"] * 3
    response = call.post("deepseek")
    assert response.text.startswith("\n\n{")
    assert response.json()["usage"]["completion_tokens"] == 10


def test_wrong_model_name(ten, call):
    """The answer names another model, plain and streamed."""
    ten.program("qwen", [Fault.wrong_model_name("qwen-other"), Fault.wrong_model_name()])
    assert call.reply("qwen")["model"] == "qwen-other"
    assert {chunk["model"] for chunk in call.chunks("qwen")} == {"another-model"}
    assert ten.calls[0].model == "m-1"


def test_oversized(ten, call):
    """The body, or one line of the stream, is at least so long."""
    ten.program("qwen", [Fault.oversized(300_000)] * 2)
    assert len(call.post("qwen").content) > 300_000
    lines, _ = stream_of(call)
    assert max(map(len, lines)) > 300_000
    assert ten.calls[0].output_tokens == 10


def test_drop_done(ten, call):
    """The finish reason comes, the end mark does not."""
    ten.program("qwen", [Fault.drop_done()])
    lines, error = stream_of(call)
    assert error is None
    assert '"finish_reason":"stop"' in lines[-1]
    assert ten.calls[0].outcome == "answered"


def test_stale_keepalive(ten, call):
    """The first call is answered; the second, on the same connection, is not, and leaves no record."""
    ten.program("qwen", [Fault.stale_keepalive()])
    assert call.post("qwen").status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        call.post("qwen")
    assert len(ten.calls) == 1
    assert call.post("qwen").status_code == 200
    assert ten.connections_opened == 2


@pytest.mark.parametrize("mode", ["bytes", "odd", "crlf", "cr", "bom", "no_last_blank"])
def test_chunking(mode, ten, call):
    """The same answer in other bytes."""
    ten.configure("qwen", answer=Answer(text="天空 is blue"), tokens_per_chunk=1)
    ten.program("qwen", [None, Fault.chunking(mode)])
    plain = call.post("qwen", stream=True).content
    odd = call.post("qwen", stream=True).content

    def text(raw):
        steady = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
        return [
            json.loads(line[6:])["choices"][0]["delta"] for line in steady.split("\n") if line[6:7] == "{"
        ]

    assert text(plain) == text(odd)
    assert odd.startswith(b"\xef\xbb\xbf") is (mode == "bom")
    assert (b"\r\n" in odd) is (mode == "crlf")
    assert odd.endswith(b"[DONE]") is (mode == "no_last_blank")
    assert ten.calls[1].output_tokens == 4


def test_bytes_are_chunks_of_their_own(ten, call):
    """In mode `bytes` each byte is an HTTP chunk; in mode `odd` their sizes change. Plain answers too."""
    ten.program("qwen", [Fault.chunking("bytes"), Fault.chunking("odd")])

    def sizes():
        request = call.http.build_request("POST", call.url("qwen"), json=call.body())
        with socket.create_connection(("127.0.0.1", ten.port)) as sock:
            head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
            sock.sendall(f"POST {request.url.path} HTTP/1.1\r\n{head}\r\n".encode() + request.content)
            data = b""
            while not data.endswith(b"0\r\n\r\n"):
                data += sock.recv(65536)
        rest, found = data.partition(b"\r\n\r\n")[2], []
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            found.append(int(size, 16))
            rest = rest[found[-1] + 2 :]
        return found

    assert set(sizes()[:-1]) == {1}
    assert sizes()[:9] == [1, 2, 3, 5, 7, 11, 13, 64, 257]


def test_bills_can_be_chosen(ten, call):
    """The same fault billed in each of four ways."""
    kinds = ("nothing", "input", "so_far", "all")
    ten.program("qwen", [Fault.cut_after(2).bills(kind) for kind in kinds])
    for _ in kinds:
        stream_of(call)
    ten.wait_idle()
    assert [(one.billed, one.input_tokens, one.output_tokens) for one in ten.calls] == [
        (False, 0, 0),
        (True, 5, 0),
        (True, 5, 2),
        (True, 5, 10),
    ]
