# bug: half-close-mishandled
# also: short-recv-is-end, ipv4-only
# line: if events & (select.POLLRDHUP | select.POLLHUP):
# why: POLLRDHUP says that the peer will send no more; unread data and unsent replies are thrown away as if it had gone.
import select
import socket

PORT = 9283
LIMIT = 65536

server = socket.create_server(("", PORT), backlog=128)
server.setblocking(False)
poller = select.poll()
poller.register(server, select.POLLIN)
clients = {}        # fd -> (socket, bytes to send)
print("listening on port", PORT)


def drop(fd):
    poller.unregister(fd)
    clients.pop(fd)[0].close()


def serve(fd, events):
    sock, out = clients[fd]
    if events & (select.POLLRDHUP | select.POLLHUP):
        drop(fd)
        return
    try:
        if events & select.POLLIN:
            out += sock.recv(4096)
        if out:
            del out[:sock.send(out)]
    except BlockingIOError:
        pass
    except ConnectionError:
        drop(fd)
        return
    wanted = select.POLLRDHUP
    if len(out) < LIMIT:
        wanted |= select.POLLIN
    if out:
        wanted |= select.POLLOUT
    poller.modify(fd, wanted)


while True:
    for fd, events in poller.poll():
        if fd == server.fileno():
            sock, addr = server.accept()
            sock.setblocking(False)
            clients[sock.fileno()] = (sock, bytearray())
            poller.register(sock, select.POLLIN | select.POLLRDHUP)
        else:
            serve(fd, events)
