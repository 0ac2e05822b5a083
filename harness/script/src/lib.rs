//! The script language: packetdrill's grammar, and a few statements of ours (`docs/script-language.md`).
//!
//! Pure: text in, trees and diagnostics out. No file is opened here.
//!
//! The way of a test: [`parse()`] a file, list its [`variants`], [`expand()`] one of them into a [`test::Test`].

pub mod ast;
mod checks;
pub mod code;
pub mod diagnostics;
pub mod expand;
pub mod format;
pub mod keywords;
mod lexer;
pub mod parse;
pub mod print;
pub mod silence;
pub mod sources;
mod suggest;
pub mod symbols;
pub mod test;

pub use diagnostics::{Diagnostic, render};
pub use expand::{Library, NoFixtures, Variant, check, duration_hint, expand, families, variants, variants_over};
pub use format::format;
pub use parse::parse;
pub use print::{print, to_packetdrill};
pub use silence::{Silence, SilenceKind, silences};
pub use sources::{FileId, Sources};
pub use suggest::nearest;
