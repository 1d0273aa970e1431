# bug: zombies
# also: ipv4-only
# line: pid = os.fork()
# why: The parent never calls waitpid(), so every child that has ended stays in the process table in state Z.
import os
import socket

PORT = 9261


def echo(conn):
    try:
        while True:
            data = conn.recv(4096)
            if data == b"":
                return
            conn.sendall(data)
    except ConnectionError:
        pass


def main():
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", PORT))
    listener.listen(128)
    print("listening on", PORT, "pid", os.getpid(), flush=True)
    while True:
        conn, _ = listener.accept()
        pid = os.fork()
        if pid == 0:
            listener.close()
            echo(conn)
            conn.close()
            os._exit(0)
        conn.close()


if __name__ == "__main__":
    main()
