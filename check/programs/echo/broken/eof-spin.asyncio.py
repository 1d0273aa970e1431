# bug: eof-spin
# also: half-close-mishandled, fd-leak, ipv4-only
# line: await asyncio.sleep(0)          # nothing yet, let the others run
# why: At EOF read() returns b"" at once; the task yields and asks again for ever, so epoll_wait() never blocks.
import asyncio

HOST = "0.0.0.0"
PORT = 9213


async def handle(reader, writer):
    peer = writer.get_extra_info("peername")
    try:
        while True:
            data = await reader.read(4096)
            if not data:
                await asyncio.sleep(0)          # nothing yet, let the others run
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
