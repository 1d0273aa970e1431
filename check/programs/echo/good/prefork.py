# good: four processes share one listening socket, each with a thread per client
# also: ipv4-only
import os
import signal
import socket
import threading

PORT = 9114
WORKERS = 4


def serve(conn):
    with conn:
        try:
            while data := conn.recv(4096):
                conn.sendall(data)
        except ConnectionError:
            pass


def work(server):
    while True:
        conn, _ = server.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


def main():
    server = socket.create_server(("0.0.0.0", PORT), backlog=128)
    children = []
    for _ in range(WORKERS - 1):
        pid = os.fork()
        if pid == 0:
            work(server)
        children.append(pid)

    def stop(signum, frame):
        for child in children:
            os.kill(child, signal.SIGTERM)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print("listening, pid", os.getpid(), flush=True)
    work(server)


if __name__ == "__main__":
    main()
