//! Which tests a script stands for.

use crate::ast::Script;
use crate::test::Family;

/// One choice of address family and a label per axis.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variant {
    /// Address family.
    pub family: Family,
    /// `(axis, label)` in the order of the `vary` lines.
    pub labels: Vec<(String, String)>,
}

impl Variant {
    /// The label that an axis has in this variant.
    pub fn label(&self, axis: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == axis).map(|(_, label)| label.as_str())
    }
}

/// Every variant of a script: the product of its families and `vary` lines, in order.
pub fn variants(script: &Script) -> Vec<Variant> {
    variants_over(script, &families(script).unwrap_or_else(|| vec![Family::V4, Family::V6]))
}

/// The variants of a script over these address families, whatever the script says of families.
pub fn variants_over(script: &Script, families: &[Family]) -> Vec<Variant> {
    let plain = families.iter().copied().map(|family| Variant { family, labels: Vec::new() }).collect();
    script.variations.iter().fold(plain, |variants: Vec<Variant>, variation| {
        let extended = variants.iter().flat_map(|variant| {
            variation.labels.iter().map(|label| {
                let mut variant = variant.clone();
                variant.labels.push((variation.axis.node.clone(), label.name.node.clone()));
                variant
            })
        });
        extended.collect()
    })
}

/// The families that the header names, else those that the option lines allow; `None` when neither speaks of them.
pub fn families(script: &Script) -> Option<Vec<Family>> {
    let fields = script.header.fields.iter().filter(|field| field.key.node == "family");
    let named: Vec<Family> = fields.flat_map(|field| &field.words).filter_map(|word| family(&word.node)).collect();
    if !named.is_empty() {
        return Some(named);
    }
    let option = |name: &str| {
        let line = script.options.iter().find(|line| line.name.node == name);
        line.and_then(|line| line.value.as_ref()).map(|value| value.node.as_str())
    };
    match option("ip_version") {
        Some("ipv4") => return Some(vec![Family::V4]),
        Some("ipv6") => return Some(vec![Family::V6]),
        Some("ipv4-mapped-ipv6") => return Some(vec![Family::V4Mapped]),
        Some(_) | None => {}
    }
    match option("local_ip").or(option("remote_ip")) {
        Some(address) if address.contains(':') => Some(vec![Family::V6]),
        Some(_) => Some(vec![Family::V4]),
        None => None,
    }
}

fn family(word: &str) -> Option<Family> {
    match word {
        "v4" => Some(Family::V4),
        "v6" => Some(Family::V6),
        "mapped" => Some(Family::V4Mapped),
        _ => None,
    }
}
