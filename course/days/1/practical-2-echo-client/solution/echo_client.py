import socket
import sys


def exchange(host, port, data):
    with socket.create_connection((host, port), timeout=2) as conn:
        conn.sendall(data)
        reply = b""
        while len(reply) < len(data):
            piece = conn.recv(4096)
            if not piece:
                sys.exit(f"the server closed after {len(reply)} of {len(data)} bytes")
            reply += piece
        return reply


def main():
    host, port, text = sys.argv[1:4]
    try:
        print(exchange(host, int(port), text.encode()).decode())
    except OSError as err:
        sys.exit(f"{host}:{port}: {err}")


main()
