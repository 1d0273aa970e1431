"""Echo on asyncio (`asyncio`, or `uvloop` where it is installed) or on threads (`threads`): peers of the race."""

import asyncio
import socket
import sys
import threading


def listener():
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.bind(("127.0.0.1", 0))
    sock.listen(4096)
    return sock


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, sock=listener(), backlog=4096)
    await server.serve_forever()


def talk(conn):
    with conn:
        while data := conn.recv(65536):
            conn.sendall(data)


def threads():
    threading.stack_size(256 * 1024)
    sock = listener()
    while True:
        conn, _ = sock.accept()
        threading.Thread(target=talk, args=(conn,), daemon=True).start()


match sys.argv[1]:
    case "threads":
        threads()
    case "uvloop":
        import uvloop

        uvloop.run(serve())
    case _:
        asyncio.run(serve())
