//! Backtick commands without a shell: what scripts ask for nearly always is read here and done by the SUT itself.
//!
//! A shell with its programs costs a test a hundred times what the kernel needs for the same, so [`Program::read`] takes apart a text, and
//! the shell script that it names, into [`Command`]s. What it does not understand stays text, a [`Command::Shell`]: whole lines of
//! it where the lines around it need no shell, and everything as soon as one line could change what the next one means to a shell
//! (variables, `cd`, `if`, ...). Lines are read as bash reads them; `&>` is a redirection.
//!
//! Pure: files are read by a function that the caller gives, and nothing is executed here.

mod arithmetic;
mod programs;
mod text;

pub(crate) use arithmetic::value;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// Scripts that name each other are followed this far.
const DEPTH: u8 = 4;

/// What a text comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    steps: Vec<Step>,
    /// The text consists of parameters only and stands in the test itself: each of them has to hold.
    strict: bool,
}

/// A command, and when it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    join: Join,
    action: Action,
}

/// What the command before decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    /// Nothing.
    Always,
    /// `&&`
    And,
    /// `||`
    Or,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Command(Command),
    /// A shell script, read from disk.
    Script(Program),
}

/// One command. It fails or succeeds as the program of its name does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// `sysctl`: all of them are tried, and each has to be accepted.
    Set(Vec<Setting>),
    /// `set_sysctls.py` of packetdrill's scripts: each has to exist, whether it is accepted or not.
    SetExisting(Vec<Setting>),
    /// The script that `set_sysctls.py` writes, to undo what it did; with its text, for whom has something to undo.
    Restore(String),
    /// `ip tcp_metrics flush all`
    FlushMetrics,
    /// `tc qdisc`, at the root of the test's device.
    Qdisc(Qdisc),
    /// `ethtool -K` of the test's device.
    Offload(Vec<(Offload, bool)>),
    /// What only a shell can do.
    Shell(String),
}

/// One parameter and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Parts separated by slashes, `net/ipv4/tcp_ecn`.
    path: String,
    /// The value, quotes removed.
    pub(crate) value: String,
    /// An unknown name is no error.
    pub(crate) optional: bool,
}

impl Setting {
    /// Below `/proc/sys`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// As people write it, `net.ipv4.tcp_ecn`.
    pub(crate) fn name(&self) -> String {
        self.path
            .chars()
            .map(|c| {
                if c == '/' {
                    '.'
                } else if c == '.' {
                    '/'
                } else {
                    c
                }
            })
            .collect()
    }
}

/// What happens to a queueing discipline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Qdisc {
    /// A new one takes the place of the default.
    Add(Queue),
    /// A new one takes the place of whichever is there.
    Replace(Queue),
    /// The default comes back.
    Delete,
}

/// A queueing discipline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// First in, first out, of at most this many datagrams; by default the device's queue length.
    Pfifo {
        /// Datagrams.
        limit: Option<u32>,
    },
    /// Fair queueing with pacing.
    Fq,
}

/// What a device may do for the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offload {
    /// Generic segmentation.
    Gso,
    /// TCP segmentation.
    Tso,
}

/// The text of an executable file, when there is one at this path.
pub(crate) type Files<'a> = dyn Fn(&str) -> Option<String> + 'a;

impl Program {
    /// Reads a text. Nothing is refused: what is not understood is a command for a shell.
    pub(crate) fn read(text: &str, files: &Files<'_>) -> Self {
        let steps = Self::steps(text, files, DEPTH).unwrap_or_else(|| {
            let action = Action::Command(Command::Shell(text.to_owned()));
            vec![Step { join: Join::Always, action }]
        });
        let settings = |step: &Step| step.join != Join::Or && matches!(step.action, Action::Command(Command::Set(_)));
        let strict = steps.iter().all(settings);
        Self { steps, strict }
    }

    /// The commands of a text; `None` when it is for a shell as a whole.
    fn steps(text: &str, files: &Files<'_>, depth: u8) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        for line in text::lines(text)? {
            match Self::line(&line, files, depth) {
                Some(known) => steps.extend(known),
                None if line.stands_alone() => {
                    let action = Action::Command(Command::Shell(line.text.to_owned()));
                    steps.push(Step { join: Join::Always, action });
                }
                None => return None,
            }
        }
        Some(steps)
    }

    /// The commands of one line, when each of them is known.
    fn line(line: &text::Line<'_>, files: &Files<'_>, depth: u8) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        for (join, words) in line.commands()? {
            let action = match programs::command(&words, files) {
                Some(command) => Action::Command(command),
                None => Action::Script(Self::script(&words, files, depth.checked_sub(1)?)?),
            };
            steps.push(Step { join, action });
        }
        Some(steps)
    }

    /// A shell script without arguments, when each line of it is known.
    fn script(words: &[String], files: &Files<'_>, depth: u8) -> Option<Self> {
        let [path] = words else { return None };
        let text = files(path).filter(|_| path.contains('/'))?;
        let interpreter = text.lines().next()?.strip_prefix("#!")?;
        let shell = interpreter.split_whitespace().last()?.rsplit('/').next()?;
        if !matches!(shell, "sh" | "bash" | "dash") {
            return None;
        }
        let steps = Self::steps(&text, files, depth)?;
        let program = Self { steps, strict: false };
        // A script is run by the interpreter that it names, so no line of it goes elsewhere.
        (!program.needs_shell()).then_some(program)
    }

    pub(crate) fn needs_shell(&self) -> bool {
        self.steps.iter().any(|step| match &step.action {
            Action::Command(command) => matches!(command, Command::Shell(_)),
            Action::Script(program) => program.needs_shell(),
        })
    }

    /// Commands of the test's own text, not of shell scripts that it starts, whose failure nothing answers.
    pub(crate) fn demands(&self) -> impl Iterator<Item = &Command> {
        let answered = |index: usize| self.steps.get(index + 1).is_some_and(|next| next.join == Join::Or);
        self.steps.iter().enumerate().filter_map(move |(index, step)| match &step.action {
            Action::Command(command) if !answered(index) => Some(command),
            Action::Command(_) | Action::Script(_) => None,
        })
    }

    /// Has each command performed that a shell would run, and comes to what the last one came to.
    ///
    /// Where a test's own text consists of parameters only, the first that fails ends it: a test that runs without what it asks
    /// for says nothing.
    pub(crate) fn run<E>(&self, perform: &mut dyn FnMut(&Command) -> Result<(), E>) -> Result<(), E> {
        let mut status = Ok(());
        for step in &self.steps {
            if self.strict && step.join == Join::Always && status.is_err() {
                return status;
            }
            let wanted = match step.join {
                Join::Always => true,
                Join::And => status.is_ok(),
                Join::Or => status.is_err(),
            };
            if !wanted {
                continue;
            }
            status = match &step.action {
                Action::Command(command) => perform(command),
                Action::Script(program) => program.run(perform),
            };
        }
        status
    }
}

thread_local! {
    /// Where commands of tests that this thread runs start.
    static FOLDER: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Has the commands of tests that this thread runs from now on name their files relative to a directory.
pub(crate) fn start_in(directory: &Path) {
    FOLDER.set(Some(directory.to_path_buf()));
}

/// The text of an executable file, as [`Program::read`] wants it.
pub(crate) fn executable(path: &str) -> Option<String> {
    let path = FOLDER.with_borrow(|folder| folder.as_ref().map_or_else(|| path.into(), |folder| folder.join(path)));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).ok()?.permissions().mode();
        if mode & 0o111 == 0 {
            return None;
        }
    }
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests;
