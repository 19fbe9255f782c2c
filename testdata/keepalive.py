# A server of the Python package websockets that ends connections whose pongs do not come in time. It prints its port, and then of each
# connection how many bytes of messages came and how it was closed.
import asyncio
import websockets


async def count(ws):
    n = 0
    try:
        async for message in ws:
            n += len(message)
    except websockets.ConnectionClosed:
        pass
    print(n, ws.close_code, flush=True)


async def main():
    server = await websockets.serve(count, "127.0.0.1", 0, ping_interval=1, ping_timeout=3, max_size=None, compression=None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Future()


asyncio.run(main())
