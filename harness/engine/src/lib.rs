//! Executes a [`halfopen_script::test::Test`] against a [`sut::Sut`]: live/script mapping, strict matching, verdict, trace.
//!
//! Pure: it reads no clock and opens nothing; time and octets come through the [`sut::Sut`].

mod assemble;
pub mod call;
mod calling;
mod calls;
mod compose;
mod control;
mod exchange;
mod expect;
pub mod fake;
mod ip_words;
mod mapping;
mod outbound;
pub mod outcome;
pub mod packet;
pub mod pattern;
mod run;
mod setup;
mod steps;
mod stop;
pub mod sut;
mod tcp_options;
mod timestamps;
mod timing;
mod udp;
mod view;

pub use run::{run, run_caught};
pub use setup::RunOptions;
