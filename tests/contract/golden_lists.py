"""Price lists as the vendors' pages print them, line by line: the first line whose conditions hold counts.

Typed from the pages, not read from `providers/`. A line is `conditions : input hit output more`, in units per
million tokens; `-` is a price that the page does not give (a hit then costs what input does). Conditions:
`in<=N`, `in<N`, `out<=N`, `out<N`, `think`, `peak`, `TIER` (none: the ordinary one). More: `w=` written to a
cache, `W=` for long, `x=` read from a cache that was asked for, `a=` audio, `A=` audio from a cache.
`none` stands for a price that nobody publishes.
"""

from __future__ import annotations

# https://www.volcengine.com/docs/82379/1544106; the upper bound belongs to the lower line.
DOUBAO_21_PRO = ": 6 1.2 30"
DOUBAO_21_TURBO = """
fast : 6 - 30
     : 3 0.6 15
"""
DOUBAO_21_LITE = ": 0.8 0.16 2.7 a=12 A=2.4"
DOUBAO_20_PRO = """
in<=32000 fast  : 9.6 - 48
in<=128000 fast : 14.4 - 72
fast            : 28.8 - 144
in<=32000       : 3.2 0.64 16
in<=128000      : 4.8 0.96 24
                : 9.6 1.92 48
"""
DOUBAO_20_CODE = """
in<=32000  : 3.2 0.64 16
in<=128000 : 4.8 0.96 24
           : 9.6 1.92 48
"""
DOUBAO_20_LITE = """
in<=32000  : 0.6 0.12 3.6 a=9 A=1.8
in<=128000 : 0.9 0.18 5.4 a=13.5 A=2.7
           : 1.8 0.36 10.8 a=27 A=5.4
"""
DOUBAO_20_MINI = """
in<=32000  : 0.2 0.04 2 a=3
in<=128000 : 0.4 0.08 4 a=6
           : 0.8 0.16 8 a=12
"""
DOUBAO_18 = """
in<=32000 out<=200 : 0.8 0.16 2
in<=32000          : 0.8 0.16 8
in<=128000         : 1.2 0.16 16
                   : 2.4 0.16 24
"""
DOUBAO_16_LITE = """
in<=32000 out<=200 : 0.3 0.06 0.6
in<=32000          : 0.3 0.06 2.4
in<=128000         : 0.6 0.06 4
                   : 1.2 0.06 12
"""
DOUBAO_CODE = """
in<=32000  : 1.2 0.24 8
in<=128000 : 1.4 0.24 12
           : 2.8 0.24 16
"""
DOUBAO_16_FLASH = """
in<=32000  : 0.15 0.03 1.5
in<=128000 : 0.3 0.03 3
           : 0.6 0.03 6
"""
DOUBAO_16_VISION = """
in<=32000  : 0.8 0.16 8
in<=128000 : 1.2 0.16 16
           : 2.4 0.16 24
"""
DOUBAO_CHARACTER = """
in<=32000 : 0.8 0.16 2
          : 1.2 0.16 6
"""

# https://help.aliyun.com/zh/model-studio/model-pricing; explicit: a tenth, written: 1.25 times the input
# (of qwen-flash printed with three decimals).
QWEN_PLUS = """
in<=128000 think : 0.8 0.16 8 x=0.08 w=1
in<=128000       : 0.8 0.16 2 x=0.08 w=1
in<=256000 think : 2.4 0.48 24 x=0.24 w=3
in<=256000       : 2.4 0.48 20 x=0.24 w=3
think            : 4.8 0.96 64 x=0.48 w=6
                 : 4.8 0.96 48 x=0.48 w=6
"""
QWEN_PLUS_ABROAD = """
in<=256000 think : 0.4 0.08 4 x=0.04 w=0.5
in<=256000       : 0.4 0.08 1.2 x=0.04 w=0.5
think            : 1.2 0.24 12 x=0.12 w=1.5
                 : 1.2 0.24 3.6 x=0.12 w=1.5
"""
QWEN_FLASH = """
in<=128000 : 0.15 0.03 1.5 x=0.015 w=0.188
in<=256000 : 0.6 0.12 6 x=0.06 w=0.75
           : 1.2 0.24 12 x=0.12 w=1.5
"""
QWEN_TURBO = """
think : 0.3 0.06 3
      : 0.3 0.06 0.6
"""
QWEN_37_FLASH = """
in<=32000  : 0.2 0.04 0.8 x=0.02 w=0.25
in<=256000 : 0.6 0.12 2.4 x=0.06 w=0.75
           : 1.2 0.24 4.8 x=0.12 w=1.5
"""
QWEN_36_PLUS = """
in<=256000 : 2 - 12 x=0.2 w=2.5
           : 8 - 48 x=0.8 w=10
"""
QWEN_35_FLASH = """
in<=128000 : 0.2 - 2 x=0.02 w=0.25
in<=256000 : 0.8 - 8 x=0.08 w=1
           : 1.2 - 12 x=0.12 w=1.5
"""
QWEN_3_MAX = """
in<=32000  : 2.5 0.5 10 x=0.25 w=3.125
in<=128000 : 4 0.8 16 x=0.4 w=5
           : 7 1.4 28 x=0.7 w=8.75
"""
QWEN_3_MAX_2025 = """
in<=32000  : 6 - 24
in<=128000 : 10 - 40
           : 15 - 60
"""
QWEN_CODER_PLUS = """
in<=32000  : 4 0.8 16 x=0.4 w=5
in<=128000 : 6 1.2 24 x=0.6 w=7.5
in<=256000 : 10 2 40 x=1 w=12.5
           : 20 4 200 x=2 w=25
"""
QWEN_37_PLUS = """
in<=256000 : 2 0.4 8 x=0.2 w=2.5
           : 6 1.2 24 x=0.6 w=7.5
"""
QWEN_36_FLASH = """
in<=256000 : 1.2 - 7.2 x=0.12 w=1.5
           : 4.8 - 28.8 x=0.48 w=6
"""
QWEN_36_MAX = """
in<=128000 : 9 - 54 x=0.9 w=11.25
           : 15 - 90 x=1.5 w=18.75
"""
QWEN_35_PLUS = """
in<=128000 : 0.8 - 4.8 x=0.08 w=1
in<=256000 : 2 - 12 x=0.2 w=2.5
           : 4 - 24 x=0.4 w=5
"""
QWEN_CODER_FLASH = """
in<=32000  : 1 0.2 4 x=0.1 w=1.25
in<=128000 : 1.5 0.3 6 x=0.15 w=1.875
in<=256000 : 2.5 0.5 10 x=0.25 w=3.125
           : 5 1 25 x=0.5 w=6.25
"""
QWEN_VL_PLUS = """
in<=32000  : 1 0.2 10 x=0.1 w=1.25
in<=128000 : 1.5 0.3 15 x=0.15 w=1.875
           : 3 0.6 30 x=0.3 w=3.75
"""
QWEN_VL_FLASH = """
in<=32000  : 0.15 0.03 1.5 x=0.015 w=0.1875
in<=128000 : 0.3 0.06 3 x=0.03 w=0.375
           : 0.6 0.12 6 x=0.06 w=0.75
"""
QWEN_38_MAX = ": 12 1.5 36 x=1 w=15"
QWEN_38_FLASH = ": 0.8 0.1 2.7 x=0.1 w=1.25"
QWEN_MAX_OF_2024 = ": 40 - 120"
QWEN_LONG_BEFORE = ": 20 - 20"
QWEN_LONG = ": 0.5 - 2"

# https://docs.bigmodel.cn/cn/guide/start/pricing; the lower bound belongs to the upper line.
GLM_51 = """
in<32000 : 6 1.3 24
         : 8 2 28
"""
GLM_5_TURBO = """
in<32000 : 5 1.2 22
         : 7 1.8 26
"""
GLM_5 = """
in<32000 : 4 1 18
         : 6 1.5 22
"""
GLM_47 = """
in<32000 out<200 : 2 0.4 8
in<32000         : 3 0.6 14
                 : 4 0.8 16
"""
GLM_45_X = """
in<32000 out<200 : 8 1.6 16
in<32000         : 12 2.4 32
                 : 16 3.2 64
"""
GLM_45_AIR = """
in<32000 out<200 : 0.8 0.16 2
in<32000         : 0.8 0.16 6
                 : 1.2 0.24 8
"""
GLM_45_AIRX = """
in<32000 out<200 : 4 0.8 12
in<32000         : 4 0.8 16
                 : 8 1.6 32
"""
GLM_46V = """
in<32000 : 1 0.2 3
         : 2 0.4 6
"""
GLM_45V = """
in<32000 : 2 0.4 6
         : 4 0.8 12
"""
GLM_46V_FLASHX = """
in<32000 : 0.15 0.03 1.5
         : 0.3 0.03 3
"""
GLM_53_FLASH_LAUNCH = ": 0.4 0.115 1.4"
GLM_53_FLASH = ": 0.8 0.23 2.8"
GLM_3_TURBO_BEFORE = ": 5 - 5"
GLM_3_TURBO = """
batch : 0.5 - 0.5
      : 1 - 1
"""
FREE = ": 0 0 0"

# Qianfan, https://github.com/Laisky/one-api
ERNIE_51 = """
in<=32000 : 4 - 18
          : 6 - 22
"""
ERNIE_50 = """
in<=32000 : 6 - 24
          : 10 - 40
"""
ERNIE_45_TURBO = ": 0.8 0.2 3.2"
ERNIE_45_VL = ": 3 0.75 9"
ERNIE_DEEPSEEK = """
in<=32000 : 2 0.4 3
          : 4 - 6
"""

# https://api-docs.deepseek.com/zh-cn/quick_start/pricing
DEEPSEEK_FLASH_APRIL = ": 1 0.2 2"
DEEPSEEK_FLASH = """
peak : 2 0.04 8
     : 1 0.02 4
"""
DEEPSEEK_PRO = """
peak : 9 0.3 27
     : 4.5 0.15 13.5
"""
DEEPSEEK_PRO_USD = """
peak : 1.32 0.044 3.96
     : 0.66 0.022 1.98
"""
DEEPSEEK_V3 = """
night : 1 0.25 4
      : 2 0.5 8
"""
DEEPSEEK_R1 = """
night : 1 0.25 4
      : 4 1 16
"""

# https://developers.openai.com/api/docs/pricing
GPT_4O_FIRST = ": 5 - 15"
GPT_4O = """
batch    : 1.25 1.25 5
priority : 4.25 2.125 17
         : 2.5 1.25 10
"""
GPT_5 = """
flex     : 0.625 0.0625 5
batch    : 0.625 0.0625 5
priority : 2.5 0.25 20
         : 1.25 0.125 10
"""
GPT_5_MINI = """
flex     : 0.125 0.0125 1
batch    : 0.125 0.0125 1
priority : 0.45 0.045 3.6
         : 0.25 0.025 2
"""
GPT_5_NANO = """
flex  : 0.025 0.0025 0.2
batch : 0.025 0.0025 0.2
      : 0.05 0.005 0.4
"""
GPT_52 = """
flex     : 0.875 0.0875 7
batch    : 0.875 0.0875 7
priority : 3.5 0.35 28
         : 1.75 0.175 14
"""
GPT_4O_MINI = """
batch    : 0.075 0.075 0.3
priority : 0.25 0.125 1
         : 0.15 0.075 0.6
"""
O3 = """
flex     : 1 0.25 4
batch    : 1 - 4
priority : 3.5 0.875 14
         : 2 0.5 8
"""
GPT_41 = """
batch    : 1 1 4
priority : 3.5 0.875 14
         : 2 0.5 8
"""
GPT_41_MINI = """
batch    : 0.2 0.2 0.8
priority : 0.7 0.175 2.8
         : 0.4 0.1 1.6
"""
GPT_54_MINI = """
flex     : 0.375 0.0375 2.25
batch    : 0.375 0.0375 2.25
priority : 1.5 0.15 9
         : 0.75 0.075 4.5
"""
GPT_54_NANO = """
flex  : 0.1 0.01 0.625
batch : 0.1 0.01 0.625
      : 0.2 0.02 1.25
"""
GPT_54 = """
in<=272000 flex     : 1.25 0.13 7.5
flex                : 2.5 0.25 11.25
in<=272000 batch    : 1.25 0.13 7.5
batch               : 2.5 0.25 11.25
in<=272000 priority : 5 0.5 30
priority            : none none none
in<=272000          : 2.5 0.25 15
                    : 5 0.5 22.5
"""
GPT_55 = """
in<=272000 flex     : 2.5 0.25 15
flex                : 5 0.5 22.5
in<=272000 priority : 12.5 1.25 75
priority            : none none none
in<=272000          : 5 0.5 30
                    : 10 1 45
"""
GPT_56_SOL = """
in<=272000 flex     : 2.5 0.25 15 w=3.125 W=6.25
flex                : 5 0.5 22.5 w=6.25 W=12.5
in<=272000 priority : 10 1 60 w=12.5 W=25
priority            : 20 2 90 w=25 W=50
in<=272000          : 5 0.5 30 w=6.25 W=12.5
                    : 10 1 45 w=12.5 W=25
"""
GPT_56_SOL_REDUCED = """
in<=272000 flex     : 2 0.2 10 w=2.5 W=5
flex                : 4 0.4 15 w=5 W=10
in<=272000 priority : 8 0.8 40 w=10 W=20
priority            : 16 1.6 60 w=20 W=40
in<=272000          : 4 0.4 20 w=5 W=10
                    : 8 0.8 30 w=10 W=20
"""
GPT_56_TERRA = """
in<=272000 flex     : 1.25 0.125 7.5 w=1.5625 W=3.125
flex                : 2.5 0.25 11.25 w=3.125 W=6.25
in<=272000 priority : 5 0.5 30 w=6.25 W=12.5
priority            : 10 1 45 w=12.5 W=25
in<=272000          : 2.5 0.25 15 w=3.125 W=6.25
                    : 5 0.5 22.5 w=6.25 W=12.5
"""
GPT_56_TERRA_CUT = """
in<=272000 flex     : 1 0.1 6 w=1.25 W=2.5
flex                : 2 0.2 9 w=2.5 W=5
in<=272000 priority : 4 0.4 24 w=5 W=10
priority            : 8 0.8 36 w=10 W=20
in<=272000          : 2 0.2 12 w=2.5 W=5
                    : 4 0.4 18 w=5 W=10
"""
GPT_56_LUNA = """
in<=272000 flex     : 0.5 0.05 3 w=0.625 W=1.25
flex                : 1 0.1 4.5 w=1.25 W=2.5
in<=272000 priority : 2 0.2 12 w=2.5 W=5
priority            : 4 0.4 18 w=5 W=10
in<=272000          : 1 0.1 6 w=1.25 W=2.5
                    : 2 0.2 9 w=2.5 W=5
"""
GPT_56_LUNA_CUT = """
in<=272000 flex     : 0.1 0.01 0.6 w=0.125 W=0.25
flex                : 0.2 0.02 0.9 w=0.25 W=0.5
in<=272000 priority : 0.4 0.04 2.4 w=0.5 W=1
priority            : 0.8 0.08 3.6 w=1 W=2
in<=272000          : 0.2 0.02 1.2 w=0.25 W=0.5
                    : 0.4 0.04 1.8 w=0.5 W=1
"""
GPT_6_SOL = """
in<=272000 flex     : 1 0.1 5 w=1.25 W=2.5
flex                : 2 0.2 7.5 w=2.5 W=5
in<=272000 batch    : 1 0.1 5 w=1.25 W=2.5
batch               : 2 0.2 7.5 w=2.5 W=5
in<=272000          : 2 0.2 10 w=2.5 W=5
                    : 4 0.4 15 w=5 W=10
"""
GPT_6_LUNA = """
in<=272000 batch : 0.05 0.005 0.25 w=0.0625 W=0.125
batch            : 0.1 0.01 0.375 w=0.125 W=0.25
in<=272000       : 0.1 0.01 0.5 w=0.125 W=0.25
                 : 0.2 0.02 0.75 w=0.25 W=0.5
"""
GPT_4_TURBO = ": 10 - 30"
# Asked by Responses only; no page gives a price for cached input of the pro models.
GPT_52_PRO = """
batch : 10.5 - 84
      : 21 - 168
"""
GPT_54_PRO = """
in<=272000 flex  : 15 - 90
flex             : 30 - 135
in<=272000 batch : 15 - 90
batch            : 30 - 135
in<=272000       : 30 - 180
                 : 60 - 270
"""
GPT_6_ASTRA = """
in<=272000 flex     : 5 0.5 25 w=6.25 W=12.5
flex                : 10 1 37.5 w=12.5 W=25
in<=272000 batch    : 5 0.5 25 w=6.25 W=12.5
batch               : 10 1 37.5 w=12.5 W=25
in<=272000 priority : 20 2 100 w=25 W=50
priority            : 40 4 150 w=50 W=100
in<=272000          : 10 1 50 w=12.5 W=25
                    : 20 2 75 w=25 W=50
"""
GPT_61_SOL = """
in<=272000 flex     : 1 0.05 5 w=1.25 W=2.5
flex                : 2 0.1 7.5 w=2.5 W=5
in<=272000 batch    : 1 0.05 5 w=1.25 W=2.5
batch               : 2 0.1 7.5 w=2.5 W=5
in<=272000 priority : 4 0.2 20 w=5 W=10
priority            : 8 0.4 30 w=10 W=20
in<=272000          : 2 0.1 10 w=2.5 W=5
                    : 4 0.2 15 w=5 W=10
"""
GPT_61_TERRA = """
in<=272000 flex     : 0.5 0.025 2.5 w=0.625 W=1.25
flex                : 1 0.05 3.75 w=1.25 W=2.5
in<=272000 batch    : 0.5 0.025 2.5 w=0.625 W=1.25
batch               : 1 0.05 3.75 w=1.25 W=2.5
in<=272000 priority : 2 0.1 10 w=2.5 W=5
priority            : 4 0.2 15 w=5 W=10
in<=272000          : 1 0.05 5 w=1.25 W=2.5
                    : 2 0.1 7.5 w=2.5 W=5
"""
# Input and output are reported; the rest follows gpt-6.1-sol and is unsure.
GPT_62_ASTRA = """
in<=272000 flex     : 4 0.2 20 w=5 W=10
flex                : 8 0.4 30 w=10 W=20
in<=272000 batch    : 4 0.2 20 w=5 W=10
batch               : 8 0.4 30 w=10 W=20
in<=272000 priority : 16 0.8 80 w=20 W=40
priority            : 32 1.6 120 w=40 W=80
in<=272000          : 8 0.4 40 w=10 W=20
                    : 16 0.8 60 w=20 W=40
"""

# https://docs.x.ai/docs/models; the boundary belongs to the dearer line.
GROK_47 = """
in<200000 : 2 0.5 6
          : 4 1 12
"""
GROK_45 = """
in<200000 : 2 0.3 6
          : 4 0.6 12
"""
GROK_43 = """
in<200000 : 1.25 0.2 2.5
          : 2.5 0.4 5
"""
GROK_420_BEFORE = """
in<200000 : 2 0.2 6
          : 4 0.4 12
"""
GROK_BUILD = """
in<200000 : 1 0.2 2
          : 2 0.4 4
"""

# https://platform.minimaxi.com/docs/guides/pricing-paygo and https://platform.minimax.io/docs/guides/pricing-paygo
MINIMAX_M3 = """
in<=512000 : 2.1 0.42 8.4
           : 4.2 0.84 16.8
"""
MINIMAX_M3_ABROAD = """
in<=512000 : 0.3 0.06 1.2
           : 0.6 0.12 2.4
"""
