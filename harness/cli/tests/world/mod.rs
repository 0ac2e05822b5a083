//! A specs folder of a few scripts, and the built binary run on them with the fake SUT.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const RULES: &str = r#"
rfc = 9293
title = "Transmission Control Protocol (TCP)"

[[rule]]
id = "rfc9293/3.10.7.1/closed-no-ack"
label = "SEGMENT ARRIVES"
level = "spec"
section = "3.10.7.1"
observable = "wire"
text = "A segment without ACK to a closed port draws a reset that acknowledges it."
note = "Not for a segment with RST."

[[rule]]
id = "rfc9293/3.10.7.1/closed-slow"
label = "SHLD-99"
level = "should"
section = "3.10.7.1"
observable = "wire"
text = "The reset comes at once."
"#;

/// The body that every script shares: a SYN to a closed port, and its reset.
pub(crate) const EXCHANGE: &str = "0 < S 0:0(0) win 65535\n+0 > R. 0:0(0) ack 1\n";

/// A folder with `specs/`, in which commands run.
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    /// Scripts `(name, command, level)` of section 3.10.7.1, over IPv4.
    pub(crate) fn new(scripts: &[(&str, &str)]) -> Self {
        let world = Self { folder: TempDir::new().expect("a scratch folder") };
        world.write("specs/rfc9293/rules.toml", RULES);
        for (name, command) in scripts {
            world.script(name, command);
        }
        world
    }

    /// One script that tells the fake SUT to do something.
    pub(crate) fn script(&self, name: &str, command: &str) {
        let header =
            "//= rfc9293/3.10.7.1/closed-no-ack MUST\n// A SYN to a closed port draws a reset.\n//: family v4\n";
        let text = format!("{header}//: alias tc8:{}\n`{command}`\n{EXCHANGE}", name.to_uppercase());
        self.write(&format!("specs/rfc9293/3.10.7.1/{name}.pkt"), &text);
    }

    /// A file below the folder.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("not the root")).expect("folders can be made");
        fs::write(path, text).expect("files can be written");
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Every file below the folder, relative, in order.
    pub(crate) fn files(&self, below: &str) -> Vec<PathBuf> {
        let folder = self.path().join(below);
        if !folder.exists() {
            return Vec::new();
        }
        let files = halfopen_cli::specs::walk(&folder).expect("the folder is readable");
        files.into_iter().map(|file| file.strip_prefix(self.path()).expect("below").to_path_buf()).collect()
    }

    /// Runs `halfopen` with words that contain no blank.
    pub(crate) fn halfopen(&self, words: &str) -> Ran {
        let words: Vec<_> = words.split_whitespace().collect();
        self.words(&words)
    }

    /// `halfopen run --sut fake` and more.
    pub(crate) fn fake(&self, words: &str) -> Ran {
        self.halfopen(&format!("run --sut fake {words}"))
    }

    pub(crate) fn words(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().expect("the binary runs");
        Ran::new(&output)
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_halfopen"));
        command.args(words).current_dir(self.path()).stdin(Stdio::null());
        for name in ["HALFOPEN_SPECS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command
    }
}

/// What a run of the binary came to, with what differs from run to run taken out.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn new(output: &Output) -> Self {
        let text = |octets: &[u8]| {
            let text = String::from_utf8(octets.to_vec()).expect("output is UTF-8");
            text.lines().map(|line| steady(line) + "\n").collect()
        };
        Self {
            code: output.status.code().expect("it was not killed"),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Exit code, output, error output, for snapshots.
    pub(crate) fn page(&self) -> String {
        let stderr = if self.stderr.is_empty() { String::new() } else { format!("--- stderr\n{}", self.stderr) };
        format!("{}{stderr}--- exit {}\n", self.stdout, self.code)
    }

    /// The JSON objects of the lines of standard output.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// `(test, verdict)` of JSON lines.
    pub(crate) fn verdicts(&self) -> Vec<(String, String)> {
        let tests = self.json().into_iter().filter(|line| line.get("test").is_some());
        let text = |value: &serde_json::Value| value.as_str().expect("a string").to_string();
        tests.map(|line| (text(&line["test"]), text(&line["verdict"]))).collect()
    }
}

/// A line without what differs from run to run: wall time, run id, lines of our own code, trailing blanks.
fn steady(line: &str) -> String {
    let mut line = line.trim_end().to_string();
    if let Some(summary) = line.strip_prefix("Summary") {
        let (head, rest) = summary.split_once(" in ").expect("a wall time");
        let (_, tail) = rest.split_once(", ").expect("a time on the SUT's clock");
        line = format!("Summary{head} in <wall>, {tail}");
    }
    if let Some((head, tail)) = line.split_once("\"wall_us\":") {
        let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        line = format!("{head}\"wall_us\":0{}", &tail[digits..]);
    }
    if let Some((head, tail)) = line.split_once("fake.rs:") {
        line = format!("{head}fake.rs:<line>{}", tail.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    if let Some((head, tail)) = line.split_once("target/halfopen/") {
        let (_, tail) = tail.split_once('/').unwrap_or(("", tail));
        line = format!("{head}target/halfopen/<run>/{tail}");
    }
    line
}
