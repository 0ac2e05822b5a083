//! Nothing of a test is left in the host: not after its end, and not when the harness is killed in the middle of it.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "file handles, which nix does not wrap")]

mod support;

use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::Sut;
use halfopen_script::test::Family;
use halfopen_sut::linux::{Linux, available};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::process::{Command, Stdio};
use support::{ACK, Path, SYN, accepted, expect, listener, processes_in, setup, value, wait};

/// Names a namespace without keeping it alive, on kernels that have such handles (6.18).
struct Handle {
    octets: Vec<u64>,
    any: fs::File,
}

impl Handle {
    /// `None` when this kernel gives no handles, which is told.
    fn of(path: &str) -> Option<Self> {
        let namespace = fs::File::open(path).expect("the thread lives");
        let any = fs::File::open("/proc/self/ns/net").expect("the process lives");
        // struct file_handle: octets of room, type, the handle itself.
        let mut octets = vec![0u64; 17];
        octets[0] = u64::from_ne_bytes([128u32.to_ne_bytes(), [0; 4]].concat().try_into().expect("eight octets"));
        let mut mount = 0;
        // SAFETY: `octets` is a file_handle with 128 octets of room; the path is a C string.
        let result = unsafe {
            let handle = octets.as_mut_ptr().cast();
            libc::name_to_handle_at(namespace.as_raw_fd(), c"".as_ptr(), handle, &mut mount, libc::AT_EMPTY_PATH)
        };
        if let Err(errno) = Errno::result(result) {
            tell(&format!("partly run: whether the namespace is freed cannot be seen on this kernel ({errno})"));
            return None;
        }
        Some(Self { octets, any })
    }

    fn lives(&mut self) -> bool {
        let handle = self.octets.as_mut_ptr().cast();
        // SAFETY: `octets` is the file_handle that name_to_handle_at filled in.
        let result = unsafe { libc::open_by_handle_at(self.any.as_raw_fd(), handle, libc::O_RDONLY | libc::O_CLOEXEC) };
        match Errno::result(result) {
            // SAFETY: the kernel just returned this descriptor.
            Ok(fd) => drop(unsafe { OwnedFd::from_raw_fd(fd) }),
            Err(Errno::ESTALE) => return false,
            Err(errno) => panic!("open_by_handle_at: {errno}"),
        }
        true
    }

    fn dies_within(&mut self, seconds: u32) -> bool {
        (0..seconds * 50).any(|_| {
            wait(20);
            !self.lives()
        })
    }
}

fn tell(what: &str) {
    writeln!(std::io::stderr(), "{what}").expect("standard error is open");
}

fn can_run() -> bool {
    available().map_err(|missing| tell(&format!("not run: {missing}"))).is_ok()
}

#[rstest]
fn a_namespace_goes_with_its_test(#[values(true, false)] closed_by_script: bool) {
    if !can_run() {
        return;
    }
    let mut sut = Linux::new().expect("the host has /proc");
    sut.start(&setup(Family::V4)).expect("available() said so");
    let handle = Handle::of("/proc/thread-self/ns/net");
    // A connection whose peer has gone: it would go on sending its FIN for minutes.
    let (fd, _) = accepted(&mut sut, &setup(Family::V4), 0);
    if closed_by_script {
        assert_eq!(value(&mut sut, SysCall::Close { fd }), 0);
    }
    sut.finish().expect("everything closes");
    sut.start(&setup(Family::V6)).expect("starts again");
    if let Some(mut handle) = handle {
        assert!(handle.dies_within(5), "something keeps the namespace of the first test");
    }
}

const CHILD: &str = "HALFOPEN_TEST_KILLED_CHILD";

/// Not a test of its own: what [`a_killed_harness_leaves_nothing`] kills.
#[test]
#[ignore = "the child process of another test"]
fn killed_child() {
    let Ok(activity) = std::env::var(CHILD) else { return };
    let mut sut = Linux::new().expect("the host has /proc");
    let ready = || {
        println!("\nready {}", fs::read_link("/proc/thread-self/ns/net").expect("the thread lives").display());
        std::io::stdout().flush().expect("the parent listens");
    };
    let setup = setup(Family::V4);
    sut.start(&setup).expect("the parent asked available()");
    let fd = listener(&mut sut, &setup, 0);
    match activity.as_str() {
        "call" => {
            assert_eq!(sut.call(&SysCall::Accept { fd }), Ok(Reply::Pending));
            sut.inject(&Path::of(&setup).segment(SYN, 1000, 0, &[])).expect("injected");
            assert_eq!(expect(&mut sut).flags, SYN | ACK);
            ready();
            sut.next(60_000_000).expect("killed before");
        }
        _ => {
            ready();
            sut.command("exec sleep 1000").expect("killed before");
        }
    }
    unreachable!("it was to be killed");
}

#[rstest]
fn a_killed_harness_leaves_nothing(#[values("call", "command")] activity: &str) {
    if !can_run() {
        return;
    }
    let interfaces = fs::read_to_string("/proc/net/dev").expect("the host has /proc").lines().count();
    let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(["--ignored", "--exact", "--nocapture", "killed_child"])
        .env(CHILD, activity)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let line = output.lines().map(|line| line.expect("it is text")).find(|line| line.starts_with("ready "));
    let namespace = line.expect("the child gets ready")["ready ".len()..].to_owned();
    if activity == "command" {
        assert!(
            (0..500).any(|_| {
                wait(10);
                processes_in(&namespace).len() == 2
            }),
            "the child and its command"
        );
    }
    let before = processes_in(&namespace);
    assert!(before.contains(&child.id()), "{before:?}");
    let tasks = format!("/proc/{}/task", child.id());
    let mut tasks =
        fs::read_dir(tasks).expect("the child lives").map(|task| task.expect("readable").path().join("ns/net"));
    let thread = tasks.find(|path| fs::read_link(path).is_ok_and(|link| link.as_os_str() == namespace.as_str()));
    let handle = Handle::of(thread.expect("one thread is in it").to_str().expect("numbers and letters"));

    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL).expect("it lives");
    child.wait().expect("it ends");

    assert!(
        (0..100).any(|_| {
            wait(10);
            processes_in(&namespace).is_empty()
        }),
        "{:?}",
        processes_in(&namespace)
    );
    if let Some(mut handle) = handle {
        assert!(handle.dies_within(5), "something keeps the namespace");
    }
    let after = fs::read_to_string("/proc/net/dev").expect("the host has /proc");
    assert_eq!(after.lines().count(), interfaces, "{after}");
    assert!(!after.contains("tun0"), "{after}");
}
