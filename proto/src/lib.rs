//! Conversations without I/O: `handle(event, now) -> actions`.
