//! The target that must fail: an engine that does not find this within seconds finds nothing else either.

/// What it dies of. An engine has to find one octet after the other, guided by coverage.
pub const MAGIC: &[u8; 4] = b"S?.R";

/// Panics when `octets` start with [`MAGIC`].
///
/// # Panics
/// That is its purpose.
pub fn run(octets: &[u8]) {
    let mut matched = 0;
    if octets.first() == Some(&MAGIC[0]) {
        matched += 1;
        if octets.get(1) == Some(&MAGIC[1]) {
            matched += 1;
            if octets.get(2) == Some(&MAGIC[2]) {
                matched += 1;
                if octets.get(3) == Some(&MAGIC[3]) {
                    matched += 1;
                }
            }
        }
    }
    assert_ne!(matched, MAGIC.len(), "the canary met its magic input");
}
