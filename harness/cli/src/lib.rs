//! The binary `halfopen` as a library, for its own tests and benchmarks; nothing here is a stable interface.

pub mod admission;
pub mod args;
pub mod captures;
pub mod clock;
pub mod commands;
pub mod compat;
pub mod coverage;
pub mod diff;
#[cfg(target_os = "linux")]
pub mod doctor;
pub mod expect;
pub mod fake;
pub mod fault;
pub mod observe;
pub mod output;
pub mod pages;
pub mod register;
pub mod repeats;
pub mod schedule;
pub mod select;
pub mod simulation;
pub mod specs;
pub mod suite;
pub mod sut;
pub mod watched;
