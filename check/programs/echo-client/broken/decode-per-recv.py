# bug: decode-per-recv
# Each piece is decoded by itself.
import socket
import sys


def main():
    host, port, text = sys.argv[1:4]
    data = text.encode()
    with socket.create_connection((host, int(port)), timeout=2) as conn:
        conn.sendall(data)
        reply = ""
        while len(reply.encode()) < len(data):
            piece = conn.recv(4096)
            if not piece:
                sys.exit("the server closed too early")
            reply += piece.decode()
    print(reply)


main()
