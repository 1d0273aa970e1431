# Keeps what is left of each recv() and answers all whole requests in it.
import socket
import struct
import threading


def serve(conn):
    buffer, total = b"", 0
    while data := conn.recv(4096):
        buffer += data
        replies = b""
        while len(buffer) >= 5:
            op, number = struct.unpack_from("!BI", buffer)
            buffer = buffer[5:]
            if op == 1:
                total += number
            replies += struct.pack("!BQ", op, total)
        conn.sendall(replies)


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
