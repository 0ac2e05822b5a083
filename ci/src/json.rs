//! As much of JSON as a job needs: the top-level fields of an object, their values left as they are written.

/// The fields of the object in `text`, in order; values are the octets as written, strings with their quotes.
///
/// Values are delimited, not validated: the writer is our own program or cargo, and what matters is that a line that
/// was cut short is not taken for a whole one.
///
/// # Errors
/// One line that says what is missing and where (offset in octets).
pub(crate) fn fields(text: &str) -> Result<Vec<(String, &str)>, String> {
    let mut scan = Scan { text, at: 0 };
    let mut found = Vec::new();
    scan.take(b'{')?;
    if !scan.next_is(b'}') {
        loop {
            let key = scan.value()?;
            let key = key.strip_prefix('"').and_then(|k| k.strip_suffix('"')).ok_or_else(|| scan.missing("a key"))?;
            scan.take(b':')?;
            found.push((key.to_owned(), scan.value()?));
            if !scan.next_is(b',') {
                break;
            }
            scan.take(b',')?;
        }
    }
    scan.take(b'}')?;
    scan.skip_space();
    if scan.at == text.len() { Ok(found) } else { Err(scan.missing("the end")) }
}

/// The text of a JSON string without its quotes, when it holds no escapes.
pub(crate) fn plain_string(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"').filter(|inner| !inner.contains('\\'))
}

/// A place in a text.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn octet(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn missing(&self, what: &str) -> String {
        format!("JSON: {what} is missing at octet {}", self.at)
    }

    fn skip_space(&mut self) {
        while self.octet().is_some_and(|octet| octet.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn next_is(&mut self, wanted: u8) -> bool {
        self.skip_space();
        self.octet() == Some(wanted)
    }

    fn take(&mut self, wanted: u8) -> Result<(), String> {
        if !self.next_is(wanted) {
            return Err(self.missing(&format!("'{}'", char::from(wanted))));
        }
        self.at += 1;
        Ok(())
    }

    /// One value: a string, a balanced object or array, or a word such as a number.
    fn value(&mut self) -> Result<&'a str, String> {
        self.skip_space();
        let start = self.at;
        let mut depth = 0_u32;
        while let Some(octet) = self.octet() {
            match octet {
                b'"' => self.string()?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 0 => depth -= 1,
                b'}' | b']' | b',' | b':' if depth == 0 => break,
                _ => {}
            }
            if octet != b'"' {
                self.at += 1;
            }
        }
        let value = self.text[start..self.at].trim_end();
        if value.is_empty() || depth > 0 { Err(self.missing("a value")) } else { Ok(value) }
    }

    /// Past a string, which begins here.
    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        while let Some(octet) = self.octet() {
            self.at += if octet == b'\\' { 2 } else { 1 };
            if octet == b'"' {
                return Ok(());
            }
        }
        Err(self.missing("'\"'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_level_fields_are_found_and_nested_ones_are_not() {
        let text = r#" {"v":1, "test":"a[v4,}{]\"","mismatch":{"got":["}",{"x":"]"}]} ,"level" : null } "#;
        let expected =
            [("v", "1"), ("test", r#""a[v4,}{]\"""#), ("mismatch", r#"{"got":["}",{"x":"]"}]}"#), ("level", "null")];
        let got = fields(text).unwrap();
        let got: Vec<_> = got.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        assert_eq!(got, expected);
        assert_eq!(fields("{}"), Ok(Vec::new()));
    }

    #[test]
    fn every_cut_of_an_object_is_refused() {
        let whole = r#"{"v":1,"test":"a\"","sub":{"x":["y"]}}"#;
        assert!(fields(whole).is_ok());
        for end in 0..whole.len() {
            assert!(fields(&whole[..end]).is_err(), "{}", &whole[..end]);
        }
        for text in ["[]", "{\"a\":1}x", "{1:2}", "{\"a\" 1}", "{\"a\":}", "{\"a\":1,}", "{\"a\":\"\\"] {
            assert!(fields(text).is_err(), "{text}");
        }
    }

    #[test]
    fn strings_lose_their_quotes_only_without_escapes() {
        assert_eq!(plain_string("\"/a/b\""), Some("/a/b"));
        assert_eq!(plain_string("\"a\\\"\""), None);
        assert_eq!(plain_string("12"), None);
    }
}
