# bug: ipv4-only
# also: 
# line: with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
# why: An AF_INET socket has no IPv6 address, so a client that gets only an AAAA record is refused. Severity network: shown, never the first bug.
import socket
import threading

PORT = 9242


def handle(conn):
    with conn:
        try:
            while chunk := conn.recv(2048):
                conn.sendall(chunk)
        except ConnectionError as err:
            print("connection error:", err)


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", PORT))
    server.listen(128)
    print("listening on", server.getsockname()[:2])
    while True:
        conn, addr = server.accept()
        threading.Thread(target=handle, args=(conn,), daemon=True).start()
