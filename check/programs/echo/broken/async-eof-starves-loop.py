# bug: async-eof-starves-loop
# also: eof-spin, half-close-mishandled, serves-one-then-exits, empty-connection-kills, fd-leak, rst-kills-server, zombies, ipv4-only
# line: continue
# why: After EOF read() returns b"" without ever giving the event loop a turn, so one client that leaves stops all others.
import asyncio

HOST = "0.0.0.0"
PORT = 9248


async def handle(reader, writer):
    peer = writer.get_extra_info("peername")
    try:
        while True:
            data = await reader.read(4096)
            if not data:
                continue
            writer.write(data)
            await writer.drain()
    except ConnectionError as err:
        print(f"{peer} lost: {err}")
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass


async def main():
    server = await asyncio.start_server(handle, HOST, PORT, backlog=128)
    print(f"listening on {HOST}:{PORT}")
    async with server:
        await server.serve_forever()


asyncio.run(main())
