# bug: decode-per-recv
# also: non-text-crash, ipv4-only
# line: message = data.decode('utf-8')
# why: read() returns whatever has arrived, half a syllable too, and decode() raises in the task.
import asyncio

HOST = "0.0.0.0"
PORT = 9202


async def handle(reader, writer):
    peer = writer.get_extra_info("peername")
    try:
        while True:
            data = await reader.read(4096)
            if not data:
                break
            message = data.decode('utf-8')
            print(f'{peer}: {message}')
            writer.write(message.encode('utf-8'))
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
