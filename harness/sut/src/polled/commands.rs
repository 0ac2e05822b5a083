//! Backtick commands as far as a stack without a kernel, a device and a shell can do them.

use super::PolledStack;
use crate::commands::{Command, Program, Qdisc, Queue, Setting, executable};
use halfopen_engine::sut::SutError;

/// Does what a command line asks for; what the stack lacks is named.
pub(super) fn perform<S: PolledStack>(stack: &mut S, line: &str) -> Result<(), SutError> {
    let absent = |what: String| Err(SutError::Unsupported(format!("the stack has no {what}")));
    Program::read(line, &executable).run(&mut |command| match command {
        Command::Set(settings) | Command::SetExisting(settings) => set(stack, settings),
        // It ends with the test, so there is nothing to restore; between it and the harness is a queue without limit.
        Command::Restore(_) | Command::Qdisc(Qdisc::Delete) => Ok(()),
        Command::Qdisc(Qdisc::Add(queue) | Qdisc::Replace(queue)) => match queue {
            Queue::Pfifo { limit: None } => Ok(()),
            Queue::Pfifo { limit: Some(limit) } => absent(format!("queue of at most {limit} datagrams (pfifo)")),
            Queue::Fq => absent("pacing (tc qdisc fq)".to_owned()),
        },
        Command::Offload(offloads) if offloads.iter().all(|(_, on)| !on) => Ok(()),
        Command::Offload(_) => absent("offloads (ethtool)".to_owned()),
        Command::FlushMetrics => absent("memory of destinations that could be flushed (ip tcp_metrics)".to_owned()),
        Command::Shell(text) => absent(format!("shell for `{text}`")),
    })
}

/// Sets each tunable; the first refusal is told.
fn set<S: PolledStack>(stack: &mut S, settings: &[Setting]) -> Result<(), SutError> {
    for setting in settings {
        match stack.sysctl(&setting.name(), &setting.value) {
            Err(SutError::Unsupported(_)) if setting.optional => {}
            result => result?,
        }
    }
    Ok(())
}
