//! Linux's numbers of everything that a call may say, whatever machine this is: scripts are written in them.

pub(crate) const AF_INET: i32 = 2;
pub(crate) const AF_INET6: i32 = 10;
pub(crate) const SOCK_STREAM: i32 = 1;
pub(crate) const SOCK_NONBLOCK: i32 = 0o4000;
pub(crate) const SOCK_CLOEXEC: i32 = 0o2_000_000;
pub(crate) const IPPROTO_IP: i32 = 0;
pub(crate) const IPPROTO_TCP: i32 = 6;
pub(crate) const IPPROTO_IPV6: i32 = 41;

pub(crate) const F_GETFD: i32 = 1;
pub(crate) const F_SETFD: i32 = 2;
pub(crate) const F_GETFL: i32 = 3;
pub(crate) const F_SETFL: i32 = 4;
pub(crate) const O_ACCMODE: i32 = 3;
pub(crate) const O_RDWR: i32 = 2;
pub(crate) const O_NONBLOCK: i32 = 0o4000;

pub(crate) const MSG_OOB: i32 = 0x1;
pub(crate) const MSG_PEEK: i32 = 0x2;
pub(crate) const MSG_TRUNC: i32 = 0x20;
pub(crate) const MSG_DONTWAIT: i32 = 0x40;
pub(crate) const MSG_WAITALL: i32 = 0x100;
pub(crate) const MSG_EOR: i32 = 0x80;
pub(crate) const MSG_ZEROCOPY: i32 = 0x400_0000;
pub(crate) const MSG_CTRUNC: i32 = 0x8;
pub(crate) const MSG_ERRQUEUE: i32 = 0x2000;
pub(crate) const MSG_NOSIGNAL: i32 = 0x4000;
pub(crate) const MSG_MORE: i32 = 0x8000;
pub(crate) const MSG_FASTOPEN: i32 = 0x2000_0000;

pub(crate) const SIOCINQ: u64 = 0x541b;
pub(crate) const SIOCOUTQ: u64 = 0x5411;
pub(crate) const SIOCOUTQNSD: u64 = 0x894b;
pub(crate) const SIOCATMARK: u64 = 0x8905;
pub(crate) const FIONBIO: u64 = 0x5421;

pub(crate) const SPLICE_F_NONBLOCK: u32 = 2;
pub(crate) const SPLICE_F_MORE: u32 = 4;

pub(crate) const ESPIPE: i32 = 29;

pub(crate) const POLLIN: i16 = 0x1;
pub(crate) const POLLPRI: i16 = 0x2;
pub(crate) const POLLOUT: i16 = 0x4;
pub(crate) const POLLERR: i16 = 0x8;
pub(crate) const POLLHUP: i16 = 0x10;
pub(crate) const POLLNVAL: i16 = 0x20;
pub(crate) const POLLRDNORM: i16 = 0x40;
pub(crate) const POLLWRNORM: i16 = 0x100;
pub(crate) const POLLRDHUP: i16 = 0x2000;

pub(crate) const SOL_SOCKET: i32 = 1;
pub(crate) const SO_REUSEADDR: i32 = 2;
pub(crate) const SO_TYPE: i32 = 3;
pub(crate) const SO_ERROR: i32 = 4;
pub(crate) const SO_SNDBUF: i32 = 7;
pub(crate) const SO_RCVBUF: i32 = 8;
pub(crate) const SO_KEEPALIVE: i32 = 9;
pub(crate) const SO_OOBINLINE: i32 = 10;
pub(crate) const SO_PRIORITY: i32 = 12;
pub(crate) const SO_LINGER: i32 = 13;
pub(crate) const SO_REUSEPORT: i32 = 15;
pub(crate) const SO_RCVLOWAT: i32 = 18;
pub(crate) const SO_ACCEPTCONN: i32 = 30;
pub(crate) const SO_MARK: i32 = 36;
pub(crate) const SO_PROTOCOL: i32 = 38;
pub(crate) const SO_DOMAIN: i32 = 39;
pub(crate) const SO_MAX_PACING_RATE: i32 = 47;
pub(crate) const SO_ZEROCOPY: i32 = 60;

pub(crate) const TCP_NODELAY: i32 = 1;
pub(crate) const TCP_MAXSEG: i32 = 2;
pub(crate) const TCP_CORK: i32 = 3;
pub(crate) const TCP_KEEPIDLE: i32 = 4;
pub(crate) const TCP_KEEPINTVL: i32 = 5;
pub(crate) const TCP_KEEPCNT: i32 = 6;
pub(crate) const TCP_SYNCNT: i32 = 7;
pub(crate) const TCP_LINGER2: i32 = 8;
pub(crate) const TCP_DEFER_ACCEPT: i32 = 9;
pub(crate) const TCP_WINDOW_CLAMP: i32 = 10;
pub(crate) const TCP_QUICKACK: i32 = 12;
pub(crate) const TCP_CONGESTION: i32 = 13;
pub(crate) const TCP_MD5SIG: i32 = 14;
pub(crate) const TCP_USER_TIMEOUT: i32 = 18;
pub(crate) const TCP_FASTOPEN: i32 = 23;
pub(crate) const TCP_FASTOPEN_CONNECT: i32 = 30;
pub(crate) const TCP_FASTOPEN_KEY: i32 = 33;
pub(crate) const TCP_FASTOPEN_NO_COOKIE: i32 = 34;
pub(crate) const TCP_TIMESTAMP: i32 = 24;
pub(crate) const TCP_NOTSENT_LOWAT: i32 = 25;
pub(crate) const TCP_INQ: i32 = 36;
pub(crate) const TCP_RTO_MAX_MS: i32 = 44;
pub(crate) const TCP_RTO_MIN_US: i32 = 45;
pub(crate) const TCP_DELACK_MAX_US: i32 = 46;

pub(crate) const IP_TOS: i32 = 1;
pub(crate) const IP_TTL: i32 = 2;
pub(crate) const IP_MTU_DISCOVER: i32 = 10;
pub(crate) const IP_RECVERR: i32 = 11;
pub(crate) const IP_MTU: i32 = 14;
pub(crate) const IP_FREEBIND: i32 = 15;
pub(crate) const IP_TRANSPARENT: i32 = 19;
pub(crate) const IP_BIND_ADDRESS_NO_PORT: i32 = 24;
pub(crate) const IP_LOCAL_PORT_RANGE: i32 = 51;
pub(crate) const IPV6_UNICAST_HOPS: i32 = 16;
pub(crate) const IPV6_MTU_DISCOVER: i32 = 23;
pub(crate) const IPV6_MTU: i32 = 24;
pub(crate) const IPV6_V6ONLY: i32 = 26;
pub(crate) const IPV6_RECVERR: i32 = 25;
pub(crate) const IPV6_TCLASS: i32 = 67;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_scripts() {
        let table = [
            ("SOCK_NONBLOCK", SOCK_NONBLOCK),
            ("SOCK_CLOEXEC", SOCK_CLOEXEC),
            ("O_NONBLOCK", O_NONBLOCK),
            ("F_SETFL", F_SETFL),
            ("MSG_WAITALL", MSG_WAITALL),
            ("MSG_NOSIGNAL", MSG_NOSIGNAL),
            ("MSG_EOR", MSG_EOR),
            ("MSG_CTRUNC", MSG_CTRUNC),
            ("MSG_ZEROCOPY", MSG_ZEROCOPY),
            ("SO_ZEROCOPY", SO_ZEROCOPY),
            ("MSG_ERRQUEUE", MSG_ERRQUEUE),
            ("SPLICE_F_NONBLOCK", SPLICE_F_NONBLOCK.cast_signed()),
            ("SPLICE_F_MORE", SPLICE_F_MORE.cast_signed()),
            ("FIONBIO", FIONBIO as i32),
            ("ESPIPE", ESPIPE),
            ("MSG_MORE", MSG_MORE),
            ("MSG_TRUNC", MSG_TRUNC),
            ("POLLRDHUP", POLLRDHUP.into()),
            ("SO_OOBINLINE", SO_OOBINLINE),
            ("SO_ACCEPTCONN", SO_ACCEPTCONN),
            ("TCP_WINDOW_CLAMP", TCP_WINDOW_CLAMP),
            ("TCP_USER_TIMEOUT", TCP_USER_TIMEOUT),
            ("IPV6_TCLASS", IPV6_TCLASS),
            ("SO_REUSEPORT", SO_REUSEPORT),
            ("SO_PRIORITY", SO_PRIORITY),
            ("SO_MARK", SO_MARK),
            ("SO_MAX_PACING_RATE", SO_MAX_PACING_RATE),
            ("TCP_TIMESTAMP", TCP_TIMESTAMP),
            ("TCP_NOTSENT_LOWAT", TCP_NOTSENT_LOWAT),
            ("TCP_INQ", TCP_INQ),
            ("TCP_RTO_MAX_MS", TCP_RTO_MAX_MS),
            ("TCP_RTO_MIN_US", TCP_RTO_MIN_US),
            ("TCP_DELACK_MAX_US", TCP_DELACK_MAX_US),
            ("IP_MTU_DISCOVER", IP_MTU_DISCOVER),
            ("IP_MTU", IP_MTU),
            ("IP_FREEBIND", IP_FREEBIND),
            ("IP_TRANSPARENT", IP_TRANSPARENT),
            ("IP_BIND_ADDRESS_NO_PORT", IP_BIND_ADDRESS_NO_PORT),
            ("IP_LOCAL_PORT_RANGE", IP_LOCAL_PORT_RANGE),
            ("IPV6_MTU_DISCOVER", IPV6_MTU_DISCOVER),
            ("IPV6_MTU", IPV6_MTU),
            ("IPV6_V6ONLY", IPV6_V6ONLY),
            ("IPV6_UNICAST_HOPS", IPV6_UNICAST_HOPS),
        ];
        for (name, number) in table {
            // The script language need not know every name; those that it knows must agree.
            if let Some(value) = halfopen_script::symbols::value(name) {
                assert_eq!(value, i64::from(number), "{name}");
            }
        }
        assert_eq!(halfopen_script::symbols::value("SIOCINQ"), Some(SIOCINQ as i64));
    }
}
