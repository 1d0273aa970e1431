# good: threads, one socket for IPv4 and IPv6
# also:
import socket
import threading

PORT = 9109


def handle(conn):
    with conn:
        try:
            while chunk := conn.recv(2048):
                conn.sendall(chunk)
        except ConnectionError as err:
            print("connection error:", err)


with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", PORT))
    server.listen(128)
    print("listening on", server.getsockname()[:2])
    while True:
        conn, addr = server.accept()
        threading.Thread(target=handle, args=(conn,), daemon=True).start()
