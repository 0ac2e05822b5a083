//! Messages of both families.
