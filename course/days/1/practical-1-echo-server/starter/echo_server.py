import socket

HOST = "0.0.0.0"
PORT = 9000


def serve(conn, addr):
    print("connected:", addr)
    # (1)
    # (2)
    # (3)
    conn.close()


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.bind((HOST, PORT))
    server.listen()
    print(f"listening on {HOST}:{PORT}")
    while True:
        conn, addr = server.accept()
        serve(conn, addr)  # (4)


if __name__ == "__main__":
    main()
