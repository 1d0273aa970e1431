# bug: coalesced-dropped
# One reply for each time data comes.
import socket
import struct
import threading


def serve(conn):
    buffer, total = b"", 0
    while data := conn.recv(4096):
        buffer += data
        if len(buffer) < 5:
            continue
        op, number = struct.unpack_from("!BI", buffer)
        buffer = b""
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
