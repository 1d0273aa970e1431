# bug: exact-buffer-hang
# also: short-recv-is-end, output-buffer-unbounded, ipv4-only
# line: while len(part) == 2048:
# why: A full read is taken for "more is coming", so exactly 2048 bytes are never answered.
import asyncio

HOST = "0.0.0.0"
PORT = 9210


async def handle(reader, writer):
    peer = writer.get_extra_info("peername")
    try:
        while True:
            part = await reader.read(2048)
            data = part
            while len(part) == 2048:
                part = await reader.read(2048)
                data += part
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
