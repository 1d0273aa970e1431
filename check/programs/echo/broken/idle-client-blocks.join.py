# bug: idle-client-blocks
# also: slow-reader-stalls-all, backlog-overflow, ipv4-only
# line: worker.join()
# why: join() right after start() waits until this client has left.
import socket
import threading

HOST = "0.0.0.0"
PORT = 9223


def serve(conn, addr):
    print("connected:", addr)
    with conn:
        try:
            while True:
                data = conn.recv(4096)
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
        worker = threading.Thread(target=serve, args=(conn, addr), daemon=True)
        worker.start()
        worker.join()


if __name__ == "__main__":
    main()
