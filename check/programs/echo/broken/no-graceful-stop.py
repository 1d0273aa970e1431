# bug: no-graceful-stop
# also: half-close-mishandled, ipv4-only
# line: conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
# why: On SIGTERM every open connection is reset instead of closed, and replies not yet delivered are lost.
import os
import signal
import socket
import struct
import threading

HOST = "0.0.0.0"
PORT = 9264

clients = set()


def stop(signum, frame):
    for conn in list(clients):
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()
    os._exit(0)


def serve(conn, addr):
    print("connected:", addr)
    clients.add(conn)
    with conn:
        try:
            while True:
                data = conn.recv(4096)
                if not data:
                    break
                conn.sendall(data)
        except ConnectionError as err:
            print("lost:", addr, err)
        clients.discard(conn)
    print("bye:", addr)


def main():
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((HOST, PORT))
    server.listen(128)
    print(f"listening on {HOST}:{PORT}")
    while True:
        conn, addr = server.accept()
        threading.Thread(target=serve, args=(conn, addr), daemon=True).start()


if __name__ == "__main__":
    main()
