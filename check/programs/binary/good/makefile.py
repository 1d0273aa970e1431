# Buffered file objects over the socket.
import socket
import threading


def serve(conn):
    total = 0
    with conn.makefile("rb") as file:
        while len(data := file.read(5)) == 5:
            total += int.from_bytes(data[1:], "big") if data[0] == 1 else 0
            conn.sendall(data[:1] + total.to_bytes(8, "big"))


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
