# bug: no-reuseaddr
# also: ipv4-only
# line: server.bind((HOST, PORT))
# why: Without SO_REUSEADDR before this line, bind() fails while an old connection is still in TIME_WAIT.
import socket
import threading

HOST = "0.0.0.0"
PORT = 9225


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
    server.bind((HOST, PORT))
    server.listen(128)
    print(f"listening on {HOST}:{PORT}")
    while True:
        conn, addr = server.accept()
        threading.Thread(target=serve, args=(conn, addr), daemon=True).start()


if __name__ == "__main__":
    main()
