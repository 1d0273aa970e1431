# good: on SIGTERM finishes every reply, closes with FIN and ends
# also: ipv4-only
import signal
import socket
import threading

PORT = 9116
clients = set()
lock = threading.Lock()


def serve(conn):
    with conn:
        try:
            while data := conn.recv(4096):
                conn.sendall(data)
        except ConnectionError as err:
            print("client:", err)
        with lock:
            clients.discard(conn)


def stop(signum, frame):
    raise SystemExit


def main():
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with socket.create_server(("", PORT), backlog=128) as server:
        print("listening on port", PORT)
        while True:
            conn, _ = server.accept()
            with lock:
                clients.add(conn)
            threading.Thread(target=serve, args=(conn,)).start()


try:
    main()
finally:
    with lock:
        for conn in clients:
            try:
                conn.shutdown(socket.SHUT_RD)   # recv() gives what is left, then b""
            except OSError:
                pass                            # it has gone already
    print("stopped")
