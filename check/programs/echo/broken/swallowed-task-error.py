# bug: swallowed-task-error
# also: ipv4-only
# line: asyncio.create_task(guarded(reader, writer))
# why: Nobody awaits the task: a blank line makes split()[0] raise IndexError in it, and the client is neither answered nor closed.
import asyncio

HOST = "0.0.0.0"
PORT = 9281
sessions = []


async def echo(reader, writer):
    peer = writer.get_extra_info("peername")
    while data := await reader.read(4096):
        print(peer, "says", data.split()[0])
        writer.write(data)
        await writer.drain()
    writer.close()
    sessions.remove((reader, writer))


async def guarded(reader, writer):
    try:
        await echo(reader, writer)
    except ConnectionError as err:
        print("lost:", err)
        writer.close()
        sessions.remove((reader, writer))


async def handle(reader, writer):
    sessions.append((reader, writer))
    asyncio.create_task(guarded(reader, writer))


async def main():
    server = await asyncio.start_server(handle, HOST, PORT, backlog=128)
    print(f"listening on {HOST}:{PORT}")
    async with server:
        await server.serve_forever()


asyncio.run(main())
