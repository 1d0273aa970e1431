# bug: epipe-kills-server
# also: ipv4-only
# line: signal.signal(signal.SIGPIPE, signal.SIG_DFL)
# why: With the default action, a second send() after the peer has gone kills the process by SIGPIPE before any except clause runs.
import signal
import socket
import threading

HOST = "0.0.0.0"
PORT = 9217


def send(conn, data):
    try:
        conn.sendall(data)
    except ConnectionResetError:
        conn.sendall(data)      # once more, in case it was a hiccup


def serve(conn, addr):
    print("connected:", addr)
    with conn:
        try:
            while True:
                data = conn.recv(4096)
                if not data:
                    break
                send(conn, data)
        except ConnectionError as err:
            print("lost:", addr, err)
    print("bye:", addr)


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
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
