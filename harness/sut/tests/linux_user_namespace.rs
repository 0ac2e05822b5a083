//! The kernel as a SUT without root: in a user namespace.
//!
//! A program of its own, because a process with threads cannot enter one. Started by root, it gives its child a `/dev/net/tun`
//! that everybody may open, in a mount namespace of its own, and makes it nobody's.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

#[cfg(target_os = "linux")]
mod support;

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use crate::support::{ACK, Path, RST, SYN, expect, setup};
    use halfopen_engine::sut::Sut as _;
    use halfopen_script::test::Family;
    use halfopen_sut::linux::{Linux, available, enter_user_namespace};
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    use nix::unistd::{Uid, geteuid};
    use std::os::unix::process::CommandExt as _;
    use std::path::Path as FilePath;
    use std::process::{Command, ExitCode, Termination as _};

    const CHILD: &str = "HALFOPEN_TEST_USER_NAMESPACE_CHILD";
    const NOBODY: u32 = 65534;
    const NOT_RUN: u8 = 77;

    pub(super) fn main() {
        if std::env::var_os(CHILD).is_some() {
            child().report();
            return;
        }
        let program = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(program);
        command.env(CHILD, "1");
        if geteuid().is_root() {
            if let Err(reason) = give_everybody_a_tun() {
                println!("not run: {reason}");
                return;
            }
            command.uid(NOBODY).gid(NOBODY);
        }
        match command.status() {
            Ok(status) if status.success() => println!("test linux_user_namespace ... ok"),
            Ok(status) if status.code() == Some(NOT_RUN.into()) => {}
            Ok(status) => panic!("the child: {status}"),
            Err(error) => println!("not run: nobody cannot start this program: {error}"),
        }
    }

    /// In a mount namespace of this process: nothing of it is seen outside.
    fn give_everybody_a_tun() -> Result<(), String> {
        let shown = |what: &'static str| move |errno: nix::Error| format!("{what}: {errno}");
        let none = None::<&str>;
        unshare(CloneFlags::CLONE_NEWNS).map_err(shown("mount namespace"))?;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).map_err(shown("private mounts"))?;
        let directory = FilePath::new("/dev/shm");
        mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), none).map_err(shown("tmpfs"))?;
        let node = directory.join("tun");
        let everybody = Mode::from_bits_truncate(0o666);
        mknod(&node, SFlag::S_IFCHR, everybody, makedev(10, 200)).map_err(shown("mknod"))?;
        std::fs::set_permissions(&node, std::os::unix::fs::PermissionsExt::from_mode(0o666))
            .map_err(|e| e.to_string())?;
        mount(Some(&node), "/dev/net/tun", none, MsFlags::MS_BIND, none).map_err(shown("/dev/net/tun"))
    }

    fn child() -> ExitCode {
        if geteuid().is_root() {
            println!("not run: still root");
            return NOT_RUN.into();
        }
        let before = available().expect_err("nobody may not make a network namespace");
        assert!(before.contains("CAP_SYS_ADMIN"), "{before}");
        if let Err(refused) = enter_user_namespace().and_then(|()| available()) {
            println!("not run: {refused}");
            return NOT_RUN.into();
        }
        assert_eq!(geteuid(), Uid::from_raw(0), "root within");
        enter_user_namespace().expect("once is enough");
        let mut sut = Linux::new().expect("the host has /proc");
        for family in [Family::V4, Family::V6] {
            sut.start(&setup(family)).expect("available() said so");
            sut.command("sysctl -q net.ipv4.tcp_synack_retries=1").expect("it is ours");
            sut.inject(&Path::of(&setup(family)).segment(SYN, 1000, 0, &[])).expect("injected");
            assert_eq!(expect(&mut sut).flags, RST | ACK);
            assert_eq!(sut.finish().expect("everything closes").dropped, 0);
        }
        ExitCode::SUCCESS
    }
}
