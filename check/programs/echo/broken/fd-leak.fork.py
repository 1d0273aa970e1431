# bug: fd-leak
# also: half-close-mishandled, ipv4-only
# line: children[pid] = conn
# why: The parent keeps its own copy of every accepted socket, so descriptors pile up and the child's close() sends no FIN.
import os
import signal
import socket

PORT = 9263
children = {}


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
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            echo(conn)
            conn.close()
            os._exit(0)
        children[pid] = conn


if __name__ == "__main__":
    main()
