"""A model on your own computer: free because the configuration says so, and still counted.

Start a server first, for instance llama.cpp's: `llama-server -m model.gguf --port 8080 --jinja`. Another
address goes into LLAMACPP_BASE_URL. For vLLM write `vllm` and VLLM_BASE_URL.
"""

import asyncio

import minimill

CONFIG = {
    "ledger": "memory:",
    # Without this line the model has no price, and the hard budget refuses it.
    "providers": {"llamacpp": {"free": True}},
    "routes": {
        "default": {
            "models": ["llamacpp:local", "openai:gpt-5.6-luna"],  # the second where the first cannot
            "max_output_tokens": 300,
        }
    },
    "budgets": {"all": {"limit": "0.10 USD"}},
}


async def main() -> None:
    async with minimill.Client(CONFIG) as client:
        print(client.plan("Say hello."))
        reply = await client.chat("Say hello.")
        print(f"{reply.provider} ({reply.answer.model}): {reply.text.strip()}")
        print(reply.cost)
        for row in await client.spend():
            record = row.record
            print(record.attempt_id, record.meta.provider, record.input_tokens, record.output_tokens)


if __name__ == "__main__":
    asyncio.run(main())
