"""Level 0 in Python: peer.py send PORT FILE NAME | peer.py serve FOLDER (prints its port, takes files until one is done)"""
import hashlib, os, socket, struct, sys, zlib

HEADER = struct.Struct(">4sBBHQI")  # magic, type, flags, length of name, offset, length of payload
OFFER, ACCEPT, DATA, DONE, ERR = 1, 2, 3, 4, 5


def write(sock, kind, name=b"", offset=0, payload=b""):
    frame = HEADER.pack(b"TGF0", kind, 0, len(name), offset, len(payload)) + name + payload
    sock.sendall(frame + struct.pack(">I", zlib.crc32(frame)))


def exactly(sock, length):
    data = b""
    while len(data) < length:
        piece = sock.recv(length - len(data))
        if not piece:
            raise EOFError("ended in the middle of a frame")
        data += piece
    return data


def read(sock, *expected):
    header = exactly(sock, HEADER.size)
    magic, kind, _flags, name_length, offset, length = HEADER.unpack(header)
    rest = exactly(sock, name_length + length)
    (crc,) = struct.unpack(">I", exactly(sock, 4))
    assert magic == b"TGF0" and crc == zlib.crc32(header + rest)
    if kind not in expected:
        raise RuntimeError(rest[name_length:].decode())
    return kind, rest[:name_length].decode(), offset, rest[name_length:]


def send(sock, path, name):
    content = open(path, "rb").read()
    write(sock, OFFER, name.encode(), len(content))
    start = read(sock, ACCEPT)[2]
    for at in range(start, len(content), 32768):
        write(sock, DATA, offset=at, payload=content[at : at + 32768])
    digest = hashlib.sha256(content).digest()
    write(sock, DONE, offset=len(content), payload=digest)
    assert read(sock, DONE)[3] == digest
    print(f"resumed at {start}, confirmed")


def receive(sock, folder):
    _, name, length, _ = read(sock, OFFER)
    part = os.path.join(folder, f".{os.path.basename(name)}.part")  # the final name only when it is whole
    have = open(part, "rb").read() if os.path.exists(part) else b""
    digest, at = hashlib.sha256(have), len(have)
    write(sock, ACCEPT, offset=at)
    with open(part, "ab") as file:
        while (frame := read(sock, DATA, DONE))[0] == DATA:
            assert frame[2] == at
            file.write(frame[3])
            digest.update(frame[3])
            at += len(frame[3])
    assert at == length and frame[3] == digest.digest()
    os.replace(part, os.path.join(folder, os.path.basename(name)))
    write(sock, DONE, offset=length, payload=digest.digest())
    print(f"received {name}")


if sys.argv[1] == "send":
    with socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=60) as sock:
        send(sock, sys.argv[3], sys.argv[4])
else:
    with socket.create_server(("127.0.0.1", 0)) as door:
        print(door.getsockname()[1], flush=True)
        receive(door.accept()[0], sys.argv[2])
