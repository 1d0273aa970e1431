# bug: half-close-mishandled
# also: short-recv-is-end, ipv4-only
# line: self.close()                    # the client has finished
# why: (Needs a full window.) At EOF the connection is closed with the reply still in the output buffer; the peer had only stopped sending, not reading.
import selectors
import socket

PORT = 9227
CHUNK = 16 * 1024
HIGH_WATER = 64 * 1024      # stop reading from a client that does not read

sel = selectors.DefaultSelector()


class Client:
    def __init__(self, sock, addr):
        self.sock = sock
        self.addr = addr
        self.out = bytearray()
        self.eof = False

    def events(self):
        wanted = 0
        if not self.eof and len(self.out) < HIGH_WATER:
            wanted |= selectors.EVENT_READ
        if self.out:
            wanted |= selectors.EVENT_WRITE
        return wanted

    def on_ready(self, mask):
        try:
            if mask & selectors.EVENT_READ:
                self.read()
            if self.out:
                self.write()
        except ConnectionError as err:
            print("lost", self.addr, err)
            self.close()
            return
        if self.eof:
            self.close()                    # the client has finished
        else:
            sel.modify(self.sock, self.events(), self)

    def read(self):
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return
        if data:
            self.out += data
        else:
            self.eof = True

    def write(self):
        try:
            sent = self.sock.send(self.out)
        except BlockingIOError:
            return
        del self.out[:sent]

    def close(self):
        sel.unregister(self.sock)
        self.sock.close()


def accept(server):
    try:
        sock, addr = server.accept()
    except BlockingIOError:
        return
    sock.setblocking(False)
    sel.register(sock, selectors.EVENT_READ, Client(sock, addr))


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", PORT))
    server.listen(128)
    server.setblocking(False)
    sel.register(server, selectors.EVENT_READ, None)
    print("listening on port", PORT)
    while True:
        for key, mask in sel.select():
            if key.data is None:
                accept(key.fileobj)
            else:
                key.data.on_ready(mask)


if __name__ == "__main__":
    main()
