# bug: boundary-shifted
# Forgets what is left once a whole request was there.
import socket
import struct
import threading


def serve(conn):
    buffer, total = b"", 0
    while data := conn.recv(4096):
        buffer += data
        if len(buffer) < 5:
            continue
        for at in range(0, len(buffer) - 4, 5):
            op, number = struct.unpack_from("!BI", buffer, at)
            if op == 1:
                total += number
            conn.sendall(struct.pack("!BQ", op, total))
        buffer = b""


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
