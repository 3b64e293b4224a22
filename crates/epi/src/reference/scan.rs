//! Families of this kind.
