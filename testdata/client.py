# A client of the Python package websockets: it has messages of several lengths echoed by the server whose URL is the argument, pings it,
# sends "close" and prints the subprotocol and how the connection was closed.
import asyncio
import sys
import websockets


async def main():
    async with websockets.connect(sys.argv[1], subprotocols=["v1", "v2"], max_size=None) as ws:
        for n in [0, 1, 125, 126, 1000, 65535, 65536, 1000000]:
            for message in ["ä" * (n // 2), b"\x00\x01\x02" * (n // 3)]:
                await ws.send(message)
                if await ws.recv() != message:
                    sys.exit("a message of %d came back otherwise" % n)
            await (await ws.ping())
        await ws.send(["frag", "men", "ts"])
        if await ws.recv() != "fragments":
            sys.exit("the fragments came back otherwise")
        await ws.send("close")
        try:
            await ws.recv()
        except websockets.ConnectionClosed:
            pass
        print(ws.subprotocol, ws.close_code, ws.close_reason)


asyncio.run(main())
