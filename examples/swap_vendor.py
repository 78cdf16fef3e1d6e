"""The same program on another vendor: the two configuration files beside it differ in one line.

Run it with the name of one of them: `python swap_vendor.py swap_vendor.openai.toml`.
"""

import asyncio
import sys
from pathlib import Path

import minimill


async def main(config: Path) -> None:
    async with minimill.Client(config) as client:
        messages = [minimill.system("Answer in one word."), minimill.user("Capital of France?")]
        reply = await client.chat(messages)
        print(f"{reply.provider}:{reply.model} says {reply.text}")
        print(reply.cost)


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else "swap_vendor.doubao.toml"
    asyncio.run(main(Path(__file__).parent / chosen))
