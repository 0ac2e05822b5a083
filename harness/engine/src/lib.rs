//! Executes a [`halfopen_script::test::Test`] against a [`sut::Sut`]: live/script mapping, strict matching, verdict, trace.
//!
//! Pure: it reads no clock and opens nothing; time and octets come through the [`sut::Sut`].

pub mod call;
pub mod outcome;
pub mod packet;
pub mod sut;
