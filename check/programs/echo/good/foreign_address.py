# good: bound to an address of some other machine, 10.154.0.3
# also: ipv4-only
from socket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from threading import Thread

SERVER_IP = "10.154.0.3"
SERVER_PORT = 9107
BUFSIZE = 1024


def client_thread(sock):
    with sock:
        try:
            data = sock.recv(BUFSIZE)
            while data:
                sock.sendall(data)
                data = sock.recv(BUFSIZE)
        except ConnectionError as e:
            print("client error:", e)


s = socket(AF_INET, SOCK_STREAM)
s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
s.bind((SERVER_IP, SERVER_PORT))
s.listen(64)
print("listening...")

while True:
    c, a = s.accept()
    Thread(target=client_thread, args=(c,), daemon=True).start()
