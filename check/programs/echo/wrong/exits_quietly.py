# wrong: exited-before-listening
# why: nobody calls main(), so the program ends at once with status 0
import socket


def main():
    server = socket.create_server(("0.0.0.0", 9307))
    print("listening")
    while True:
        conn, addr = server.accept()
        conn.sendall(conn.recv(1024))
        conn.close()
