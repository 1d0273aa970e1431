# wrong: never-listened
# why: opens no socket at all
import threading

print("starting...")
threading.Event().wait()
