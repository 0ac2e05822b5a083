//! Runs programs: prints the command line first, so that a person can repeat it by hand.

use crate::json;
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// What a job ends with when it does not end well: one line for the closing list.
pub(crate) type Fault = String;

/// A command in the root of the workspace, without standard input.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// `cargo` with these words.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let mut command = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words);
    command
}

/// The root of the workspace: the parent of this crate's folder.
pub(crate) fn root() -> PathBuf {
    let here =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

/// Where cargo builds.
///
/// # Errors
/// When cargo cannot say.
pub(crate) fn target_dir() -> Result<PathBuf, Fault> {
    let output = cargo(&["metadata", "--no-deps", "--format-version=1"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let fields = json::fields(&text).map_err(|fault| format!("cargo metadata: {fault}"))?;
    fields
        .iter()
        .find(|(key, _)| key == "target_directory")
        .and_then(|(_, value)| json::plain_string(value))
        .map(PathBuf::from)
        .ok_or_else(|| "cargo metadata names no target_directory".to_owned())
}

/// An empty folder below the target folder, for what a job writes.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn scratch(name: &str) -> Result<PathBuf, Fault> {
    let folder = target_dir()?.join("ci").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Runs a command to its end, output passed through.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus, Fault> {
    announce(command);
    command.status().map_err(|error| format!("{}: {error}", program(command)))
}

/// Runs a command to its end, and shows in one piece what it said: for commands that run side by side.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn status_apart(command: &mut Command) -> Result<ExitStatus, Fault> {
    let output = command.output().map_err(|error| format!("{}: {error}", program(command)))?;
    let [out, err] = [&output.stdout, &output.stderr].map(|octets| String::from_utf8_lossy(octets));
    println!("$ {}\n{out}{err}", line(command));
    Ok(output.status)
}

/// Runs a command that has to succeed.
///
/// # Errors
/// When it does not.
pub(crate) fn succeed(command: &mut Command) -> Result<(), Fault> {
    let status = status(command)?;
    if status.success() { Ok(()) } else { Err(format!("`{}`: {status}", line(command))) }
}

/// Runs a command, shows every line of its standard output as it comes, and hands it to `see`.
///
/// # Errors
/// When it cannot be started, or its output cannot be read.
pub(crate) fn stream(command: &mut Command, mut see: impl FnMut(&str)) -> Result<ExitStatus, Fault> {
    announce(command);
    let failed = |error: std::io::Error, command: &Command| format!("{}: {error}", program(command));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| failed(error, command))?;
    let mut output = BufReader::new(child.stdout.take().ok_or("no pipe for standard output")?);
    let mut octets = Vec::new();
    while output.read_until(b'\n', &mut octets).map_err(|error| failed(error, command))? > 0 {
        let text = String::from_utf8_lossy(&octets);
        let line = text.trim_end_matches(['\n', '\r']);
        println!("{line}");
        see(line);
        octets.clear();
    }
    child.wait().map_err(|error| failed(error, command))
}

/// Runs a command that has to succeed, and hands back what it writes to standard output.
///
/// # Errors
/// When it does not.
pub(crate) fn captured(command: &mut Command) -> Result<String, Fault> {
    announce(command);
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| format!("{}: {error}", program(command)))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("`{}`: {}", line(command), output.status))
    }
}

/// Whether rustup has these components, after asking it for them. `--toolchain` may be among the words.
pub(crate) fn rustup_has(components: &[&str]) -> bool {
    answers("rustup", &[&["component", "add"], components].concat())
}

/// Whether a program can be started at all with these words, and succeeds.
pub(crate) fn answers(program: &str, words: &[&str]) -> bool {
    command(program)
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Prints the command as a person would type it.
fn announce(command: &Command) {
    println!("$ {}", line(command));
}

/// The program as it can be called from the root: by name when it is searched for (cargo is, though we know its path).
fn program(command: &Command) -> String {
    let path = Path::new(command.get_program());
    if path.file_name() == Some(OsStr::new("cargo")) {
        return "cargo".to_owned();
    }
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The command line with the environment that was added to it.
fn line(command: &Command) -> String {
    let mut words = Vec::new();
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            words.push(format!("{}={}", key.to_string_lossy(), quoted(&value.to_string_lossy())));
        }
    }
    words.push(quoted(&program(command)));
    words.extend(command.get_args().map(|word| quoted(&word.to_string_lossy())));
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_can_be_pasted_into_a_shell() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["test", "a b", "it's", ""]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(line(&command), r"RUSTDOCFLAGS='-D warnings' cargo test 'a b' 'it'\''s' ''");
    }

    #[test]
    fn own_program_is_named_from_the_root() {
        assert_eq!(line(&Command::new(root().join("target/release/halfopen"))), "target/release/halfopen");
        assert_eq!(line(&Command::new("/elsewhere/halfopen")), "/elsewhere/halfopen");
    }

    #[test]
    fn every_line_is_seen_once_even_without_a_newline() {
        let mut seen = Vec::new();
        let status =
            stream(Command::new("sh").args(["-c", r"printf 'a\nb\r\nc'; exit 3"]), |line| seen.push(line.to_owned()));
        assert_eq!(status.map(|status| status.code()), Ok(Some(3)));
        assert_eq!(seen, ["a", "b", "c"]);
    }

    #[test]
    fn root_is_where_the_workspace_is() {
        assert!(root().join("Cargo.lock").is_file(), "{}", root().display());
    }

    #[test]
    fn program_that_is_not_there_does_not_answer() {
        assert!(answers("sh", &["-c", "exit 0"]));
        assert!(!answers("sh", &["-c", "exit 1"]));
        assert!(!answers("no-such-program-anywhere", &[]));
    }
}
