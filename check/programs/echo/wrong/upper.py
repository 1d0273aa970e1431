# wrong: not-an-echo-server
# why: answers in capital letters
import socket
import threading


def serve(conn):
    with conn:
        try:
            while data := conn.recv(1024):
                conn.sendall(data.upper())
        except ConnectionError:
            pass


server = socket.create_server(("0.0.0.0", 9301), backlog=128)
print("listening on 9301")
while True:
    conn, addr = server.accept()
    threading.Thread(target=serve, args=(conn,), daemon=True).start()
