# wrong: never-listened
# why: bound, but listen() was forgotten; the program waits for ever
import socket
import time

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind(("0.0.0.0", 9308))
print("server started")
while True:
    time.sleep(1)
