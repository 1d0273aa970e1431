// The one connection: batches of messages in, commands out. It comes back by itself when the workbench does.

export class Socket {
  /** @param {(batch: Incoming[]) => void} hear @param {(open: boolean) => void} change */
  constructor(hear, change) {
    this.hear = hear;
    this.change = change;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.wait = 250;
    this.open();
  }

  open() {
    const socket = new WebSocket(`ws://${location.host}/api/socket`);
    this.socket = socket;
    socket.onopen = () => {
      this.wait = 250;
      this.change(true);
    };
    socket.onmessage = (event) => this.hear(JSON.parse(event.data));
    socket.onclose = () => {
      this.change(false);
      setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(this.wait * 2, 4000);
    };
  }

  /** @param {string} what @param {Record<string, unknown>} [rest] */
  ask(what, rest) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ do: what, ...rest }));
  }
}
