import socket


def serve(conn, addr):
    with conn:
        try:
            while data := conn.recv(4096):
                conn.sendall(data)
        except ConnectionError as err:
            print("broken off:", addr, err)


def main():
    server = socket.create_server(("0.0.0.0", 9300), backlog=128)
    while True:
        conn, addr = server.accept()
        serve(conn, addr)


main()
