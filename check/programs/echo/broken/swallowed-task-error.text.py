# bug: swallowed-task-error
# also: decode-per-recv, non-text-crash, ipv4-only
# line: sessions[peer] = asyncio.create_task(echo(conn, peer))
# why: A message that is not UTF-8 raises inside the task; the task stays in the dictionary, its error is never looked at and the socket is never closed.
import asyncio
import socket

PORT = 9282
sessions = {}
sockets = {}


async def echo(conn, peer):
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(conn, 4096):
            print(peer, data.decode())
            await loop.sock_sendall(conn, data)
    except ConnectionError as err:
        print(peer, "lost:", err)
    leave(peer)


def leave(peer):
    sockets.pop(peer).close()
    sessions.pop(peer)


async def main():
    server = socket.create_server(("", PORT), backlog=128)
    server.setblocking(False)
    print("listening on port", PORT)
    while True:
        conn, peer = await asyncio.get_running_loop().sock_accept(server)
        sockets[peer] = conn
        sessions[peer] = asyncio.create_task(echo(conn, peer))


asyncio.run(main())
