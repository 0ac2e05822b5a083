//! The script language: packetdrill's grammar, and a few statements of ours (`docs/script-language.md`).
//!
//! Pure: text in, trees and diagnostics out. No file is opened here.
//!
//! The way of a test: [`parse()`] a file, list its [`variants`], [`expand()`] one of them into a [`test::Test`].

pub mod ast;
pub mod code;
pub mod diagnostics;
pub mod expand;
pub mod parse;
pub mod print;
pub mod sources;
pub mod symbols;
pub mod test;

pub use diagnostics::{Diagnostic, render};
pub use expand::{Library, NoFixtures, Variant, duration_hint, expand, to_packetdrill, variants};
pub use parse::parse;
pub use print::print;
pub use sources::{FileId, Sources};
