# bug: blocking-call-in-async
# also: slow-reader-stalls-all, ipv4-only
# line: time.sleep(0.5)                     # the account service is slow
# why: time.sleep() stops the event loop, so every other client waits too; await asyncio.sleep() would stop this task only.
import asyncio
import time

HOST = "0.0.0.0"
PORT = 9245


def check_account(peer):
    time.sleep(0.5)                     # the account service is slow
    return True


async def handle(reader, writer):
    peer = writer.get_extra_info("peername")
    known = False
    try:
        while True:
            data = await reader.read(4096)
            if not data:
                break
            if not known:
                known = check_account(peer)
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
