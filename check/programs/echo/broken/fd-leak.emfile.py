# bug: fd-leak
# also: half-close-mishandled, idle-client-blocks, backlog-overflow, ipv4-only
# line: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
# why: Sockets are kept in a list and never closed; with 24 descriptors, as on a small board, accept() fails with EMFILE at the 20th client and the server ends.
import resource
import socket
import threading

HOST = "0.0.0.0"
PORT = 9231

history = []


def serve(conn, addr):
    print("connected:", addr)
    history.append((addr, conn))
    try:
        while True:
            data = conn.recv(4096)
            if not data:
                break
            conn.sendall(data)
        conn.shutdown(socket.SHUT_RDWR)
    except OSError as err:
        print("lost:", addr, err)
    print("bye:", addr)


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
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
