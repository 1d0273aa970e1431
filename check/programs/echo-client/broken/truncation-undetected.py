# bug: truncation-undetected
# The end of the stream is taken for the end of the reply.
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
                break
            reply += piece
    print(reply.decode())


try:
    main()
except OSError as err:
    sys.exit(f"echo failed: {err}")
