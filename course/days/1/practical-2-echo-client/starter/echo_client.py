import socket
import sys


def main():
    host, port, text = sys.argv[1:4]
    data = text.encode()
    with socket.create_connection((host, int(port))) as conn:
        conn.sendall(data)
        # read the reply
        # until it is whole
    print()


main()
