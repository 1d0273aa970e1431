import socket
import struct
import threading

REQUEST = struct.Struct("!BI")
REPLY = struct.Struct("!BQ")


def exactly(conn, count):
    """`count` bytes, or None when the client closes first."""
    data = b""
    while len(data) < count:
        piece = conn.recv(count - len(data))
        if not piece:
            return None
        data += piece
    return data


def serve(conn):
    total = 0
    with conn:
        try:
            while (data := exactly(conn, REQUEST.size)) is not None:
                op, number = REQUEST.unpack(data)
                if op == 1:
                    total += number
                conn.sendall(REPLY.pack(op, total))
        except ConnectionError as err:
            print("broken off:", err)


def main():
    server = socket.create_server(("0.0.0.0", 9400), backlog=128)
    while True:
        conn, _ = server.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


main()
