# bug: decode-per-recv
# also: non-text-crash, ipv4-only
# line: line = str(data, "utf-8")
# why: Every recv() is turned into text on its own; the child dies by UnicodeDecodeError when a syllable is cut.
import os
import signal
import socket

PORT = 9262


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
            line = str(data, "utf-8")
            conn.sendall(bytes(line, "utf-8"))
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
