# bug: slow-reader-stalls-all
# also: ipv4-only
# line: sock.setblocking(True)
# why: The loop serves everybody from one thread, but send() on a blocking socket waits for the one who does not read.
import selectors
import socket

PORT = 9236
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
        if self.eof and not self.out:
            self.close()
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
            self.sock.sendall(self.out)
        except BlockingIOError:
            return
        self.out.clear()

    def close(self):
        sel.unregister(self.sock)
        self.sock.close()


def accept(server):
    try:
        sock, addr = server.accept()
    except BlockingIOError:
        return
    sock.setblocking(True)
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
