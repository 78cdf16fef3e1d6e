"""Quirks: the closed list of ways in which a vendor departs from its dialect.

Plain data that dialects read; every default is what a server does that keeps to the dialect's own page.
No reading of files here. It imports nothing of minimill.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from minimill._values import dataclass
from minimill.catalog._marks import AtLeast

COST_FIELDS = frozenset({
    "model", "models", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n",
    "best_of", "input", "max_output_tokens", "previous_response_id", "conversation", "prompt", "background",
})  # fmt: skip
"""Fields of a request that decide what it can cost at most; only arguments of a call set them."""
THINKING_FIELDS = frozenset({
    "enable_thinking", "thinking", "thinking_budget", "thinking_token_budget", "reasoning", "reasoning_effort",
})  # fmt: skip
"""Fields of a request that decide whether and how long a model thinks; the argument `reasoning` sets them."""
HARMLESS_FIELDS = frozenset("""
    temperature topp topk topa minp typicalp presencepenalty frequencypenalty repetitionpenalty repeatpenalty
    penaltyscore lengthpenalty seed randomseed logitbias logprobs toplogprobs stop stopsequences stoptokenids badwords
    mintokens ignoreeos skipspecialtokens spacesbetweenspecialtokens includestopstrinoutput dosample mirostat
    mirostattau mirostateta dynatemprange xtcprobability xtcthreshold drymultiplier drybase
    user userid enduserid metadata labels safetyidentifier safetysettings requestid traceid store
    promptcachekey promptcacheoptions.mode cacheprompt cachesalt idslot keepalive
    responseformat text verbosity include truncation toolchoice toolconfig paralleltoolcalls maxtoolcalls functions
    functioncall toolstream streamtoolcalls format grammar jsonschema guidedjson guidedregex guidedchoice
    guidedgrammar structuredoutputs translationoptions addgenerationprompt continuefinalmessage
    chattemplatekwargs preservethinking reasoning.summary reasoning.context thinking.display
    outputconfig.format
    generationconfig.temperature generationconfig.topp generationconfig.topk generationconfig.seed
    generationconfig.stopsequences generationconfig.presencepenalty generationconfig.frequencypenalty
    generationconfig.responselogprobs generationconfig.logprobs generationconfig.responsemimetype
    generationconfig.responseschema generationconfig.responsejsonschema generationconfig.mediaresolution
    generationconfig.thinkingconfig.includethoughts
""".split())
"""Fields of vendors' own, in small letters without `_`, by which no call costs more than its ceiling says: they choose
among tokens, name something, or are read as text."""
TEMPLATE_FIELD = "chat_template_kwargs"
THINKING_TEMPLATE_FIELDS = frozenset({"enable_thinking", "thinking"})
"""Fields inside `chat_template_kwargs` that do the same."""

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
ToolChoiceKind = Literal["auto", "none", "required", "named"]
FinishWord = Literal["stop", "length", "tool_calls", "content_filter", "unknown"]
ErrorKind = Literal[
    "authentication",
    "permission",
    "rate_limited",
    "quota_exhausted",
    "overloaded",
    "server",
    "invalid_request",
    "context_length",
    "content_filtered",
    "model_not_found",
    "timeout",
]
Param = Literal[
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "stop",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "user",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "service_tier",
    "stream_options",
    "top_k",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How a vendor, or one of its models, departs from the dialect. Paths are dotted keys (`a.b`)."""

    chat_path: str | None = None
    """Appended to the base address for a chat call; None: the dialect's own path. `openai_responses` has
    a quirk of its own."""
    responses_path: str = "/responses"
    """Appended to the base address for a call by `openai_responses`."""
    api_version: str | None = None
    """Version of the wire that is named in a header, where the dialect has one; None: the dialect's newest."""

    # --- output limit ---
    output_limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_completion_tokens"
    """Field that carries the output limit. What the limit covers is said in `bounds`."""
    output_limit_min: Annotated[int, AtLeast(1)] = 1
    """Smallest limit that the vendor takes."""
    output_limit_max: Annotated[int, AtLeast(1)] | None = None
    """Largest limit that the vendor takes in that field, where it is below the model's maximum output."""

    plain_output_max: Annotated[int, AtLeast(1)] | None = None
    """Largest limit of a call that does not stream; above it a stream is asked for and collected. None: no
    limit of its own."""

    # --- usage ---
    stream_usage: Literal["ask", "always", "never"] = "ask"
    """In streams: `ask` sends `stream_options.include_usage`; `always`: usage comes unasked and
    `stream_options` is not sent; `never`: no usage is sent in streams."""
    usage_paths: tuple[str, ...] = ("usage",)
    """Where the usage object sits in a body or chunk, first found wins; a number counts list items
    (`choices.0.usage`)."""
    cached_tokens_paths: tuple[str, ...] = ("prompt_tokens_details.cached_tokens",)
    """Where cached input tokens sit inside the usage object, first found wins."""
    cache_write_tokens_paths: tuple[str, ...] = ("prompt_tokens_details.cache_write_tokens",)
    """Where tokens written to a cache (any lifetime) sit inside the usage object, first found wins."""
    cache_write_long_tokens_paths: tuple[str, ...] = ()
    """Where the part of them with the longer lifetime sits, first found wins."""
    reasoning_tokens_paths: tuple[str, ...] = ("completion_tokens_details.reasoning_tokens",)
    """Where reasoning tokens sit inside the usage object, first found wins. Empty: not reported, or not
    to be believed."""
    audio_input_tokens_paths: tuple[str, ...] = ("prompt_tokens_details.audio_tokens",)
    """Where audio input tokens sit inside the usage object, first found wins."""
    image_input_tokens_paths: tuple[str, ...] = ("prompt_tokens_details.image_tokens",)
    """Where image input tokens sit inside the usage object, first found wins."""
    audio_output_tokens_paths: tuple[str, ...] = ("completion_tokens_details.audio_tokens",)
    """Where audio output tokens sit inside the usage object, first found wins."""
    reasoning_outside_completion: bool = False
    """True: `completion_tokens` leaves the reasoning tokens out; they are added."""
    billed_cost_path: str | None = None
    """In the dialect `openai_chat`: where the vendor's own bill for the answer sits inside the usage object, in
    the provider's currency; it is booked in place of what the price rows come to. None: answers tell none."""
    billed_cost_digits: Annotated[int, AtLeast(0)] = 0
    """Decimal places of that number: 10 for a count of 0.0000000001 units."""
    billed_cost_partial_path: str | None = None
    """Where a flag sits inside the usage object which says that the bill leaves a part out, so that it is not
    used; None: there is none."""
    usage_counts_one_choice: bool = False
    """True: with `n` > 1 the output count covers one of the answers only, so that usage is unknown then."""

    # --- reasoning text ---
    reasoning_fields: tuple[str, ...] = ("reasoning_content", "reasoning")
    """Fields of a message or delta that hold reasoning text, first found wins."""
    opaque_reasoning_field: str | None = None
    """Field of a message or delta that holds reasoning in sealed form, sent back byte for byte."""
    reasoning_snapshots: bool = False
    """True: in streams a piece of reasoning may hold all of it so far; only what is new in it counts."""
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = None
    """How much of a summary of its thoughts a model is asked for by `openai_responses`; None: none is asked
    for. `extra={"reasoning": {"summary": "auto"}}` asks in one call."""
    thinking_hidden: bool = False
    """True: `anthropic` sends thoughts without their text unless `thinking.display` asks for a summary, which is done
    for whoever asks for thinking. `extra={"thinking": {"display": "omitted"}}` goes without in one call."""
    reasoning_history: Literal["never", "with_tools", "with_calls", "always"] = "never"
    """When the reasoning of earlier turns is sent back: never; when the request has tools; when it has tools or an
    earlier turn called one; or always."""
    reasoning_history_field: str = "reasoning_content"
    """Field of an assistant message in the history under which reasoning text is sent back."""
    reasoning_of_model: bool = False
    """True: `openai_chat` sends reasoning back only to the model that made it, or a variant of it (`model:variant`), as
    where one provider sells models of many makers."""
    unsigned_call_mark: str | None = None
    """What stands for the signature of a tool call in the history that the model did not make itself; None or
    empty: the model takes such calls unsigned."""

    # --- messages ---
    system_role: Literal["system", "developer"] = "system"
    """Role word under which instructions are sent."""
    text_must_be_string: bool = False
    """True: content that is text only is sent as one string, never as a list of parts."""
    message_names: bool = True
    """False: `openai_chat` refuses a message that names its speaker, since the vendor does."""
    image_sources: tuple[Literal["url", "data"], ...] = ("url", "data")
    """How images may be sent: by address, or as data."""
    assistant_last: bool = True
    """False: a request whose last message is the assistant's own, to be gone on with, is refused."""
    media_in_results: bool = True
    """False: results of tools are text; images and files in them are refused. `openai_chat` never takes them."""
    image_data_prefix: bool = True
    """False: image data is sent as bare base64, without `data:image/png;base64,` before it."""
    image_details: tuple[str, ...] = ("auto", "low", "high")
    """Words that the `detail` of an image takes; empty: the field is not sent."""
    default_image_detail: str | None = None
    """Detail word sent where the caller names none; None: the field is left out."""

    # --- tools and structured answers ---
    tool_choices: tuple[ToolChoiceKind, ...] = ("auto", "none", "required", "named")
    """Kinds of `tool_choice` that the vendor takes; `named` is one function by name."""
    thinking_tool_choices: tuple[ToolChoiceKind, ...] | None = None
    """Kinds of `tool_choice` taken while the model thinks; None: as `tool_choices`."""
    effort_with_tools: Effort | None = None
    """The only effort with which `openai_chat` takes tools, sent with them where the caller names none;
    None: any."""
    max_tools: Annotated[int, AtLeast(1)] | None = None
    """Most tools in one request; None: no documented limit."""
    server_tools: tuple[str, ...] = (
        "web_search", "web_fetch", "web_extractor", "enable_search", "search_options", "code_interpreter",
        "enable_code_interpreter", "file_search", "knowledge", "retrieval", "image_generation", "image_process",
        "computer", "shell", "browser", "mcp", "plugins",
    )  # fmt: skip
    """Beginnings of types of tools, or fields, in `extra` that let the vendor itself run things: what these read
    is billed and nothing bounds it, so that a hard budget refuses such a call. `[]` lets everything in `extra` pass."""
    client_tools: tuple[str, ...] = ()
    """Beginnings of types of tools in `extra`, beyond `function` and `custom`, that the application runs: the vendor
    adds instructions of unknown size. Every other type is the vendor's to run."""
    harmless_fields: tuple[str, ...] = ()
    """Fields in `extra` or `extra_body` (`a.b` inside a table), beyond those that minimill knows, by which no call
    costs more than its ceiling. With any other a hard budget refuses the call, since nothing bounds its cost."""
    strict_tools: bool = True
    """False: `strict` is left out of function definitions."""
    strict_schemas: bool = True
    """False: `strict` is left out of `response_format.json_schema`."""
    narrow_schemas: bool = False
    """True: strict schemas are refused that have no object at the root, objects whose property names are open (as
    those of a `dict`), tuples, or values of any type."""
    json_with_tools: bool = True
    """False: tools and an answer in JSON are refused together."""
    schema_in_streams: bool = True
    """False: `openai_chat` refuses an answer by a JSON Schema in a stream, since the vendor does."""
    json_word_needed: bool = False
    """True: `json_object` is refused unless the prompt holds the word "json"."""

    # --- thinking ---
    thinking_switch: Literal[
        "none", "thinking_object", "reasoning_object", "enable_thinking", "chat_template", "adaptive",
        "between_tools", "zero_budget",
    ] = "none"  # fmt: skip
    """Field that turns thinking on or off: none; `thinking: {type: enabled | disabled}`;
    `reasoning: {enabled: bool}`; `enable_thinking: bool`; `chat_template_kwargs: {enable_thinking: bool}`;
    `thinking: {type: adaptive | disabled}`; in the dialect `anthropic` also `thinking: {type: adaptive |
    between_tools}`; or, in `gemini`, a thinking budget of 0."""
    thinking_default: Literal["on", "off", "always"] = "off"
    """What happens where nothing is sent; `always`: thinking cannot be turned off."""
    thinking_budget_field: str | None = None
    """Top-level field that takes a thinking budget in tokens; None: there is none. In the dialect `anthropic`
    it is `thinking.budget_tokens` where there is one, in `gemini` a field inside `thinkingConfig`."""
    thinking_budget_min: Annotated[int, AtLeast(0)] = 0
    """Smallest thinking budget that the vendor takes, apart from the 0 that turns thinking off."""
    thinking_budget_max: Annotated[int, AtLeast(1)] | None = None
    """Largest thinking budget that the vendor takes; None: no documented limit."""
    efforts: tuple[Effort, ...] = ()
    """Words that the effort field takes; empty: the field is not sent. With `none` in the list and no
    switch, `none` turns thinking off."""
    default_effort: Effort | None = None
    """Effort where nothing is sent; None: unknown, or no effort."""

    # --- settings ---
    refused_params: tuple[Param, ...] = ()
    """Settings that the vendor answers with an error; refused before anything is sent."""
    ignored_params: tuple[Param, ...] = ()
    """Settings that the vendor takes without effect; they are left out, and the attempt says so."""
    thinking_refused_params: tuple[Param, ...] = ()
    """Settings answered with an error while the model thinks."""
    thinking_ignored_params: tuple[Param, ...] = ()
    """Settings without effect while the model thinks; they are left out then, and the attempt says so."""
    min_temperature: float | None = None
    """Smallest temperature taken; None: 0."""
    max_temperature: float | None = None
    """Largest temperature taken; None: 2."""
    min_top_p: float | None = None
    """Smallest `top_p` taken; None: 0."""
    max_top_p: float | None = None
    """Largest `top_p` taken; None: 1."""
    max_n: Annotated[int, AtLeast(1)] | None = None
    """Most answers (`n`) in one request; 1 means that the field is not sent; None: no documented limit."""
    max_stop: Annotated[int, AtLeast(0)] | None = None
    """Most stop strings in one request; None: no documented limit."""
    seed_field: str = "seed"
    """Field that carries the seed."""
    user_field: str | None = "user"
    """Field that carries the opaque id of the end user; None: there is none, and a request with a user is refused."""
    service_tiers: tuple[str, ...] = ()
    """Words that `service_tier` takes; empty: the field is not sent."""
    default_service_tiers: tuple[str, ...] = ("default", "auto", "standard")
    """Words by which an answer names the ordinary tier, which price rows leave out."""
    unasked_tiers: tuple[str, ...] = ()
    """Tiers of price rows on which the vendor may answer although nobody asked; ceilings cover them."""
    service_tier_names: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Words by which an answer names a tier, to the word that price rows use, where they differ."""
    service_tier_field: str | None = "service_tier"
    """Field of an answer that names the tier that was billed; None: none does."""
    cache_marks: Literal["none", "cache_control", "prompt_cache_breakpoint"] = "none"
    """How a content part is marked for an explicit cache."""
    cache_long_ttl: str | None = None
    """In `openai_chat`: the `ttl` of a `cache_control` mark that asks for the longer time; None: there is one time.
    Other marks, and the dialect `anthropic`, have a longer one of their own."""
    extra_body: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Fields always sent, unless the caller sends them itself."""
    fixed_fields: tuple[str, ...] = ()
    """Fields of `extra`, those inside a table as `table.field`, that no caller may set, since a call could then
    cost more than its ceiling; beside those that no vendor lets a caller set."""
    stored_input: tuple[str, ...] = ()
    """Fields of `extra`, in either spelling, that bring in input which the vendor keeps, such as a cache: of
    unknown size, but no larger than the model's window."""

    # --- answers and errors ---
    stream_only: bool = False
    """True: calls that do not stream are refused; a stream is collected instead."""
    finish_reasons: Mapping[str, FinishWord] = field(default_factory=dict, hash=False)
    """The vendor's finish words to ours, where they differ."""
    finish_errors: Mapping[str, ErrorKind] = field(default_factory=dict, hash=False)
    """Finish words that say that the answer failed, to the kind of error."""
    moderation_flag_field: str | None = None
    """Field of a choice that is a number other than 0 where moderation stepped in."""
    error_shapes: tuple[
        Literal[
            "openai", "string", "flat", "detail", "base_resp", "code_message_sid", "error_code_msg", "message",
            "status_code", "text",
        ],
        ...,
    ] = ("openai",)
    """Error bodies the vendor sends: `openai` `{"error": {…}}`; `string` `{"error": "…"}`; `flat`
    `{"object": "error", "message": …}`; `detail` `{"detail": …}`; `base_resp` (`status_code` other than 0,
    also with HTTP 200); `code_message_sid` `{"code", "message", "sid"}`; `error_code_msg`
    `{"error_code", "error_msg"}`, also with HTTP 200; `message` `{"message": …}` with at most `code`, `data` and
    `request_id` beside it; `status_code` `{"statusCode", "message"}`; `text` a JSON string alone. Gateways write
    `message` and `status_code`: of a 500 in these nobody can tell whether it was billed."""
