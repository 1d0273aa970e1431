# bug: exact-buffer-hang
# also: short-recv-is-end, output-buffer-unbounded, ipv4-only
# line: if len(part) < 1024:
# why: Waits for a short recv() before it answers; a request of exactly 1024 bytes is followed by none.
import socket
import threading

HOST = "0.0.0.0"
PORT = 9209


def recv_all(conn):
    data = b""
    while True:
        part = conn.recv(1024)
        data += part
        if len(part) < 1024:
            return data


def serve(conn, addr):
    print("connected:", addr)
    with conn:
        try:
            while True:
                data = recv_all(conn)
                if not data:
                    break
                conn.sendall(data)
        except ConnectionError as err:
            print("lost:", addr, err)
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
