# bug: unpack-short-recv
# Takes one recv() for one request.
import socket
import struct
import threading


def serve(conn):
    total = 0
    while data := conn.recv(5):
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
