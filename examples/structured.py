"""Ask for an answer that follows a schema, and read it into a pydantic model."""

import asyncio
from pathlib import Path

from pydantic import BaseModel, ValidationError

import minimill

CONFIG = Path(__file__).with_name("minimill.toml")


class Invoice(BaseModel):
    number: str
    total: float
    currency: str


TEXT = "Invoice 2026-117. Two pallets of rebar, 1,480 euros all in, due in thirty days."


async def main() -> None:
    async with minimill.Client(CONFIG) as client:
        # Models that cannot hold an answer to a schema are left out by themselves.
        reply = await client.chat(f"Read this invoice.\n\n{TEXT}", response_format=Invoice)
        try:
            print(reply.parse(Invoice))
        except ValidationError as error:  # cut at the output limit, for instance; it has been paid for
            print("not an invoice:", error.errors()[0]["msg"], reply.finish_reason)
        print(reply.cost)


if __name__ == "__main__":
    asyncio.run(main())
