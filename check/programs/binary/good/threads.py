# A thread a client; reads exactly one request at a time.
import socket
import struct
import threading


def exactly(conn, count):
    data = b""
    while len(data) < count:
        piece = conn.recv(count - len(data))
        if not piece:
            return None
        data += piece
    return data


def serve(conn):
    total = 0
    while (data := exactly(conn, struct.calcsize("!BI"))) is not None:
        op, number = struct.unpack("!BI", data)
        if op == 1:
            total += number
        conn.sendall(struct.pack("!BQ", op, total))


def guarded(conn):
    with conn:
        try:
            serve(conn)
        except ConnectionError:
            pass


server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("0.0.0.0", 9400))
server.listen(128)
while True:
    conn, _ = server.accept()
    threading.Thread(target=guarded, args=(conn,), daemon=True).start()
