# wrong: exited-before-listening
# why: a mistake in the program ends it with a traceback before listen()
import socket

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind("0.0.0.0", 9306)
server.listen()
print("listening")
