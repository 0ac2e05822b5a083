//! Calls on files, pipes and capabilities.

use super::args::{elements, int, int32, is_null, length, misfit};
use super::lower::{After, Lowering};
use super::number;
use crate::call::SysCall;
use crate::stop::Stop;
use halfopen_script::ast::{Arg, ArgKind};

impl<'a> Lowering<'a, '_> {
    pub(super) fn other(&self) -> Result<(SysCall, After<'a>), Stop> {
        match self.call.name.node.as_str() {
            "open" => {
                let path = self.arg(0)?;
                let ArgKind::Text(path) = &path.kind else { return Err(misfit(path, "a path")) };
                Ok((SysCall::Open { path: path.clone(), flags: int32(self.arg(1)?)? }, After::OpensOther))
            }
            "pipe" => {
                let ends = self.arg(0)?;
                let [read, write] = elements(ends) else { return Err(misfit(ends, "two descriptors")) };
                Ok((SysCall::Pipe, After::Pipes { script: [int(read)?, int(write)?] }))
            }
            "splice" => {
                let (from, to) = (self.fd()?, self.fd_at(2)?);
                let (from_offset, to_offset) = (offset(self.arg(1)?)?, offset(self.arg(3)?)?);
                let (len, flags) = (length(self.arg(4)?)?, int(self.arg(5)?)? as u32);
                let call = SysCall::Splice { from, from_offset, to, to_offset, len, flags };
                Ok((call, After::Moves { from, to }))
            }
            "sendfile" => {
                let (to, from) = (self.fd()?, self.fd_at(1)?);
                let call = SysCall::SendFile { to, from, offset: offset(self.arg(2)?)?, len: length(self.arg(3)?)? };
                Ok((call, After::Moves { from, to }))
            }
            _ => {
                let (set, capability) = (int32(self.arg(0)?)?, int32(self.arg(1)?)?);
                let on = int(self.arg(2)?)? == number::CAP_SET;
                Ok((SysCall::CapSet { set, capability, on }, After::Plain))
            }
        }
    }
}

/// An offset that the call may move: a number, also in brackets, or `NULL`.
fn offset(arg: &Arg) -> Result<Option<i64>, Stop> {
    // `[0]` is a pointer to 0, and 0 is none.
    if is_null(arg) { Ok(None) } else { int(arg).map(Some) }
}
