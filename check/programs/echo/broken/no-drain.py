# bug: no-drain
# also: output-buffer-unbounded, ipv4-only
# line: writer.write(data)
# why: write() only queues; without await writer.drain() the queue grows while the peer does not read.
import asyncio

HOST = "0.0.0.0"
PORT = 9239


async def handle(reader, writer):
    peer = writer.get_extra_info("peername")
    try:
        while True:
            data = await reader.read(4096)
            if not data:
                break
            writer.write(data)
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
