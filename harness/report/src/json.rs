//! A run as one JSON object: `{"v":1,"tests":[...],"summary":{...}}`, with the objects of the JSON lines.

use crate::Reporter;
use crate::jsonl::{VERSION, summary_object, test_object};
use crate::record::{Record, RunInfo, Summary};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Writes the object when the run is over.
pub struct Json<W> {
    out: W,
    run: Option<RunInfo>,
    tests: BTreeMap<usize, String>,
}

impl<W: Write> Json<W> {
    /// An object to `out`.
    pub fn new(out: W) -> Self {
        Self { out, run: None, tests: BTreeMap::new() }
    }

    fn run(&self) -> &RunInfo {
        self.run.as_ref().expect("start comes before any record")
    }
}

impl<W: Write> Reporter for Json<W> {
    fn start(&mut self, run: &RunInfo) -> io::Result<()> {
        self.run = Some(run.clone());
        Ok(())
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        let test = test_object(self.run(), record)?;
        self.tests.insert(record.index, test);
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let body = summary_object(self.run(), summary)?;
        let tests: Vec<String> = std::mem::take(&mut self.tests).into_values().collect();
        writeln!(self.out, "{{\"v\":{VERSION},\"tests\":[\n{}\n],\"summary\":{body}}}", tests.join(",\n"))?;
        self.out.flush()
    }
}
