"""Asks the clock for the time: ask.py PORT"""
import socket
import struct
import sys
import time

PACKET = struct.Struct(">4sBBHIQQQ")
TICK, ASK, ANSWER = 1, 2, 3

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(10)
sent = time.time_ns()
sock.sendto(PACKET.pack(b"TGCK", ASK, 0, 0, 7, sent, 0, 0), ("127.0.0.1", int(sys.argv[1])))
magic, kind, _, _, number, t1, t2, t3 = PACKET.unpack(sock.recv(2048))
assert (magic, kind, t1) == (b"TGCK", ANSWER, sent)
assert sent <= t2 <= t3 <= time.time_ns()
print("answer", number)
