# bug: swallow-all-except
# also: decode-per-recv, non-text-crash, swallowed-task-error, ipv4-only
# line: except Exception:
# why: The empty clause hides the UnicodeDecodeError: the bytes of that recv() vanish, and the connection goes on as if nothing had happened.
import socket
import threading

HOST = "0.0.0.0"
PORT = 9267


def serve(conn, addr):
    print("connected:", addr)
    with conn:
        try:
            while True:
                data = conn.recv(4096)
                if not data:
                    break
                try:
                    conn.sendall(data.decode().encode())
                except ConnectionError:
                    raise
                except Exception:
                    pass
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
