# bug: no-graceful-stop
# also: ipv4-only
# line: writer.transport.abort()
# why: abort() throws the output queue away and closes at once; close() would send what is queued, then FIN.
import asyncio
import signal
import socket
import struct

HOST = "0.0.0.0"
PORT = 9265

writers = set()


def stop(server):
    server.close()
    for writer in writers:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


async def handle(reader, writer):
    peer = writer.get_extra_info("peername")
    writers.add(writer)
    try:
        while True:
            data = await reader.read(4096)
            if not data:
                break
            writer.write(data)
            await writer.drain()
    except ConnectionError as err:
        print(f"{peer} lost: {err}")
    finally:
        writers.discard(writer)
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass


async def main():
    server = await asyncio.start_server(handle, HOST, PORT, backlog=128)
    print(f"listening on {HOST}:{PORT}")
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop, server)
    async with server:
        await server.serve_forever()


try:
    asyncio.run(main())
except asyncio.CancelledError:
    print("stopped")
