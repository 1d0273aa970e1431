# bug: eof-spin
# Reads on after the end of the stream, for ever.
import socket
import sys


def main():
    host, port, text = sys.argv[1:4]
    data = text.encode()
    with socket.create_connection((host, int(port)), timeout=2) as conn:
        conn.sendall(data)
        reply = b""
        while len(reply) < len(data):
            reply += conn.recv(4096)
    print(reply.decode())


try:
    main()
except OSError as err:
    sys.exit(f"echo failed: {err}")
