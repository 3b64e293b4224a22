//! Room `interop`.
