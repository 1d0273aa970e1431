# wrong: not-an-echo-server
# why: puts "Echo: " before every answer
import asyncio


async def handle(reader, writer):
    try:
        while data := await reader.read(1024):
            writer.write(b"Echo: " + data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(handle, "0.0.0.0", 9304)
    print("listening on 9304")
    await server.serve_forever()


asyncio.run(main())
