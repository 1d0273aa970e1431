# asyncio streams, with one limit over the whole exchange.
import asyncio
import sys


async def main():
    host, port, text = sys.argv[1:4]
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(text.encode())
    await writer.drain()
    print((await reader.readexactly(len(text.encode()))).decode())
    writer.close()


asyncio.run(asyncio.wait_for(main(), 2))
