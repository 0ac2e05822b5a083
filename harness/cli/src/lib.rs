//! The binary `halfopen` as a library: [`main_with`] is the whole tool with SUTs of the caller's own, through one of two seams. A [`Sut`]
//! can be anything; a [`PolledStack`](polled::PolledStack) is the shorter way for a stack that runs in this process.
//!
//! The modules are for the binary's own tests and benchmarks, and no stable interface.

pub mod adapter;
pub mod admission;
pub mod again;
pub mod args;
pub mod campaign;
pub mod captures;
pub mod clock;
pub mod commands;
pub mod compat;
pub mod coverage;
pub mod diff;
#[cfg(target_os = "linux")]
pub mod differential;
#[cfg(target_os = "linux")]
pub mod doctor;
pub mod expect;
pub mod expression;
pub mod fake;
pub mod fault;
pub mod folder;
pub mod fuzzed;
pub mod observe;
pub mod output;
pub mod pages;
pub mod partition;
pub mod register;
pub mod repeats;
pub mod schedule;
pub mod select;
pub mod simulation;
pub mod specs;
pub mod suite;
pub mod sut;
pub mod watched;

pub use adapter::{Adapter, main_with, run_with};
pub use halfopen_engine as engine;
pub use halfopen_engine::sut::{Setup, Sut, SutError};
pub use halfopen_sut::polled;

/// Version of this program, with the commit that it was built from where there was one.
pub const VERSION: &str = env!("HALFOPEN_VERSION");
