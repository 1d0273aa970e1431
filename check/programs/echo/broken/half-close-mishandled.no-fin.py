# bug: half-close-mishandled
# also: fd-leak, ipv4-only
# line: clients.append(conn)
# why: The list keeps the socket alive and nobody calls close(), so after the client's FIN the connection stays in CLOSE_WAIT for ever.
import socket
import threading

HOST = "0.0.0.0"
PORT = 9229

clients = []


def serve(conn, addr):
    print("connected:", addr)
    clients.append(conn)
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
        threading.Thread(target=serve, args=(conn, addr), daemon=True).start()


if __name__ == "__main__":
    main()
