"""The same without `await`: for scripts and for notebooks, whose event loop is already running."""

from pathlib import Path

import minimill

CONFIG = Path(__file__).with_name("minimill.toml")


def main() -> None:
    with minimill.SyncClient(CONFIG) as client:
        reply = client.chat("Say hello.")
        print(reply.text)

        conversation = [minimill.user("Name a prime above 10."), reply.message, minimill.user("Another.")]
        with client.stream(conversation) as stream:
            for text in stream.text():
                print(text, end="", flush=True)
        print()
        print(stream.reply.cost)

        for balance in client.balance():
            print(balance.budget, minimill.Money(balance.settled_nanos, balance.currency), "spent")


# In a notebook, keep one client for the session instead of the block:
#     client = minimill.SyncClient(CONFIG)
#     client.chat("Say hello.").text
#     client.close()

if __name__ == "__main__":
    main()
