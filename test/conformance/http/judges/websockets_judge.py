"""WebSockets by python3-websockets: `server` echoes on a free port and says it; `clients PORT HOST N` opens N connections, says READY,
sends on each twice a second, and when all have ended writes how: JSON lines of {code, reset, messages, ms}."""
import asyncio
import json
import sys
import time

import websockets


async def serve():
    async def echo(socket):
        try:
            async for message in socket:
                await socket.send(message)
        except websockets.exceptions.ConnectionClosedError:
            pass

    async with websockets.serve(echo, "127.0.0.1", 0, ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


async def client(port, host, ready, results):
    messages = 0
    try:
        async with websockets.connect(
            f"ws://{host}/ws", host="127.0.0.1", port=port, ping_interval=None, close_timeout=5
        ) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
            ready.release()
            while True:
                await socket.send(str(messages))
                assert await socket.recv() == str(messages)
                messages += 1
                await asyncio.sleep(0.5)
    except websockets.exceptions.ConnectionClosed as closed:
        reset = isinstance(closed.__cause__, ConnectionResetError)
        results.append({"code": closed.rcvd.code if closed.rcvd else None, "reset": reset, "messages": messages, "at": time.time()})
    except Exception as error:
        results.append({"error": repr(error), "messages": messages, "at": time.time()})
        ready.release()


async def clients(port, host, n):
    ready = asyncio.Semaphore(0)
    results = []
    tasks = [asyncio.create_task(client(port, host, ready, results)) for _ in range(n)]
    for _ in range(n):
        await ready.acquire()
    print("READY", flush=True)
    await asyncio.gather(*tasks)
    print(json.dumps(results), flush=True)


if sys.argv[1] == "server":
    asyncio.run(serve())
else:
    asyncio.run(clients(int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
