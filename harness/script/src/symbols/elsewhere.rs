//! Constants that scripts for other systems use and Linux does not have. A test that needs one cannot run here, and says so.

/// The constants of FreeBSD that its TCP suite uses.
const FREEBSD: [&str; 9] = [
    "IPV6_USE_MIN_MTU",
    "TCP_FUNCTION_BLK",
    "TCP_KEEPINIT",
    "TCP_NOOPT",
    "TCP_NOPUSH",
    "TCP_RACK_PACE_ALWAYS",
    "TCP_RACK_PACE_MAX_SEG",
    "TCP_RACK_PACE_RATE_SS",
    "TCP_REMOTE_UDP_ENCAPS_PORT",
];

/// The system that has a constant of this name.
pub fn elsewhere(name: &str) -> Option<&'static str> {
    FREEBSD.contains(&name).then_some("FreeBSD")
}
