import socket
import struct

REQUEST = "BI"
REPLY = "BQ"


def serve(conn):
    total = 0
    data = b""
    while len(data) < struct.calcsize(REQUEST):
        data += conn.recv(1)
    op, number = struct.unpack(REQUEST, data)
    if op == 1:
        total += number
    conn.send(struct.pack(REPLY, op, total))


def main():
    server = socket.create_server(("0.0.0.0", 9400))
    while True:
        conn, _ = server.accept()
        with conn:
            serve(conn)


main()
