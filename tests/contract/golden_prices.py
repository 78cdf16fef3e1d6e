"""Which price list held when, of which model in which region: from, until, and the lines of `golden_lists`."""

from __future__ import annotations

from . import golden_lists as lists
from .golden_lists_azure import AZURE

Period = tuple[str, str | None, str]
"""From, until, and the lines that hold in between."""

PRICES: dict[str, tuple[str, list[Period]]] = {
    "doubao:doubao-seed-2-1-pro-260915": ("CNY", [("2026-09-15T00:00+08:00", None, lists.DOUBAO_21_PRO)]),
    "doubao:doubao-seed-2-1-turbo-260628": ("CNY", [("2026-06-23T00:00+08:00", None, lists.DOUBAO_21_TURBO)]),
    "doubao:doubao-seed-2-1-lite-260915": ("CNY", [("2026-09-15T00:00+08:00", None, lists.DOUBAO_21_LITE)]),
    "doubao:doubao-seed-2-0-pro-260215": ("CNY", [("2026-09-19T00:00+08:00", None, lists.DOUBAO_20_PRO)]),
    "doubao:doubao-seed-2-0-code-preview-260215": ("CNY", [("2026-09-19T00:00+08:00", None, lists.DOUBAO_20_CODE)]),
    "doubao:doubao-seed-2-0-lite-260428": ("CNY", [("2026-09-19T00:00+08:00", None, lists.DOUBAO_20_LITE)]),
    "doubao:doubao-seed-2-0-mini-260428": ("CNY", [("2026-09-19T00:00+08:00", None, lists.DOUBAO_20_MINI)]),
    "doubao:doubao-seed-1-8-251228": ("CNY", [("2026-09-19T00:00+08:00", None, lists.DOUBAO_18)]),
    "doubao:doubao-seed-1-6-251015": ("CNY", [("2026-09-19T00:00+08:00", None, lists.DOUBAO_18)]),
    "doubao:doubao-seed-1-6-lite-251015": ("CNY", [("2026-09-19T00:00+08:00", None, lists.DOUBAO_16_LITE)]),
    "doubao:doubao-seed-code-preview-251028": ("CNY", [("2026-09-19T00:00+08:00", None, lists.DOUBAO_CODE)]),
    "doubao:doubao-1-5-vision-pro-32k-250115": ("CNY", [("2026-09-19T00:00+08:00", None, ": 3 - 9")]),
    "doubao:doubao-1-5-pro-32k-250115": ("CNY", [("2026-09-19T00:00+08:00", None, ": 0.8 0.16 2")]),
    "doubao:doubao-1-5-lite-32k-250115": ("CNY", [("2026-09-19T00:00+08:00", None, ": 0.3 0.06 0.6")]),
    "doubao:doubao-seed-1-6-flash-250828": ("CNY", [("2026-09-19T00:00+08:00", None, lists.DOUBAO_16_FLASH)]),
    "doubao:doubao-seed-1-6-vision-250815": ("CNY", [("2026-09-19T00:00+08:00", None, lists.DOUBAO_16_VISION)]),
    "doubao:doubao-seed-character-260628": ("CNY", [("2026-09-19T00:00+08:00", None, lists.DOUBAO_CHARACTER)]),
    "doubao:doubao-pro-32k": (
        "CNY",
        [("2024-05-15T00:00+08:00", "2026-09-19T00:00+08:00", ": 0.8 - 2")],
    ),
    "qwen:qwen-plus@cn-beijing": (
        "CNY",
        [
            ("2024-05-21T10:00+08:00", "2024-07-01T00:00+08:00", ": 4 - 12"),
            ("2025-07-28T00:00+08:00", None, lists.QWEN_PLUS),
        ],
    ),
    "qwen:qwen-plus@singapore": ("USD", [("2025-10-14T00:00+08:00", None, lists.QWEN_PLUS_ABROAD)]),
    "qwen:qwen-plus-us@us": ("USD", [("2026-10-01T00:00+08:00", None, lists.QWEN_PLUS_ABROAD)]),
    "qwen:qwen-flash@cn-beijing": ("CNY", [("2025-07-28T00:00+08:00", None, lists.QWEN_FLASH)]),
    "qwen:qwen-turbo@cn-beijing": (
        "CNY",
        [
            ("2024-05-21T10:00+08:00", "2024-07-01T00:00+08:00", ": 2 - 6"),
            ("2025-06-23T00:00+08:00", "2026-07-13T00:00+08:00", lists.QWEN_TURBO),
        ],
    ),
    "qwen:qwen3.7-flash@cn-beijing": ("CNY", [("2026-07-15T00:00+08:00", None, lists.QWEN_37_FLASH)]),
    "qwen:qwen3.6-plus@cn-beijing": ("CNY", [("2026-04-01T00:00+08:00", None, lists.QWEN_36_PLUS)]),
    "qwen:qwen3.5-flash@cn-beijing": ("CNY", [("2026-02-23T00:00+08:00", None, lists.QWEN_35_FLASH)]),
    "qwen:qwen3-max@cn-beijing": (
        "CNY",
        [
            ("2025-09-23T00:00+08:00", "2026-01-23T00:00+08:00", lists.QWEN_3_MAX_2025),
            ("2026-01-23T00:00+08:00", None, lists.QWEN_3_MAX),
        ],
    ),
    "qwen:qwen3-max-2025-09-23@cn-beijing": (
        "CNY",
        [("2025-09-23T00:00+08:00", None, lists.QWEN_3_MAX_2025)],
    ),
    "qwen:qwen3-coder-plus@cn-beijing": (
        "CNY",
        [("2025-07-22T00:00+08:00", None, lists.QWEN_CODER_PLUS)],
    ),
    "qwen:qwen3.8-max@cn-beijing": ("CNY", [("2026-08-02T00:00+08:00", None, lists.QWEN_38_MAX)]),
    "qwen:qwen3.8-flash@cn-beijing": ("CNY", [("2026-08-25T00:00+08:00", None, lists.QWEN_38_FLASH)]),
    "qwen:qwen4-max@singapore": ("USD", [("2026-11-16T00:00+08:00", None, ": 1.5 0.075 4.5 x=0.075 w=1.875 W=3")]),
    "qwen:qwen-max@cn-beijing": (
        "CNY",
        [
            ("2024-05-01T00:00+08:00", "2024-05-21T10:00+08:00", ": 120 - 120"),
            ("2024-05-21T10:00+08:00", "2024-07-01T00:00+08:00", lists.QWEN_MAX_OF_2024),
            ("2024-10-15T00:00+08:00", "2026-07-13T00:00+08:00", ": 2.4 0.48 9.6"),
        ],
    ),
    "qwen:qwen-long@cn-beijing": (
        "CNY",
        [
            ("2024-05-01T00:00+08:00", "2024-05-21T10:00+08:00", lists.QWEN_LONG_BEFORE),
            ("2024-05-21T10:00+08:00", None, lists.QWEN_LONG),
        ],
    ),
    "glm:glm-5.1@mainland": ("CNY", [("2026-04-07T00:00+08:00", None, lists.GLM_51)]),
    "glm:glm-5-turbo@mainland": ("CNY", [("2026-09-19T00:00+08:00", None, lists.GLM_5_TURBO)]),
    "glm:glm-5@mainland": ("CNY", [("2026-02-11T00:00+08:00", None, lists.GLM_5)]),
    "glm:glm-4.7@mainland": ("CNY", [("2025-12-22T00:00+08:00", None, lists.GLM_47)]),
    "glm:glm-4.7@international": ("USD", [("2025-12-22T00:00+08:00", None, ": 0.6 0.11 2.2")]),
    "glm:glm-4.6@mainland": ("CNY", [("2025-09-30T00:00+08:00", None, lists.GLM_47)]),
    "glm:glm-4.5@mainland": ("CNY", [("2025-07-28T00:00+08:00", None, lists.GLM_47)]),
    "glm:glm-4.5-x@mainland": ("CNY", [("2026-09-19T00:00+08:00", None, lists.GLM_45_X)]),
    "glm:glm-4.5-air@mainland": ("CNY", [("2026-09-19T00:00+08:00", None, lists.GLM_45_AIR)]),
    "glm:glm-4.5-airx@mainland": ("CNY", [("2026-09-19T00:00+08:00", None, lists.GLM_45_AIRX)]),
    "glm:glm-4.6v@mainland": ("CNY", [("2026-09-19T00:00+08:00", None, lists.GLM_46V)]),
    "glm:glm-5.3-flash@mainland": (
        "CNY",
        [
            ("2026-09-02T00:00+08:00", "2026-09-10T00:00+08:00", lists.GLM_53_FLASH_LAUNCH),
            ("2026-09-10T00:00+08:00", None, lists.GLM_53_FLASH),
        ],
    ),
    "glm:glm-3-turbo@mainland": (
        "CNY",
        [
            ("2024-05-01T00:00+08:00", "2024-05-11T00:00+08:00", lists.GLM_3_TURBO_BEFORE),
            ("2024-05-11T00:00+08:00", None, lists.GLM_3_TURBO),
        ],
    ),
    "glm:glm-4.7-flash@mainland": ("CNY", [("2026-01-28T00:00+08:00", None, lists.FREE)]),
    "ernie:ernie-5.1": ("CNY", [("2026-05-09T00:00+08:00", None, lists.ERNIE_51)]),
    "ernie:ernie-5.0": ("CNY", [("2026-07-14T00:00+08:00", None, lists.ERNIE_50)]),
    "ernie:ernie-4.5-turbo-128k": ("CNY", [("2025-04-25T00:00+08:00", None, lists.ERNIE_45_TURBO)]),
    "ernie:ernie-4.5-turbo-vl": ("CNY", [("2026-07-14T00:00+08:00", None, lists.ERNIE_45_VL)]),
    "ernie:deepseek-v3.2": ("CNY", [("2026-07-14T00:00+08:00", None, lists.ERNIE_DEEPSEEK)]),
    "ernie:ernie-speed-128k": (
        "CNY",
        [
            ("2024-05-01T00:00+08:00", "2024-05-21T14:00+08:00", ": 16 - 32"),
            ("2024-05-21T14:00+08:00", "2026-06-09T00:00+08:00", lists.FREE),
        ],
    ),
    "deepseek:deepseek-flash@cny": (
        "CNY",
        [
            ("2026-04-24T00:00+08:00", "2026-08-17T00:00+08:00", lists.DEEPSEEK_FLASH_APRIL),
            ("2026-09-10T12:00+08:00", None, lists.DEEPSEEK_FLASH),
        ],
    ),
    "deepseek:deepseek-v4-pro@cny": (
        "CNY",
        [
            ("2026-04-24T00:00+08:00", "2026-05-25T00:00+08:00", ": 12 1 24"),
            ("2026-08-17T00:00+08:00", None, lists.DEEPSEEK_PRO),
        ],
    ),
    "deepseek:deepseek-v4-pro@usd": (
        "USD",
        [
            ("2026-04-24T07:04:52+00:00", "2026-05-25T05:18:18+00:00", ": 1.74 0.145 3.48"),
            ("2026-05-25T05:18:18+00:00", "2026-08-17T00:00+08:00", ": 0.435 0.003625 0.87"),
            ("2026-08-17T00:00+08:00", None, lists.DEEPSEEK_PRO_USD),
        ],
    ),
    "deepseek:deepseek-chat@cny": (
        "CNY",
        [
            ("2024-05-06T00:00+08:00", "2025-02-01T00:00+08:00", ": 1 - 2"),
            ("2025-02-27T00:30+08:00", "2025-09-06T00:00+08:00", lists.DEEPSEEK_V3),
            ("2025-09-06T00:00+08:00", "2025-09-29T00:00+08:00", ": 4 - 12"),
            ("2025-09-29T00:00+08:00", "2026-04-24T00:00+08:00", ": 2 0.2 3"),
        ],
    ),
    "deepseek:deepseek-reasoner@cny": (
        "CNY",
        [
            ("2025-02-27T00:30+08:00", "2025-09-06T00:00+08:00", lists.DEEPSEEK_R1),
            ("2025-09-06T00:00+08:00", "2025-09-29T00:00+08:00", ": 4 - 12"),
            ("2025-09-29T00:00+08:00", "2026-04-24T00:00+08:00", ": 2 0.2 3"),
        ],
    ),
    "openai:gpt-4o": (
        "USD",
        [
            ("2024-05-13T00:00+00:00", "2024-10-02T00:00+00:00", lists.GPT_4O_FIRST),
            ("2024-10-02T00:00+00:00", None, lists.GPT_4O),
        ],
    ),
    "openai:gpt-5": ("USD", [("2025-08-07T00:00+00:00", None, lists.GPT_5)]),
    "openai:gpt-5.4": ("USD", [("2026-03-05T00:00+00:00", None, lists.GPT_54)]),
    "openai:gpt-5.5": ("USD", [("2026-04-23T00:00+00:00", None, lists.GPT_55)]),
    "openai:gpt-5.6-sol": (
        "USD",
        [
            ("2026-07-09T00:00+00:00", "2026-08-21T00:00+00:00", lists.GPT_56_SOL),
            ("2026-08-21T00:00+00:00", "2026-11-21T00:00+00:00", lists.GPT_56_SOL_REDUCED),
            ("2026-11-21T00:00+00:00", None, lists.GPT_56_SOL),
        ],
    ),
    "openai:gpt-6-luna": ("USD", [("2026-09-22T00:00+00:00", None, lists.GPT_6_LUNA)]),
    "openai:gpt-4-turbo": (
        "USD",
        [("2023-11-06T00:00+00:00", "2026-10-23T00:00+00:00", lists.GPT_4_TURBO)],
    ),
    "qwen:qwen3.7-plus@cn-beijing": ("CNY", [("2026-06-01T00:00+08:00", None, lists.QWEN_37_PLUS)]),
    "qwen:qwen3.6-flash@cn-beijing": ("CNY", [("2026-04-16T00:00+08:00", None, lists.QWEN_36_FLASH)]),
    "qwen:qwen3.6-max-preview@cn-beijing": (
        "CNY",
        [("2026-04-20T00:00+08:00", None, lists.QWEN_36_MAX)],
    ),
    "qwen:qwen3.5-plus@cn-beijing": ("CNY", [("2026-02-15T00:00+08:00", None, lists.QWEN_35_PLUS)]),
    "qwen:qwen3-coder-flash@cn-beijing": ("CNY", [("2025-08-04T00:00+08:00", None, lists.QWEN_CODER_FLASH)]),
    "qwen:qwen3-vl-plus@cn-beijing": ("CNY", [("2026-01-25T00:00+08:00", None, lists.QWEN_VL_PLUS)]),
    "qwen:qwen3-vl-flash@cn-beijing": (
        "CNY",
        [("2025-10-14T00:00+08:00", None, lists.QWEN_VL_FLASH)],
    ),
    "glm:glm-4.5v@mainland": ("CNY", [("2026-09-19T00:00+08:00", None, lists.GLM_45V)]),
    "glm:glm-4.6v-flashx@mainland": ("CNY", [("2026-09-19T00:00+08:00", None, lists.GLM_46V_FLASHX)]),
    "glm:glm-5v-turbo@mainland": ("CNY", [("2026-09-19T00:00+08:00", None, lists.GLM_5_TURBO)]),
    "ernie:ernie-5.0-thinking-preview": ("CNY", [("2025-11-12T00:00+08:00", None, lists.ERNIE_50)]),
    "openai:gpt-4o-mini": ("USD", [("2024-07-18T00:00+00:00", None, lists.GPT_4O_MINI)]),
    "openai:gpt-4o-2024-08-06": ("USD", [("2024-08-06T00:00+00:00", None, lists.GPT_4O)]),
    "openai:o3": (
        "USD",
        [
            ("2025-04-16T00:00+00:00", "2025-06-10T00:00+00:00", ": 10 - 40"),
            ("2025-06-10T00:00+00:00", None, lists.O3),
        ],
    ),
    "openai:gpt-4.1": ("USD", [("2025-04-14T00:00+00:00", None, lists.GPT_41)]),
    "openai:gpt-4.1-mini": ("USD", [("2025-04-14T00:00+00:00", None, lists.GPT_41_MINI)]),
    "openai:gpt-5-mini": ("USD", [("2025-08-07T00:00+00:00", None, lists.GPT_5_MINI)]),
    "openai:gpt-5-nano": ("USD", [("2025-08-07T00:00+00:00", None, lists.GPT_5_NANO)]),
    "openai:gpt-5.1": ("USD", [("2025-11-13T00:00+00:00", None, lists.GPT_5)]),
    "openai:gpt-5.2": ("USD", [("2025-12-11T00:00+00:00", None, lists.GPT_52)]),
    "openai:gpt-5.4-mini": ("USD", [("2026-03-17T00:00+00:00", None, lists.GPT_54_MINI)]),
    "openai:gpt-5.4-nano": ("USD", [("2026-03-17T00:00+00:00", None, lists.GPT_54_NANO)]),
    "openai:gpt-5.2-pro": ("USD", [("2025-12-11T00:00+00:00", None, lists.GPT_52_PRO)]),
    "openai:gpt-5.4-pro": ("USD", [("2026-03-05T00:00+00:00", None, lists.GPT_54_PRO)]),
    "openai:gpt-5.5-pro": ("USD", [("2026-04-23T00:00+00:00", None, lists.GPT_54_PRO)]),
    "openai:gpt-6-astra": ("USD", [("2026-09-03T00:00+00:00", None, lists.GPT_6_ASTRA)]),
    "openai:gpt-6.1-sol": ("USD", [("2026-09-29T00:00+00:00", None, lists.GPT_61_SOL)]),
    "openai:gpt-6.1-terra": ("USD", [("2026-10-26T00:00+00:00", None, lists.GPT_61_TERRA)]),
    "openai:gpt-6.2-astra": ("USD", [("2026-11-17T00:00+00:00", None, lists.GPT_62_ASTRA)]),
    "openai:gpt-6.2-sol": ("USD", [("2026-11-17T00:00+00:00", None, lists.GPT_61_SOL)]),
    "openai:gpt-6-sol": ("USD", [("2026-09-22T00:00+00:00", None, lists.GPT_6_SOL)]),
    "openai:gpt-5.6-terra": (
        "USD",
        [
            ("2026-07-09T00:00+00:00", "2026-07-30T00:00+00:00", lists.GPT_56_TERRA),
            ("2026-07-30T00:00+00:00", None, lists.GPT_56_TERRA_CUT),
        ],
    ),
    "openai:gpt-5.6-luna": (
        "USD",
        [
            ("2026-07-09T00:00+00:00", "2026-07-30T00:00+00:00", lists.GPT_56_LUNA),
            ("2026-07-30T00:00+00:00", None, lists.GPT_56_LUNA_CUT),
        ],
    ),
    "xai:grok-4.7": ("USD", [("2026-10-12T00:00Z", None, lists.GROK_47)]),
    "xai:grok-4.6": ("USD", [("2026-10-12T00:00Z", None, lists.GROK_47)]),
    "xai:grok-4.5": ("USD", [("2026-10-12T00:00Z", None, lists.GROK_45)]),
    "xai:grok-4.3": ("USD", [("2026-10-12T00:00Z", None, lists.GROK_43)]),
    "xai:grok-4.20": (
        "USD",
        [
            ("2026-03-09T00:00Z", "2026-04-30T00:00Z", lists.GROK_420_BEFORE),
            ("2026-04-30T00:00Z", None, lists.GROK_43),
        ],
    ),
    "xai:grok-4.20-non-reasoning": ("USD", [("2026-04-30T00:00Z", None, lists.GROK_43)]),
    "xai:grok-build-0.1": ("USD", [("2026-10-12T00:00Z", None, lists.GROK_BUILD)]),
    "minimax:MiniMax-M3@mainland": ("CNY", [("2026-06-25T00:00+08:00", None, lists.MINIMAX_M3)]),
    "minimax:MiniMax-M3@international": ("USD", [("2026-06-25T00:00+08:00", None, lists.MINIMAX_M3_ABROAD)]),
    "moonshot:kimi-k3@mainland": ("CNY", [("2026-07-16T00:00+08:00", None, ": 20 2 100")]),
    "moonshot:kimi-k3@international": ("USD", [("2026-07-16T00:00+08:00", None, ": 3 0.3 15")]),
    "moonshot:kimi-k2.5@mainland": ("CNY", [("2026-01-29T00:00+08:00", "2026-08-31T00:00+08:00", ": 4 0.7 21")]),
    "stepfun:step-3.7-flash@mainland": ("CNY", [("2026-10-07T00:00+08:00", None, ": 1.35 0.27 8.1")]),
    "hunyuan:hy4@mainland": ("CNY", [("2026-11-04T00:00+08:00", None, ": 6 0.3 18")]),
    "baichuan:Baichuan4-Air": ("CNY", [("2025-11-01T00:00+08:00", None, ": 0.98 - 0.98")]),
    "spark:lite": ("CNY", [("2024-05-22T00:00+08:00", None, lists.FREE)]),
    "siliconflow:zai-org/GLM-5.2@international": ("USD", [("2026-07-02T00:00+08:00", None, ": 1.4 0.26 4.4")]),
    **{f"azure:{name}": ("USD", [("2026-11-22T00:00Z", None, lines)]) for name, lines in AZURE.items()},
}
