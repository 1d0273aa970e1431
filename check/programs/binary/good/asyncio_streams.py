# asyncio streams: readexactly gives one request at a time.
import asyncio
import struct


async def serve(reader, writer):
    total = 0
    try:
        while True:
            op, number = struct.unpack("!BI", await reader.readexactly(5))
            if op == 1:
                total += number
            writer.write(struct.pack("!BQ", op, total))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", 9400, backlog=128)
    async with server:
        await server.serve_forever()


asyncio.run(main())
