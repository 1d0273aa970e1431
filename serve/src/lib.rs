//! Conversations × concurrency models.
