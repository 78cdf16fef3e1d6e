"""Candidates of a route: in which order, why some are left out, and what was tried for an answer."""

import asyncio
from pathlib import Path

import minimill

CONFIG = Path(__file__).with_name("minimill.toml")
QUESTION = "Which metal melts at 1,538 °C?"


async def main() -> None:
    async with minimill.Client(CONFIG) as client:
        print(client.plan(QUESTION))  # nothing is sent

        try:
            reply = await client.chat(QUESTION, max_attempts=4, deadline_s=120)
        except minimill.AllAttemptsFailedError as error:
            for failed in error.errors:
                print("failed:", type(failed).__name__, failed)
            for name, reason in error.left_out.items():
                print("left out:", name, reason)
            print("charged all the same:", error.cost)
            return

        for attempt in reply.attempts:
            outcome = "answered" if attempt.error is None else type(attempt.error).__name__
            print(f"{attempt.provider}: {outcome}, {attempt.charged} ({attempt.certainty})")
        print(reply.text)

        # A vendor that just failed rests; the plan says so.
        print(client.plan(QUESTION))


if __name__ == "__main__":
    asyncio.run(main())
