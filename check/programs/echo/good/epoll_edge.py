# good: edge-triggered epoll, one step per client and turn
# also: ipv4-only
import collections
import select
import socket

PORT = 9115
HIGH_WATER = 128 * 1024
EDGE = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET

server = socket.create_server(("0.0.0.0", PORT), backlog=128)
server.setblocking(False)
epoll = select.epoll()
epoll.register(server, select.EPOLLIN)
clients = {}
turn = collections.deque()      # clients that may have something to do


class Client:
    def __init__(self, sock):
        self.sock = sock
        self.out = bytearray()
        self.readable = self.writable = True
        self.eof = self.queued = False

    def step(self):
        """One recv() and one send() at most."""
        if self.readable and not self.eof and len(self.out) < HIGH_WATER:
            try:
                data = self.sock.recv(16384)
                self.out += data
                self.eof = not data
            except BlockingIOError:
                self.readable = False
        if self.writable and self.out:
            try:
                del self.out[:self.sock.send(self.out)]
            except BlockingIOError:
                self.writable = False

    def has_work(self):
        can_read = self.readable and not self.eof and len(self.out) < HIGH_WATER
        return can_read or (self.writable and self.out)

    def is_done(self):
        return self.eof and not self.out


def queue(client):
    if not client.queued:
        client.queued = True
        turn.append(client)


def accept():
    try:
        sock, _ = server.accept()
    except BlockingIOError:
        return
    sock.setblocking(False)
    clients[sock.fileno()] = client = Client(sock)
    epoll.register(sock, EDGE)
    queue(client)


def take_turn(client):
    client.queued = False
    try:
        client.step()
    except ConnectionError:
        client.eof = True
        client.out.clear()
    if client.is_done():
        del clients[client.sock.fileno()]
        client.sock.close()
    elif client.has_work():
        queue(client)


print("listening on port", PORT)
while True:
    for fd, events in epoll.poll(0 if turn else -1):
        if fd == server.fileno():
            accept()
        elif fd in clients:
            client = clients[fd]
            client.readable |= bool(events & ~select.EPOLLOUT)
            client.writable |= bool(events & ~select.EPOLLIN)
            queue(client)
    for _ in range(len(turn)):
        take_turn(turn.popleft())
