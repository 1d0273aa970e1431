# good: one process per client, children reaped on SIGCHLD
# also: ipv4-only
import os
import signal
import socket

PORT = 9105


def reap(signum, frame):
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


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
    signal.signal(signal.SIGCHLD, reap)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", PORT))
    listener.listen(128)
    print("listening on", PORT, "pid", os.getpid(), flush=True)
    while True:
        conn, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            echo(conn)
            conn.close()
            os._exit(0)
        conn.close()


if __name__ == "__main__":
    main()
