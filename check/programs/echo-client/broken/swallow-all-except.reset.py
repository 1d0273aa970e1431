# bug: swallow-all-except
# Every error is caught and nothing is said.
import socket
import sys


def main():
    host, port, text = sys.argv[1:4]
    data = text.encode()
    with socket.create_connection((host, int(port)), timeout=2) as conn:
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
    print("echo failed:", err)
