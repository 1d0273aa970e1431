# bug: no-drain
# also: output-buffer-unbounded, ipv4-only
# line: self.transport.write(data)
# why: transport.write() queues without limit; without pause_writing() the protocol never learns that the peer does not read.
import asyncio


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def eof_received(self):
        return False                # write what is queued, then close


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "0.0.0.0", 9238, reuse_address=True, backlog=128)
    print("listening on port 9238")
    await server.serve_forever()


asyncio.run(main())
