"""A proxy that lets time pass, as a long way does: ``python delay.py PORT SECONDS``.

It prints its port. What it relays to the port of 127.0.0.1 and back arrives half of the seconds
later; a new connection costs all of them first, as the handshake does. Whatever is under way is
held, without a bound, so that time is all that the way costs: there is no slow start, no loss, and
no limit to the throughput but that of copying, some hundred MB/s.
"""

from __future__ import annotations

import asyncio
import socket
import sys

BLOCK = 256 * 1024


async def relay(port: int, round_trip: float) -> None:
    """Print a port, and relay what comes there, for ever."""
    loop = asyncio.get_running_loop()
    tasks = set()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        listener.setblocking(False)
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(connect(client, port, round_trip))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


async def connect(client: socket.socket, port: int, round_trip: float) -> None:
    """Relay one connection in both directions, until one of them breaks or both have ended."""
    await asyncio.sleep(round_trip)
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        try:
            async with asyncio.TaskGroup() as group:
                for source, target in ((client, server), (server, client)):
                    source.setblocking(False)
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
                    group.create_task(receive(source, pieces, round_trip / 2))
                    group.create_task(send(target, pieces))
        except* OSError:
            pass  # one side left; whether it should have is not for us to say


async def receive(
    source: socket.socket, pieces: asyncio.Queue[tuple[float, bytes]], seconds: float
) -> None:
    """Take what comes, and note when it is due; nothing is the end."""
    loop = asyncio.get_running_loop()
    piece = None
    while piece != b"":
        piece = await loop.sock_recv(source, BLOCK)
        pieces.put_nowait((loop.time() + seconds, piece))


async def send(target: socket.socket, pieces: asyncio.Queue[tuple[float, bytes]]) -> None:
    """Send what is due."""
    loop = asyncio.get_running_loop()
    while True:
        due, piece = await pieces.get()
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        if not piece:
            target.shutdown(socket.SHUT_WR)
            return
        await loop.sock_sendall(target, piece)


if __name__ == "__main__":
    asyncio.run(relay(int(sys.argv[1]), float(sys.argv[2])))
