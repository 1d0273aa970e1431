//! Human language: what findings, bugs and verdicts say, in Korean and English.
