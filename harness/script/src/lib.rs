//! The script language: packetdrill's grammar, and a few statements of ours (`docs/script-language.md`).
//!
//! Pure: text in, trees and diagnostics out. No file is opened here.

pub mod ast;
pub mod test;
