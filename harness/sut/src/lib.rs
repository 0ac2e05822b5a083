//! The systems under test, behind one trait: the reference stack and smoltcp on a virtual clock, the Linux kernel in a namespace of
//! its own, and through [`polled`] any stack that its caller drives.
//!
//! All access of the harness to the operating system is in this crate, in [`linux`]; unsafe code is allowed there and nowhere else.

mod commands;
pub mod epoll;
#[cfg(target_os = "linux")]
pub mod linux;
mod numbers;
mod patience;
pub mod polled;
pub mod reference;
pub mod smoltcp;

use halfopen_engine::sut::Sut;
pub use halfopen_engine::sut::SutError;
use std::path::Path;

/// The value of what stands between `$((` and `))` in a backtick command, if it is an expression of constants.
pub fn arithmetic(text: &str) -> Option<i64> {
    commands::value(text)
}

/// Whether a backtick command, or a line of it, takes a shell; what does not is done by the SUT itself.
pub fn needs_shell(text: &str) -> bool {
    commands::Program::read(text, &|_| None).needs_shell()
}

/// Names that [`open`] knows, each with its runners; the first runner is the default.
pub fn names() -> &'static [(&'static str, &'static [&'static str])] {
    &[("reference", &["sim", "tun", "veth"]), ("linux", &["tun"]), ("smoltcp", &["sim"])]
}

/// Makes a SUT by name. Without a runner it is the default one of [`names`].
///
/// The value belongs to the thread that makes it: the kernel adapter moves the calling thread into a network namespace.
///
/// # Errors
/// `Unsupported` for a name, runner or profile that does not exist; `Environment` when this host cannot run it.
pub fn open(name: &str, runner: Option<&str>, profile: Option<&str>) -> Result<Box<dyn Sut>, SutError> {
    match (name, runner) {
        ("reference", None | Some("sim")) => Ok(Box::new(reference::Reference::new(profile)?)),
        ("reference", Some(runner @ ("tun" | "veth"))) => open_hosted(runner, profile),
        ("linux", None | Some("tun")) => open_linux(profile),
        ("smoltcp", None | Some("sim")) => smoltcp::open(profile),
        _ => Err(unknown(name, runner)),
    }
}

/// Has the backtick commands of tests that this thread runs from now on start in a directory; those of other threads stay where they
/// are. Scripts name their helpers relative to themselves.
///
/// # Errors
/// `Environment` when there is no such directory, for the kernel, whose commands may be programs.
pub fn work_in(name: &str, directory: &Path) -> Result<(), SutError> {
    commands::start_in(directory);
    #[cfg(target_os = "linux")]
    if name == "linux" {
        return linux::work_in(directory);
    }
    let _ = name;
    Ok(())
}

#[cfg(target_os = "linux")]
fn open_hosted(runner: &str, profile: Option<&str>) -> Result<Box<dyn Sut>, SutError> {
    use linux::hosted::{Attachment, Hosted};
    let attachment = if runner == "tun" { Attachment::Tun } else { Attachment::Veth };
    Ok(Box::new(Hosted::new(profile, attachment)?))
}

#[cfg(not(target_os = "linux"))]
fn open_hosted(runner: &str, _profile: Option<&str>) -> Result<Box<dyn Sut>, SutError> {
    Err(SutError::Environment(format!("the runner `{runner}` works on Linux only")))
}

#[cfg(target_os = "linux")]
fn open_linux(profile: Option<&str>) -> Result<Box<dyn Sut>, SutError> {
    match profile {
        None => Ok(Box::new(linux::Linux::new()?)),
        Some(profile) => Err(SutError::Unsupported(format!("the kernel has no profiles, so no `{profile}`"))),
    }
}

#[cfg(not(target_os = "linux"))]
fn open_linux(_profile: Option<&str>) -> Result<Box<dyn Sut>, SutError> {
    Err(SutError::Environment("the SUT `linux` runs on Linux only".to_owned()))
}

fn unknown(name: &str, runner: Option<&str>) -> SutError {
    let Some((_, runners)) = names().iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = names().iter().map(|(known, _)| *known).collect();
        return SutError::Unsupported(format!("no SUT is named `{name}`; there are {}", known.join(", ")));
    };
    let runner = runner.unwrap_or_default();
    SutError::Unsupported(format!("the SUT `{name}` has no runner `{runner}`; it has {}", runners.join(", ")))
}
