"""Print an answer while it comes in, tell thinking from text, and read the bill at the end."""

import asyncio
import sys
from pathlib import Path

import minimill

CONFIG = Path(__file__).with_name("minimill.toml")


async def main() -> None:
    async with minimill.Client(CONFIG) as client:
        async with client.stream("Count from one to five, a word a line.") as stream:
            async for event in stream:
                if isinstance(event, minimill.TextDelta):
                    print(event.text, end="", flush=True)
                elif isinstance(event, minimill.ReasoningDelta):
                    print(event.text, end="", flush=True, file=sys.stderr)
        print()
        print(stream.reply.cost)

        # Leaving early closes the connection. What the vendor bills for it is not known, so the whole hold
        # stays charged until it is corrected.
        async with client.stream("Tell a long story.", max_output_tokens=500) as stream:
            async for text in stream.text():
                print("first piece:", text)
                break
        for hold in await client.holds():
            print("held:", hold.attempt_id, "unconfirmed" if hold.unconfirmed else "open")


if __name__ == "__main__":
    asyncio.run(main())
