//! A private network inside the user's machine: hosts, a link with fates, taps, and the programs run on it.
