# good: a port below 1024
# also: ipv4-only
import asyncio


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def eof_received(self):
        return False                # write what is queued, then close

    def pause_writing(self):        # the peer does not read: neither do we
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "0.0.0.0", 80, reuse_address=True, backlog=128)
    print("listening on port 80")
    await server.serve_forever()


asyncio.run(main())
