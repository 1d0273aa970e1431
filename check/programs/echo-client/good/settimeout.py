# The time limit is set on the socket.
import socket
import sys


def main():
    host, port, text = sys.argv[1:4]
    data = text.encode()
    with socket.socket() as conn:
        conn.settimeout(2)
        conn.connect((host, int(port)))
        conn.sendall(data)
        reply = b""
        while len(reply) < len(data):
            piece = conn.recv(4096)
            if not piece:
                sys.exit("the server closed too early")
            reply += piece
    print(reply.decode())


try:
    main()
except OSError as err:
    sys.exit(f"echo failed: {err}")
