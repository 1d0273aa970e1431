# bug: blocking-call-in-async
# also: slow-reader-stalls-all, ipv4-only
# line: subprocess.run(["sleep", "0.5"], check=True)
# why: subprocess.run() waits for the child inside the event loop; asyncio.create_subprocess_exec() would not.
import asyncio
import subprocess

HOST = "0.0.0.0"
PORT = 9246


async def handle(reader, writer):
    peer = writer.get_extra_info("peername")
    logged = False
    try:
        while True:
            data = await reader.read(4096)
            if not data:
                break
            if not logged:
                subprocess.run(["sleep", "0.5"], check=True)
                logged = True
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
