//! What a script's commands ask for, done without a program.

use super::netlink::{Message, Netlink};
use super::{Linux, environment, not_started, sysctl};
use crate::commands::{Command, Offload, Qdisc, Queue, Setting};
use halfopen_engine::sut::SutError;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::os::fd::AsRawFd as _;

/// `linux/pkt_sched.h`, `linux/rtnetlink.h`
const TC_H_ROOT: u32 = u32::MAX;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
/// `linux/ethtool.h`
const ETHTOOL_STSO: u32 = 0x1f;
const ETHTOOL_SGSO: u32 = 0x24;
/// `linux/tcp_metrics.h`
const TCP_METRICS_CMD_DEL: u8 = 2;

/// `ethtool_value`
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

nix::ioctl_write_ptr_bad!(siocethtool, 0x8946, libc::ifreq);

impl Linux {
    /// Does what one command asks for.
    pub(super) fn perform(&mut self, command: &Command) -> Result<(), SutError> {
        let test = self.test.as_mut().ok_or_else(not_started)?;
        match command {
            Command::Set(settings) => self.set(settings),
            Command::SetExisting(settings) if settings.iter().all(|setting| setting.path().starts_with("net/")) => {
                test.restorable = true;
                self.set_existing(settings)
            }
            // It changes more than the namespace, so its script has something to restore.
            Command::SetExisting(settings) => {
                let name = settings.first().map(Setting::name).unwrap_or_default();
                Err(SutError::Unsupported(format!("sysctl {name}, which is not the namespace's")))
            }
            Command::Restore(_) if test.restorable => Ok(()),
            Command::Shell(text) => match parameter_of_module(text) {
                Some(status) => status,
                None => test.shells.run(text),
            },
            Command::Restore(text) => test.shells.run(text),
            Command::FlushMetrics => flush_metrics(),
            Command::Qdisc(qdisc) => set_qdisc(test.tun.index, *qdisc),
            Command::Offload(offloads) => offloads.iter().try_for_each(|(offload, on)| set_offload(*offload, *on)),
        }
    }

    /// As `sysctl`: tries each.
    fn set(&mut self, settings: &[Setting]) -> Result<(), SutError> {
        let mut status = Ok(());
        for setting in settings {
            let mut result = sysctl::write(setting.path(), &setting.value);
            if setting.path() == "net/ipv4/tcp_congestion_control" {
                result = self.sockets.congestion_control_set(&setting.value, result);
            } else if setting.optional && !sysctl::exists(setting.path()) {
                result = Ok(());
            }
            status = status.and(result);
        }
        status
    }

    /// As `set_sysctls.py`: reads each before it writes, and does not look at what became of the writing.
    fn set_existing(&mut self, settings: &[Setting]) -> Result<(), SutError> {
        for setting in settings {
            if !sysctl::exists(setting.path()) {
                return Err(SutError::Unsupported(format!("this kernel has no sysctl {}", setting.name())));
            }
            let _ = self.set(std::slice::from_ref(setting));
        }
        Ok(())
    }
}

/// Forgets what the namespace knows of its peers, Fast Open cookies among it.
fn flush_metrics() -> Result<(), SutError> {
    Netlink::generic()?.tell("tcp_metrics", TCP_METRICS_CMD_DEL)
}

fn set_qdisc(index: u32, qdisc: Qdisc) -> Result<(), SutError> {
    let (kind, flags, queue) = match qdisc {
        Qdisc::Add(queue) => (libc::RTM_NEWQDISC, libc::NLM_F_CREATE | libc::NLM_F_EXCL, Some(queue)),
        Qdisc::Replace(queue) => (libc::RTM_NEWQDISC, libc::NLM_F_CREATE | libc::NLM_F_REPLACE, Some(queue)),
        Qdisc::Delete => (libc::RTM_DELQDISC, 0, None),
    };
    // tcmsg: family and padding, interface, handle, parent, info.
    let mut message = Message::new(kind, flags).word(0).word(index).word(0).word(TC_H_ROOT).word(0);
    match queue {
        Some(Queue::Fq) => message = message.attribute(TCA_KIND, b"fq\0"),
        Some(Queue::Pfifo { limit }) => {
            message = message.attribute(TCA_KIND, b"pfifo\0");
            if let Some(limit) = limit {
                message = message.attribute(TCA_OPTIONS, &limit.to_ne_bytes());
            }
        }
        None => {}
    }
    Netlink::open()?.request(&format!("tc qdisc: {qdisc:?}"), message)
}

fn set_offload(offload: Offload, on: bool) -> Result<(), SutError> {
    let command = match offload {
        Offload::Gso => ETHTOOL_SGSO,
        Offload::Tso => ETHTOOL_STSO,
    };
    let mut value = EthtoolValue { command, data: on.into() };
    // SAFETY: `ifreq` is plain data for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(super::device::NAME.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    let told = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
        // SAFETY: SIOCETHTOOL reads the `ifreq` and the `ethtool_value` that it points to; both live until it returns.
        .and_then(|fd| unsafe { siocethtool(fd.as_raw_fd(), &request) });
    told.map(drop).map_err(|errno: Errno| environment(&format!("ethtool -K: {offload:?} {on}"), errno))
}

/// `echo VALUE > /sys/...`: nothing to do where the value stands already, and not for a test to do where it does not.
fn parameter_of_module(text: &str) -> Option<Result<(), SutError>> {
    let (value, file) = text.trim().strip_prefix("echo ")?.split_once('>')?;
    let (value, file) = (value.trim(), file.trim());
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !file.starts_with("/sys/") || !file.chars().chain(value.chars()).all(plain) {
        return None;
    }
    let held = std::fs::read_to_string(file).unwrap_or_default();
    let other = || format!("`{}`: it is {}, and belongs to the whole host", text.trim(), held.trim());
    Some(if held.trim() == value { Ok(()) } else { Err(SutError::Unsupported(other())) })
}
