# good: asyncio on bare sockets, one task per client
# also: ipv4-only
import asyncio
import socket

PORT = 9113


async def echo(conn):
    loop = asyncio.get_running_loop()
    with conn:
        try:
            while data := await loop.sock_recv(conn, 16384):
                await loop.sock_sendall(conn, data)
        except ConnectionError as err:
            print("client:", err)


async def main():
    loop = asyncio.get_running_loop()
    server = socket.create_server(("", PORT), backlog=128)
    server.setblocking(False)
    print("listening on port", PORT)
    tasks = set()
    while True:
        conn, _ = await loop.sock_accept(server)
        task = asyncio.create_task(echo(conn))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
