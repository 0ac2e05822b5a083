//! What a run prints: for people, and in the formats that programs read; captures of the exchanges.
//!
//! Everything here is made from [`record::Record`] and [`record::Summary`] values, of a run under way or of one read back ([`stored`]);
//! nothing is judged here, and no file is opened: a reporter writes to whatever it was given.

pub mod compare;
pub mod html;
pub mod human;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod ktap;
pub mod ladder;
pub mod md;
pub mod pcapng;
pub mod record;
pub mod segments;
pub mod stored;
pub mod tables;
pub mod text;

use record::{Record, RunInfo, Summary};
use std::io;

/// Receives a run as it happens.
pub trait Reporter {
    /// Before the first test.
    fn start(&mut self, run: &RunInfo) -> io::Result<()>;

    /// A test has its final verdict. Records come in the order in which they become final;
    /// [`Record::index`] is their place in the stable order.
    fn record(&mut self, record: &Record) -> io::Result<()>;

    /// Every test has been reported.
    fn finish(&mut self, summary: &Summary) -> io::Result<()>;
}
