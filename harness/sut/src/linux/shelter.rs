//! What a script's shell must not change: the host.
//!
//! A network namespace does not hold everything that a test's commands can write: parameters of modules (`/sys/module`) and of the
//! kernel outside `net` belong to the whole machine. Shells see them read-only, in a mount namespace of their own.

use nix::errno::Errno;
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Has the calling thread, and all that it starts, see what is the host's read-only.
///
/// # Errors
/// The kernel's refusal: then nothing may be started.
pub(super) fn shelter() -> Result<(), Errno> {
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_SLAVE, none)?;
    if Path::new("/sys/module").exists() {
        read_only(Path::new("/sys"))?;
    }
    for entry in
        fs::read_dir("/proc/sys").map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?
    {
        let Ok(entry) = entry else { continue };
        if entry.file_name() != "net" {
            let path = entry.path();
            mount(Some(&path), &path, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)?;
            read_only(&path)?;
        }
    }
    Ok(())
}

/// Makes a mount, and what is mounted in it, read-only.
fn read_only(path: &Path) -> Result<(), Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: a mount_attr is four numbers, for which zero means that nothing changes.
    let mut attr: libc::mount_attr = unsafe { std::mem::zeroed() };
    attr.attr_set = libc::MOUNT_ATTR_RDONLY;
    // SAFETY: the path is a C string and `attr` of the size told; both live until the call returns.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attr,
            size_of_val(&attr),
        )
    };
    Errno::result(result).map(drop)
}
