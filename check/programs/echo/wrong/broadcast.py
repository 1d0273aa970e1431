# wrong: not-an-echo-server
# why: a chat server: what one client says goes to the others, not back
import socket
import threading

clients = []
lock = threading.Lock()


def serve(conn):
    try:
        while data := conn.recv(1024):
            with lock:
                others = [c for c in clients if c is not conn]
            for other in others:
                other.sendall(data)
    except OSError:
        pass
    with lock:
        clients.remove(conn)
    conn.close()


server = socket.create_server(("", 9305), backlog=128)
print("listening on 9305")
while True:
    conn, addr = server.accept()
    with lock:
        clients.append(conn)
    threading.Thread(target=serve, args=(conn,), daemon=True).start()
