# bug: rst-kills-server
# also: epipe-kills-server, swallow-all-except, ipv4-only
# line: os._exit(1)
# why: A reset by one client is treated as fatal for the whole process.
import os
import socket
import threading

HOST = "0.0.0.0"
PORT = 9215


def serve(conn, addr):
    print("connected:", addr)
    with conn:
        try:
            while True:
                data = conn.recv(4096)
                if not data:
                    break
                conn.sendall(data)
        except ConnectionError as err:
            print("network error:", addr, err)
            os._exit(1)
    print("bye:", addr)


def main():
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
