"""Sends a file with the level-0 transfer: send.py PORT FILE NAME"""
import hashlib
import socket
import struct
import sys
import zlib

HEADER = struct.Struct(">4sBBHQI")
OFFER, ACCEPT, DATA, DONE, ERR = 1, 2, 3, 4, 5


def send(sock, kind, name=b"", offset=0, payload=b""):
    frame = HEADER.pack(b"TGF0", kind, 0, len(name), offset, len(payload)) + name + payload
    sock.sendall(frame + struct.pack(">I", zlib.crc32(frame)))


def read(sock, length):
    data = b""
    while len(data) < length:
        piece = sock.recv(length - len(data))
        if not piece:
            raise EOFError("the server ended in the middle of a frame")
        data += piece
    return data


def receive(sock, expected):
    header = read(sock, HEADER.size)
    magic, kind, _flags, name_length, offset, length = HEADER.unpack(header)
    rest = read(sock, name_length + length)
    (crc,) = struct.unpack(">I", read(sock, 4))
    assert magic == b"TGF0" and crc == zlib.crc32(header + rest)
    payload = rest[name_length:]
    if kind != expected:
        raise RuntimeError(payload.decode())
    return offset, payload


def main():
    port, path, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    content = open(path, "rb").read()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        send(sock, OFFER, name.encode(), len(content))
        start, _ = receive(sock, ACCEPT)
        for at in range(start, len(content), 32768):
            send(sock, DATA, offset=at, payload=content[at : at + 32768])
        digest = hashlib.sha256(content).digest()
        send(sock, DONE, offset=len(content), payload=digest)
        _, confirmed = receive(sock, DONE)
        assert confirmed == digest
    print(f"resumed at {start}, confirmed")


main()
