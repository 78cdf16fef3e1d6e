"""The same program on another vendor: the two configuration files beside it differ in one line.

    python swap_vendor.py swap_vendor.doubao.toml
    python swap_vendor.py swap_vendor.openai.toml
"""

import asyncio
import sys
from pathlib import Path

import minimill


async def main(config: Path) -> None:
    async with minimill.Client(config) as client:
        reply = await client.chat([minimill.system("Answer in one word."), minimill.user("Capital of France?")])
        print(f"{reply.provider}:{reply.model} says {reply.text}")
        print(reply.cost)


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else "swap_vendor.doubao.toml"
    asyncio.run(main(Path(__file__).parent / chosen))
