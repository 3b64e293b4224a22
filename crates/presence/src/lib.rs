//! Room `presence`.
