import socket
import threading

HOST = "0.0.0.0"
PORT = 9000


def serve(conn, addr):
    print("connected:", addr)
    with conn:
        try:
            while data := conn.recv(4096):
                conn.sendall(data)
        except ConnectionError as err:
            print("broken off:", addr, err)
    print("closed:", addr)


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
