# wrong: binary-exchange
# An echo server: five bytes come back instead of nine.
import socket
import threading


def serve(conn):
    while data := conn.recv(4096):
        conn.sendall(data)


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
