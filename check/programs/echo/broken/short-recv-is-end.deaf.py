# bug: short-recv-is-end
# also: happy-path, decode-per-recv, half-close-mishandled, fd-leak, ipv4-only
# line: stop.wait()
# why: Replies to the first recv() only, then neither reads nor closes: later bytes stay in the receive queue.
import socket
import threading

HOST = "0.0.0.0"
PORT = 9208

stop = threading.Event()


def serve(conn, addr):
    print("connected:", addr)
    with conn:
        try:
            data = conn.recv(4096)
            conn.sendall(data)
            stop.wait()
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
