# wrong: client-exchange
# A server: it never connects.
import socket

server = socket.create_server(("0.0.0.0", 9000))
server.accept()
