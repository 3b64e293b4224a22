//! Room `warehouse`.
