//! Room `epi`.
