"""One question, its answer, and its bill.

Needs the key of at least one of the two vendors: ARK_API_KEY (Doubao) or OPENAI_API_KEY.
"""

import asyncio

import minimill

MODELS = ["doubao:doubao-seed-2-1-lite-260915", "openai:gpt-5.6-luna"]


async def main() -> None:
    async with minimill.Client() as client:
        reply = await client.chat("Why is the sky blue? One sentence.", model=MODELS, max_output_tokens=2_000)
        print(reply.text)
        print(reply.cost)


if __name__ == "__main__":
    asyncio.run(main())
