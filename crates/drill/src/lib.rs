//! Room `drill`.
