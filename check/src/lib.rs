//! The judge: contracts, probes, the bug catalogue and the verdict.
