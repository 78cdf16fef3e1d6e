"""A cap that holds: for everything, for each user, and under many calls at once."""

import asyncio

import minimill
from minimill import BudgetExceededError, Money

MODEL = "doubao:doubao-seed-2-1-lite-260915"
CONFIG = {
    "ledger": "memory:",
    "budgets": {
        # A share of 1: all of so small a budget may be out with one vendor at once, not just a fifth of it.
        "all": {"limit": "0.02 CNY", "window": "day", "zone": "Asia/Shanghai", "unconfirmed_share": 1},
        "each-user": {"limit": "0.004 CNY", "by": "user", "unconfirmed_share": 1},
    },
}


async def ask(client: minimill.Client, user: str, *, wait_s: float = 0.0) -> str:
    try:
        reply = await client.chat(
            "Name a river.", model=MODEL, max_output_tokens=500, tags={"user": user}, wait_s=wait_s
        )
    except BudgetExceededError as error:
        return f"refused by {error.budget}: needs {error.needed}, {error.held} held of {error.limit}"
    return f"answered, {reply.cost.total}"


async def show(client: minimill.Client) -> None:
    for balance in await client.balance():
        left = Money(balance.left_nanos, balance.currency)
        print(f"  {balance.budget} {balance.key or '(all)'}: {left} left")


async def main() -> None:
    async with minimill.Client(CONFIG) as client:
        print("one call:", await ask(client, "ada"))
        await show(client)

        # Each call may cost 0.0014 yuan, and is held at that until it is over. Four at once do not fit into
        # one user's 0.004; what does not fit is refused before anything is sent …
        print("four at once:")
        for line in await asyncio.gather(*(ask(client, "bo") for _ in range(4))):
            print(" ", line)

        # … or waits up to `wait_s` for money that others hold and do not use.
        print("four at once, waiting:")
        for line in await asyncio.gather(*(ask(client, "cy", wait_s=60) for _ in range(4))):
            print(" ", line)
        await show(client)

        await client.set_limit("each-user", "0 CNY")
        print("closed:", await ask(client, "ada"))


if __name__ == "__main__":
    asyncio.run(main())
