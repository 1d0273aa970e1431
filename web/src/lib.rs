//! The workbench: API, event stream and assets.
