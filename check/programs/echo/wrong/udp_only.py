# wrong: udp-only
# why: an echo server, but over UDP
import socket

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("0.0.0.0", 9310))
print("listening on UDP port 9310")
while True:
    data, addr = sock.recvfrom(65535)
    sock.sendto(data, addr)
