//! Error numbers of socket calls, Linux's names and numbers (asm-generic, as on x86 and Arm).

use core::fmt;

macro_rules! errnos {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        /// An error of a socket call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i32)]
        pub enum Errno {
            $(#[doc = $text] $name = $number,)*
        }

        impl Errno {
            /// Every one, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// `ECONNRESET`, ...
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it means, in a few words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

errnos! {
    EPERM = 1, "operation not permitted";
    ENOENT = 2, "no such name";
    EINTR = 4, "interrupted by a signal";
    EIO = 5, "input or output failed";
    EBADF = 9, "not an open descriptor";
    EAGAIN = 11, "would block";
    ENOMEM = 12, "no memory";
    EACCES = 13, "permission denied";
    EFAULT = 14, "bad address of a buffer";
    EBUSY = 16, "busy";
    EINVAL = 22, "invalid argument";
    ENFILE = 23, "no descriptors left in the system";
    EMFILE = 24, "no descriptors left in the process";
    EPIPE = 32, "the sending side is shut down";
    EDOM = 33, "argument outside its domain";
    ERANGE = 34, "result outside its range";
    ENOSYS = 38, "no such call";
    ENODATA = 61, "no data";
    ENONET = 64, "host is isolated";
    EPROTO = 71, "protocol error";
    EOVERFLOW = 75, "value too large for its type";
    ENOTSOCK = 88, "not a socket";
    EDESTADDRREQ = 89, "destination address required";
    EMSGSIZE = 90, "message too long";
    EPROTOTYPE = 91, "wrong protocol for this socket type";
    ENOPROTOOPT = 92, "no such option";
    EPROTONOSUPPORT = 93, "protocol not supported";
    ESOCKTNOSUPPORT = 94, "socket type not supported";
    EOPNOTSUPP = 95, "operation not supported";
    EPFNOSUPPORT = 96, "protocol family not supported";
    EAFNOSUPPORT = 97, "address family not supported";
    EADDRINUSE = 98, "address in use";
    EADDRNOTAVAIL = 99, "address not available";
    ENETDOWN = 100, "network is down";
    ENETUNREACH = 101, "network unreachable";
    ENETRESET = 102, "connection dropped by the network";
    ECONNABORTED = 103, "connection aborted";
    ECONNRESET = 104, "connection reset by the peer";
    ENOBUFS = 105, "no buffer space";
    EISCONN = 106, "already connected";
    ENOTCONN = 107, "not connected";
    ESHUTDOWN = 108, "socket is shut down";
    ETIMEDOUT = 110, "timed out";
    ECONNREFUSED = 111, "connection refused";
    EHOSTDOWN = 112, "host is down";
    EHOSTUNREACH = 113, "host unreachable";
    EALREADY = 114, "already in progress";
    EINPROGRESS = 115, "in progress";
}

impl Errno {
    /// Same number on Linux.
    pub const EWOULDBLOCK: Self = Self::EAGAIN;
    /// Same number on Linux.
    pub const ENOTSUP: Self = Self::EOPNOTSUPP;

    /// Linux's number.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The error of this number, when a socket call can return it.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|errno| errno.number() == number)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.text())
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::Errno;

    #[test]
    fn numbers_are_linux_numbers() {
        let table = [
            (Errno::EAGAIN, 11, "EAGAIN"),
            (Errno::EPIPE, 32, "EPIPE"),
            (Errno::EOPNOTSUPP, 95, "EOPNOTSUPP"),
            (Errno::ECONNRESET, 104, "ECONNRESET"),
            (Errno::ETIMEDOUT, 110, "ETIMEDOUT"),
            (Errno::EINPROGRESS, 115, "EINPROGRESS"),
        ];
        for (errno, number, name) in table {
            assert_eq!((errno.number(), errno.name()), (number, name));
        }
    }

    #[test]
    fn every_number_is_unique_and_maps_back() {
        for pair in Errno::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number(), "{pair:?}");
        }
        for &errno in Errno::ALL {
            assert_eq!(Errno::from_number(errno.number()), Some(errno));
        }
        assert_eq!(Errno::from_number(0), None);
        assert_eq!(Errno::from_number(3), None);
    }
}
