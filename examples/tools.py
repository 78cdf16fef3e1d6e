"""Let the model call a Python function, and give it back what the function returned."""

import asyncio
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

import minimill

CONFIG = Path(__file__).with_name("minimill.toml")
ROUNDS = 5


class Weather(BaseModel):
    """The weather in a city right now."""

    city: str = Field(description="Name of the city, in English.")


def weather(city: str) -> str:
    return f"21 °C and clear in {city}"


def answer(call: minimill.ToolCall) -> minimill.ToolResult:
    """Run one call; what the model got wrong goes back to it as text."""
    try:
        wanted = Weather.model_validate(call.parsed())
    except (ValueError, ValidationError) as error:
        return minimill.ToolResult(call.id, f"the arguments do not fit: {error}", is_error=True)
    return minimill.ToolResult(call.id, weather(wanted.city))


async def main() -> None:
    tools = [minimill.Tool.of(Weather, name="weather")]
    messages = [minimill.user("Is it warmer in Paris or in Lyon?")]
    async with minimill.Client(CONFIG) as client:
        for _ in range(ROUNDS):
            reply = await client.chat(messages, tools=tools)
            print(reply.cost)
            if not reply.tool_calls:
                print(reply.text)
                return
            for call in reply.tool_calls:
                print("asked for:", call.name, call.arguments)
            messages += [reply.message, minimill.tool(*map(answer, reply.tool_calls))]
        print(f"no answer after {ROUNDS} rounds")


if __name__ == "__main__":
    asyncio.run(main())
