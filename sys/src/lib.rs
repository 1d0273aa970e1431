//! The only `unsafe` room: one function ≈ one man page.
