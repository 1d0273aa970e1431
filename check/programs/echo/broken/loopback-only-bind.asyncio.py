# bug: loopback-only-bind
# also: 
# line: HOST = "localhost"
# why: localhost means 127.0.0.1 and ::1, which can be reached from the same machine only.
import asyncio

HOST = "localhost"
PORT = 9241


async def handle(reader, writer):
    peer = writer.get_extra_info("peername")
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
