# wrong: connects-out
# why: an echo client: it calls connect() and never listens
import socket

with socket.create_connection(("127.0.0.1", 9311), timeout=5) as sock:
    sock.sendall("안녕하세요".encode())
    print("received:", sock.recv(1024).decode())
