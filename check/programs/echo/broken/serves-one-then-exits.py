# bug: serves-one-then-exits
# also: idle-client-blocks, empty-connection-kills, rst-kills-server, epipe-kills-server, fd-leak, slow-reader-stalls-all, output-buffer-unbounded, backlog-overflow, zombies, happy-path, ipv4-only
# line: conn, addr = server.accept()
# why: accept() is called once; when the first client leaves, the program ends.
import socket
import threading

HOST = "0.0.0.0"
PORT = 9218


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
    conn, addr = server.accept()
    client = threading.Thread(target=serve, args=(conn, addr))
    client.start()
    client.join()


if __name__ == "__main__":
    main()
