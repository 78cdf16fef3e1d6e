"""The error codes and bodies of each vendor, by status and by code, as their pages name them.

Only data and the functions that put it in a vendor's envelope. Imports the standard library only.
"""

from typing import Any, NamedTuple

__all__ = ["ErrorRow", "error_row"]


class ErrorRow(NamedTuple):
    """One error of one vendor."""

    status: int
    code: str | None
    type: str | None
    message: str
    param: str | None = None


_E = ErrorRow

DOUBAO = (
    _E(
        400, "InvalidParameter", "BadRequest", "The request failed because it contained an invalid parameter."
    ),
    _E(
        400,
        "MissingParameter",
        "BadRequest",
        "The request failed because it is missing a required parameter.",
    ),
    _E(
        400,
        "OutofContextError",
        "BadRequest",
        "Input length exceeds the maximum context length of the model.",
    ),
    _E(
        400,
        "InputTextSensitiveContentDetected",
        "BadRequest",
        "The input text may contain sensitive information.",
    ),
    _E(400, "SensitiveContentDetected", "BadRequest", "The request may contain sensitive information."),
    _E(401, "AuthenticationError", "Unauthorized", "The API key in the request is missing or invalid."),
    _E(403, "AccessDenied", "Forbidden", "You do not have permission to access the requested resource."),
    _E(
        403,
        "AccountOverdueError",
        "Forbidden",
        "The request failed because your account has an overdue balance.",
    ),
    _E(
        404,
        "InvalidEndpointOrModel.NotFound",
        "NotFound",
        "The model or endpoint {model} does not exist or you do not have access to it.",
    ),
    _E(404, "ModelNotOpen", "NotFound", "Your account has not activated the model {model}."),
    _E(
        429,
        "ModelAccountRpmRateLimitExceeded",
        "TooManyRequests",
        "Requests per minute of the account for {model} exceeded the limit.",
    ),
    _E(
        429,
        "ModelAccountTpmRateLimitExceeded",
        "TooManyRequests",
        "Tokens per minute of the account for {model} exceeded the limit.",
    ),
    _E(
        429,
        "RateLimitExceeded.EndpointRPMExceeded",
        "TooManyRequests",
        "Requests per minute of the endpoint exceeded the limit.",
    ),
    _E(
        429,
        "RequestBurstTooFast",
        "TooManyRequests",
        "The request rate rose too fast. Slow down and try again.",
    ),
    _E(
        429,
        "ServerOverloaded",
        "TooManyRequests",
        "The service is currently unable to handle additional requests due to server overload.",
    ),
    _E(
        429,
        "QuotaExceeded",
        "TooManyRequests",
        "Your account has exhausted its free trial quota for {model}.",
    ),
    _E(
        429,
        "SetLimitExceeded",
        "TooManyRequests",
        "Your account has reached the set inference limit for {model}.",
    ),
    _E(
        500,
        "InternalServiceError",
        "InternalServerError",
        "The service encountered an unexpected internal error.",
    ),
    _E(503, "InternalServiceError", "InternalServerError", "The service is temporarily unavailable."),
)

QWEN = (
    _E(400, "invalid_parameter_error", "invalid_request_error", "The provided parameter is invalid."),
    _E(
        400, "context_length_exceeded", "invalid_request_error", "Range of input length should be [1, 129024]"
    ),
    _E(
        400,
        "data_inspection_failed",
        "data_inspection_failed",
        "Input data may contain inappropriate content.",
    ),
    _E(400, "Arrearage", "Arrearage", "Access denied, please make sure your account is in good standing."),
    _E(401, "invalid_api_key", "invalid_request_error", "Incorrect API key provided."),
    _E(403, "access_denied", "access_denied", "Access denied."),
    _E(
        403,
        "AllocationQuota.FreeTierOnly",
        "AllocationQuota.FreeTierOnly",
        "The free tier of the model has been exhausted.",
    ),
    _E(
        404,
        "model_not_found",
        "invalid_request_error",
        "There is no model `{model}` that you have access to.",
    ),
    _E(429, "limit_requests", "limit_requests", "You exceeded your current requests limit for {model}."),
    _E(
        429,
        "limit_burst_rate",
        "limit_burst_rate",
        "Request rate increased too quickly. Please scale requests more smoothly.",
    ),
    _E(
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota: the tokens per minute of {model}.",
    ),
    _E(429, "PostpaidBillOverdue", "PostpaidBillOverdue", "The postpaid bill is overdue."),
    _E(500, "internal_error", "internal_error", "An internal error has occurred, please try again later."),
    _E(500, "RequestTimeOut", "RequestTimeOut", "Request timed out, please try again later."),
    _E(503, "ModelUnavailable", "ModelUnavailable", "The model is unavailable, please try again later."),
    _E(
        503,
        "ModelServingError",
        "ModelServingError",
        "Too many requests. Your requests are being throttled due to system capacity limits.",
    ),
)

GLM = (
    _E(400, "1210", None, "API 调用参数有误，请检查文档。"),
    _E(400, "1211", None, "模型不存在，请检查模型代码。"),
    _E(400, "1213", None, "未正常接收到参数。"),
    _E(400, "1214", None, "参数非法，请检查文档。"),
    _E(400, "1261", None, "Prompt 超长。"),
    _E(400, "1301", None, "系统检测到输入或生成内容可能包含不安全或敏感内容。"),
    _E(401, "1000", None, "身份验证失败。"),
    _E(401, "1001", None, "Header 中未收到 Authentication 参数，无法进行身份验证。"),
    _E(403, "1220", None, "您无权访问该 API。"),
    _E(404, "1222", None, "API 不存在。"),
    _E(404, "1221", None, "API 已下线。"),
    _E(429, "1302", None, "您当前使用该 API 的并发数过高，请降低并发。"),
    _E(429, "1303", None, "您当前使用该 API 的频率过高，请降低频率。"),
    _E(429, "1305", None, "当前 API 请求过多，请稍后重试。"),
    _E(429, "1312", None, "该模型当前访问量过大，请稍后再试。"),
    _E(429, "1113", None, "余额不足或无可用资源包，请充值。"),
    _E(429, "1304", None, "该 API 已达到今日调用次数限额。"),
    _E(429, "1308", None, "已达到使用上限，您的限额将在 2030-01-01 00:00:00 重置。"),
    _E(500, "500", None, "内部错误。"),
    _E(500, "1234", None, "网络错误，请稍后重试。"),
    _E(503, "1230", None, "API 调用流程出错。"),
)

OPENAI = (
    _E(400, "invalid_value", "invalid_request_error", "Invalid value."),
    _E(
        400,
        "context_length_exceeded",
        "invalid_request_error",
        "Input tokens exceed the configured limit of the model. Please reduce the length of the messages.",
        "messages",
    ),
    _E(
        400,
        "unsupported_parameter",
        "invalid_request_error",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "max_tokens",
    ),
    _E(
        400,
        "content_policy_violation",
        "invalid_request_error",
        "The request was rejected by the safety system.",
    ),
    _E(401, "invalid_api_key", "invalid_request_error", "Incorrect API key provided."),
    _E(
        403,
        "unsupported_country_region_territory",
        "request_forbidden",
        "Country, region, or territory not supported.",
    ),
    _E(
        404,
        "model_not_found",
        "invalid_request_error",
        "There is no model `{model}` that you have access to.",
    ),
    _E(422, None, "invalid_request_error", "The request could not be processed."),
    _E(
        429,
        "rate_limit_exceeded",
        "requests",
        "Rate limit reached for {model} on requests per min (RPM). Please try again in 1s.",
    ),
    _E(429, "slow_down", "requests", "Request rate rose too quickly. Please slow down."),
    _E(
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    _E(429, "credit_balance_exhausted", "insufficient_quota", "Your credit balance is exhausted."),
    _E(500, None, "server_error", "The server had an error while processing your request."),
    _E(
        503,
        "server_is_overloaded",
        "service_unavailable_error",
        "The server is currently overloaded with other requests.",
    ),
)

ERNIE = (
    _E(400, "invalid_argument", "invalid_request_error", "The request has an invalid argument."),
    _E(400, "malformed_json", "invalid_request_error", "The body is not valid JSON."),
    _E(400, "invalid_model", "invalid_request_error", "The model must not be empty."),
    _E(400, "invalid_messages", "invalid_request_error", "The messages are invalid."),
    _E(400, "tokens_too_long", "invalid_request_error", "Prompt tokens too long."),
    _E(401, "invalid_iam_token", "invalid_request_error", "The IAM token is invalid."),
    _E(
        401,
        "invalid_model",
        "invalid_request_error",
        "The model does not exist or you do not have access to it.",
    ),
    _E(403, "access_denied", "access_denied", "Access denied."),
    _E(403, "account_overdue", "access_denied", "The account is overdue."),
    _E(403, "system_unsafe", "unsafe_request", "The content of the request is unsafe."),
    _E(404, "not_found", "invalid_request_error", "The requested path does not exist."),
    _E(405, "method_not_supported", "invalid_request_error", "The method is not supported."),
    _E(429, "rpm_rate_limit_exceeded", "rate_limit_exceeded", "Rate limit reached for RPM."),
    _E(429, "tpm_rate_limit_exceeded", "rate_limit_exceeded", "Rate limit reached for TPM."),
    _E(500, "internal_error", "Internal_error", "Internal error."),
    _E(503, "dispatch_internal_error", "Internal_error", "The service is unavailable."),
)

DEEPSEEK = (
    _E(400, "invalid_request_error", "invalid_request_error", "The request is invalid."),
    _E(
        400,
        "context_length_exceeded",
        "invalid_request_error",
        "This model's maximum context length was exceeded. Please reduce the length of the messages.",
    ),
    _E(401, "invalid_request_error", "authentication_error", "Authentication Fails, Your api key is invalid"),
    _E(402, "invalid_request_error", "unknown_error", "Insufficient Balance"),
    _E(403, "invalid_request_error", "permission_error", "Access denied."),
    _E(404, "invalid_request_error", "invalid_request_error", "Model Not Exist"),
    _E(422, "invalid_request_error", "invalid_request_error", "The parameters of the request are invalid."),
    _E(429, "rate_limit_reached_error", "rate_limit_reached_error", "Too many concurrent requests."),
    _E(500, "internal_server_error", "internal_server_error", "Internal server error."),
    _E(
        503,
        "service_unavailable_error",
        "service_unavailable_error",
        "Service is too busy. Please try again later.",
    ),
)

VLLM = (
    _E(400, None, "BadRequestError", "The request is invalid."),
    _E(
        400,
        "context_length_exceeded",
        "BadRequestError",
        "This model's maximum context length is 2048 tokens, the prompt has 2049. (parameter=input_tokens, value=2049)",
        "input_tokens",
    ),
    _E(403, None, "ForbiddenError", "Forbidden"),
    _E(404, None, "NotFoundError", "There is no model `{model}` here.", "model"),
    _E(422, None, "UnprocessableEntityError", "The request could not be processed."),
    _E(429, None, "TooManyRequestsError", "Too many requests."),
    _E(500, None, "InternalServerError", "Internal server error"),
    _E(501, None, "NotImplementedError", "Not implemented for this model."),
    _E(
        503,
        None,
        "Service Unavailable",
        "The server is busy and takes no new requests now.",
    ),
)

LLAMACPP = (
    _E(400, None, "invalid_request_error", "The request is invalid."),
    _E(
        400,
        "context_length_exceeded",
        "exceed_context_size_error",
        "a request of 2049 tokens exceeds the context of 2048 tokens",
    ),
    _E(401, None, "authentication_error", "The key is not valid."),
    _E(403, None, "permission_error", "Forbidden"),
    _E(404, None, "not_found_error", "No such path."),
    _E(500, None, "server_error", "The server failed."),
    _E(501, None, "not_supported_error", "Not supported."),
    _E(503, None, "unavailable_error", "Loading model"),
)

ANTHROPIC = (
    _E(400, "invalid_request_error", "invalid_request_error", "The request is invalid."),
    _E(
        400,
        "context_length_exceeded",
        "invalid_request_error",
        "prompt is too long: 1000001 tokens > 1000000 maximum",
    ),
    _E(401, "authentication_error", "authentication_error", "The API key is not valid."),
    _E(402, "billing_error", "billing_error", "There is a problem with the billing of this account."),
    _E(403, "permission_error", "permission_error", "The key may not use this resource."),
    _E(404, "not_found_error", "not_found_error", "model: {model}"),
    _E(409, "conflict_error", "conflict_error", "The resource is in another state."),
    _E(413, "request_too_large", "request_too_large", "The request is larger than allowed."),
    _E(429, "rate_limit_error", "rate_limit_error", "This request would exceed the rate limit."),
    _E(
        429,
        "enforced_spend_limit_reached",
        "rate_limit_error",
        "The monthly spend limit of this organization is reached.",
    ),
    _E(500, "api_error", "api_error", "Internal server error"),
    _E(504, "timeout_error", "timeout_error", "The request timed out."),
    _E(529, "overloaded_error", "overloaded_error", "Overloaded"),
)

GEMINI = (
    _E(400, None, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    _E(400, "API_KEY_INVALID", "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    _E(
        400,
        "context_length_exceeded",
        "INVALID_ARGUMENT",
        "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
    ),
    _E(400, "FAILED_PRECONDITION", "FAILED_PRECONDITION", "User location is not supported for the API use."),
    _E(402, None, "RESOURCE_EXHAUSTED", "The prepaid credit is used up."),
    _E(403, None, "PERMISSION_DENIED", "The caller does not have permission."),
    _E(404, None, "NOT_FOUND", "models/{model} is not found for API version v1beta."),
    _E(429, None, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", "PerMinute"),
    _E(429, "PerDay", "RESOURCE_EXHAUSTED", "You exceeded your current quota.", "PerDay"),
    _E(499, None, "CANCELLED", "The operation was cancelled."),
    _E(500, None, "INTERNAL", "An internal error has occurred."),
    _E(503, None, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    _E(504, None, "DEADLINE_EXCEEDED", "The deadline expired before the operation could complete."),
)


def error_row(
    table: tuple[ErrorRow, ...], status: int, code: str | None, message: str | None, model: str
) -> ErrorRow:
    """The vendor's error for a status and a code; the first one of the status where no code is given."""
    rows = [row for row in table if row.status == status]
    exact = [row for row in rows if code is not None and row.code == code]
    named = [row for row in table if code is not None and row.code == code]
    base = (exact or named or rows or [ErrorRow(status, None, table[0].type, f"HTTP status {status}")])[0]
    text = message if message is not None else base.message.replace("{model}", model)
    return base._replace(status=status, code=base.code if code is None else code, message=text)


def openai_style(row: ErrorRow) -> dict[str, Any]:
    """The envelope of OpenAI, which most vendors took over."""
    return {"error": {"message": row.message, "type": row.type, "param": row.param, "code": row.code}}
