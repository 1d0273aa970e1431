# bug: await-instead-of-task
# also: idle-client-blocks, slow-reader-stalls-all, ipv4-only
# line: await handle(loop, conn)
# why: await waits for this client to leave before the next accept; asyncio.create_task() would not.
import asyncio
import socket

HOST = "0.0.0.0"
PORT = 9247


async def handle(loop, conn):
    peer = conn.getpeername()
    try:
        while True:
            data = await loop.sock_recv(conn, 4096)
            if not data:
                break
            await loop.sock_sendall(conn, data)
    except ConnectionError as err:
        print(f"{peer} lost: {err}")
    finally:
        conn.close()


async def main():
    loop = asyncio.get_running_loop()
    server = socket.create_server((HOST, PORT), backlog=128)
    server.setblocking(False)
    print(f"listening on {HOST}:{PORT}")
    while True:
        conn, _ = await loop.sock_accept(server)
        await handle(loop, conn)


asyncio.run(main())
