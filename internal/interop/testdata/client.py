# A client by the Python package websockets: client.py URL. It prints what it sees.
import asyncio
import sys

import websockets


async def connect(path):
    ws = await websockets.connect(sys.argv[1] + path, subprotocols=["other", "interop"], max_size=None)
    print("open", ws.subprotocol, *(extension.name for extension in ws.extensions))
    return ws


async def closed(ws):
    await ws.wait_closed()
    print("closed", ws.close_code, ws.close_reason, "true")


async def main():
    ws = await connect("echo?compress=1&id=echo")
    for text in "", "grüß dich ☃", '{"name":"grüß dich ☃"}' * 30000:
        await ws.send(text)
        print("text", len(text), "true" if await ws.recv() == text else "false")
    data = bytes(i * i % 256 for i in range(100000))
    await ws.send(data)
    print("binary", len(data), "true" if await ws.recv() == data else "false")
    await ws.close(4002, "had enough")
    await closed(ws)

    for code in 4001, 1001:
        ws = await connect(f"push?compress=1&n=3&size=10&reason=enough&code={code}&id={code}")
        for _ in range(3):
            print("pushed", (await ws.recv())[:1].decode("latin1"))
        await closed(ws)


asyncio.run(main())
