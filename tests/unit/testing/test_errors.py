"""The vendors' own errors: keys, bodies, paths, models, and each status."""

import pytest

from minimill.testing import Fault, Simulator

ALL = ("doubao", "qwen", "glm", "openai", "ernie", "deepseek", "vllm", "llamacpp")
WRONG_KEY = {
    "doubao": ("AuthenticationError", "Unauthorized"),
    "qwen": ("invalid_api_key", "invalid_request_error"),
    "glm": ("1000", None),
    "openai": ("invalid_api_key", "invalid_request_error"),
    "ernie": ("invalid_iam_token", "invalid_request_error"),
    "deepseek": ("invalid_request_error", "authentication_error"),
    "llamacpp": (401, "authentication_error"),
}
STATUSES = {
    "doubao": {
        400: "InvalidParameter",
        401: "AuthenticationError",
        403: "AccessDenied",
        404: "InvalidEndpointOrModel.NotFound",
        429: "ModelAccountRpmRateLimitExceeded",
        500: "InternalServiceError",
        503: "InternalServiceError",
    },
    "qwen": {
        400: "invalid_parameter_error",
        401: "invalid_api_key",
        403: "access_denied",
        404: "model_not_found",
        429: "limit_requests",
        500: "internal_error",
        503: "ModelUnavailable",
    },
    "glm": {400: "1210", 401: "1000", 403: "1220", 404: "1222", 429: "1302", 500: "500", 503: "1230"},
    "openai": {
        400: "invalid_value",
        401: "invalid_api_key",
        403: "unsupported_country_region_territory",
        404: "model_not_found",
        429: "rate_limit_exceeded",
        500: None,
        503: "server_is_overloaded",
    },
    "ernie": {
        400: "invalid_argument",
        401: "invalid_iam_token",
        403: "access_denied",
        404: "not_found",
        429: "rpm_rate_limit_exceeded",
        500: "internal_error",
        503: "dispatch_internal_error",
    },
    "deepseek": {
        400: "invalid_request_error",
        402: "invalid_request_error",
        429: "rate_limit_reached_error",
        500: "internal_server_error",
        503: "service_unavailable_error",
    },
    "vllm": {400: 400, 404: 404, 500: 500, 503: 503},
    "llamacpp": {400: 400, 401: 401, 500: 500, 503: 503},
}


@pytest.mark.parametrize("vendor", WRONG_KEY)
def test_wrong_key(vendor, sim, call):
    """A wrong key gets the vendor's 401 and is not billed."""
    response = call.http.post(call.url(vendor), json=call.body(), headers={"Authorization": "Bearer no"})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error.get("type")) == (401, *WRONG_KEY[vendor])
    record = sim.calls[0]
    assert (record.outcome, record.billed, record.status) == ("refused", False, 401)
    assert sim.paid_calls == ()


def test_wrong_key_of_vllm(sim, call):
    """vLLM's error is a string."""
    response = call.http.post(call.url("vllm"), json=call.body(), headers={"Authorization": ""})
    assert (response.status_code, response.json()) == (401, {"error": "Unauthorized"})


def test_missing_key(sim, call):
    """OpenAI and Qwen name no code, GLM has another one."""
    del call.http.headers["Authorization"]
    assert call.post("openai").json()["error"]["code"] is None
    assert call.post("qwen").json()["error"]["code"] is None
    assert call.post("glm").json()["error"]["code"] == "1001"


def test_own_key():
    """The key can be chosen."""
    with Simulator("qwen", key="other") as sim:
        assert sim.key == "other"
        assert sim.vendors == ("qwen",)


@pytest.mark.parametrize(
    ("vendor", "status"), [(vendor, status) for vendor, rows in STATUSES.items() for status in rows]
)
def test_status_has_the_vendors_code(vendor, status, sim, call):
    """Each status comes with the vendor's usual code, and costs nothing."""
    sim.program(vendor, [Fault.status(status)])
    response = call.post(vendor)
    found = response.json()["error"]
    code = found["code"] if isinstance(found, dict) else None
    assert (response.status_code, code) == (status, STATUSES[vendor][status])
    assert sim.bill({"m-1": (1, 1)}) == 0
    assert call.post(vendor).status_code == 200


def test_envelopes(sim, call):
    """Each vendor puts its error in its own envelope."""
    bodies = {}
    for vendor in ALL:
        sim.program(vendor, [Fault.status(429, message="slow")])
        bodies[vendor] = call.post(vendor).json()
    request_id = sim.calls[0].request_id
    assert bodies["doubao"] == {
        "error": {
            "code": "ModelAccountRpmRateLimitExceeded",
            "message": f"slow Request id: {request_id}",
            "param": "",
            "type": "TooManyRequests",
        }
    }
    assert bodies["qwen"]["request_id"] == sim.calls[1].request_id
    assert bodies["glm"] == {"error": {"code": "1302", "message": "slow"}}
    assert bodies["openai"] == {
        "error": {"message": "slow", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    }
    assert bodies["ernie"]["id"].startswith("as-")
    assert bodies["vllm"]["error"]["code"] == 429


def test_code_brings_its_own_text(sim, call):
    """A known code has its own type and text; an unknown one is passed on."""
    sim.program("openai", [Fault.status(429, code="insufficient_quota"), Fault.status(429, code="new_code")])
    known, unknown = call.post("openai").json()["error"], call.post("openai").json()["error"]
    assert (known["type"], known["code"]) == ("insufficient_quota", "insufficient_quota")
    assert "billing" in known["message"]
    assert unknown["code"] == "new_code"


def test_retry_after_and_headers(sim, call):
    """Headers of a fault are sent as given."""
    sim.program("glm", [Fault.status(429, retry_after=2), Fault.status(503, headers={"X-Note": "a"})])
    assert call.post("glm").headers["retry-after"] == "2"
    assert call.post("glm").headers["x-note"] == "a"


def test_qwen_refuses_a_stream_with_an_event(sim, call):
    """Qwen's moderation answers a streamed request with a server-sent event and status 400."""
    sim.program("qwen", [Fault.status(400, code="data_inspection_failed")] * 2)
    streamed = call.post("qwen", stream=True)
    assert streamed.status_code == 400
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert streamed.text.startswith('data: {"error":{"message":')
    assert call.post("qwen").json()["error"]["code"] == "data_inspection_failed"


def test_glm_content_filter(sim, call):
    """GLM's 1301 names the filter beside the error."""
    sim.program("glm", [Fault.status(400, code="1301")])
    assert call.post("glm").json()["contentFilter"] == [{"level": 1, "role": "user"}]


def test_ernie_repeats_the_code_in_a_header(sim, call):
    """Qianfan's gateway header holds the code."""
    sim.program("ernie", [Fault.status(403, code="account_overdue")])
    assert call.post("ernie").headers["x-bce-error-code"] == "account_overdue"


BAD_BODIES = [
    b"{not json",
    b"[1]",
    b'{"messages": [{"role": "user", "content": "a"}]}',
    b'{"model": "m", "messages": []}',
    b'{"model": "m", "messages": [{"content": "a"}]}',
    b'{"model": "m", "messages": [{"role": "user"}]}',
    b'{"model": "m", "messages": [{"role": "user", "content": ["a"]}]}',
    b'{"model": "m", "messages": [{"role": "user", "content": 7}]}',
    b'{"model": "m", "messages": [{"role": "user", "content": "a"}], "max_tokens": 0}',
    b'{"model": "m", "messages": [{"role": "user", "content": "a"}], "n": true}',
    b'{"model": "m", "messages": [{"role": "user", "content": "a"}], "stream": "yes"}',
]


@pytest.mark.parametrize("vendor", ALL)
def test_bad_bodies(vendor, sim, call):
    """Each malformed body gets the vendor's 400, and uses up no fault."""
    sim.program(vendor, [Fault.status(503)])
    for body in BAD_BODIES:
        response = call.http.post(call.url(vendor), content=body)
        assert response.status_code == 400, body
        assert "error" in response.json()
    assert call.post(vendor).status_code == 503


@pytest.mark.parametrize(
    ("vendor", "fields"),
    [
        ("doubao", {"max_tokens": 5, "max_completion_tokens": 5}),
        ("doubao", {"max_completion_tokens": 65_537}),
        ("qwen", {"response_format": {"type": "json_object"}}),
        ("qwen", {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"}),
        ("glm", {"max_tokens": 131_073}),
        ("openai", {"model": "gpt-5-mini", "max_tokens": 5}),
        ("ernie", {"max_completion_tokens": 12_289}),
        ("vllm", {"stream_options": {"include_usage": True}}),
        ("vllm", {"tools": []}),
        ("vllm", {"tool_choice": "auto"}),
    ],
)
def test_rules_of_one_vendor(vendor, fields, sim, call):
    """What only this vendor refuses."""
    assert call.post(vendor, **fields).status_code == 400
    other = "deepseek"
    assert call.post(other, **fields).status_code == 200


def test_unknown_path(sim, call):
    """Each vendor has its own 404; no record is made."""
    found = {vendor: call.http.get(sim.base_url(vendor) + "/nothing") for vendor in ALL}
    assert {response.status_code for response in found.values()} == {404}
    assert found["vllm"].json() == {"detail": "Not Found"}
    assert found["glm"].json()["error"]["code"] == "1222"
    assert found["openai"].json()["error"]["message"] == "Invalid URL (GET /openai/v1/nothing)"
    assert call.http.get(f"http://127.0.0.1:{sim.port}/").status_code == 404
    assert sim.calls == ()


def test_wrong_method(sim, call):
    """GET on the chat path is refused."""
    assert call.http.get(call.url("openai")).status_code == 405
    assert call.http.get(call.url("vllm")).json() == {"detail": "Method Not Allowed"}


def test_models(sim, call):
    """The vendors that list models list those that were configured; Ark and Zhipu have no list."""
    sim.configure("qwen", models=["qwen-plus"])
    assert call.http.get(sim.base_url("qwen") + "/models").json() == {
        "object": "list",
        "data": [{"id": "qwen-plus", "object": "model", "created": 1716220800, "owned_by": "qwen"}],
    }
    vllm = call.http.get(sim.base_url("vllm") + "/models").json()["data"][0]
    assert (vllm["id"], vllm["max_model_len"]) == ("local-model", 32768)
    assert call.http.get(sim.base_url("doubao") + "/models").status_code == 404
    assert (
        call.http.get(sim.base_url("openai") + "/models", headers={"Authorization": "x"}).status_code == 401
    )


@pytest.mark.parametrize(
    ("vendor", "status", "code"),
    [
        ("openai", 404, "model_not_found"),
        ("glm", 400, "1211"),
        ("ernie", 401, "invalid_model"),
        ("qwen", 404, "model_not_found"),
    ],
)
def test_unknown_model(vendor, status, code, sim, call):
    """A model that the vendor does not have gets its own error."""
    sim.configure(vendor, models=["only-this"])
    response = call.post(vendor)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert call.post(vendor, model="only-this").status_code == 200
