//! Where the specs are: a folder on disk, or the copy in the binary.

use crate::fault::Fault;
use siphasher::sip::SipHasher13;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Every file of `specs/` as it was when the binary was built: path below `specs/`, text.
static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/specs.rs"));

/// The file that makes a folder a specs folder.
const LANDMARK: &str = "rfc9293/rules.toml";

/// Where a set of specs came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A folder, as a person would write it.
    Folder(PathBuf),
    /// The copy in the binary.
    Embedded,
}

/// The texts of a specs folder: scripts, fixtures, registers, expectations.
#[derive(Debug, Clone)]
pub struct Specs {
    /// Where they came from.
    pub root: Root,
    /// Text by path below the folder, with `/`.
    files: BTreeMap<String, Cow<'static, str>>,
}

impl Specs {
    /// `--specs DIR`, or `HALFOPEN_SPECS` (both in `named`), or `specs/` found upwards from the current folder, or the
    /// copy in the binary.
    pub fn locate(named: Option<&Path>) -> Result<Self, Fault> {
        if let Some(folder) = named {
            if !folder.join(LANDMARK).is_file() {
                let folder = folder.display();
                return Err(Fault::Environment(format!("{folder} is not a specs folder: it has no {LANDMARK}")));
            }
            return Self::read(folder);
        }
        let here = env::current_dir().map_err(|fault| Fault::Environment(format!("no current folder: {fault}")))?;
        for (up, folder) in here.ancestors().enumerate() {
            if folder.join("specs").join(LANDMARK).is_file() {
                let mut relative: PathBuf = std::iter::repeat_n("..", up).collect();
                relative.push("specs");
                return Self::read(&relative);
            }
        }
        Ok(Self::embedded())
    }

    /// The copy in the binary.
    pub fn embedded() -> Self {
        let files = EMBEDDED.iter().map(|(path, text)| ((*path).to_string(), Cow::Borrowed(*text))).collect();
        Self { root: Root::Embedded, files }
    }

    /// Files by path, as if they had been there when the binary was built.
    pub fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files = files.into_iter().map(|(path, text)| (path, Cow::Owned(text))).collect();
        Self { root: Root::Embedded, files }
    }

    /// Every `.pkt` and `.toml` file below a folder.
    pub fn read(folder: &Path) -> Result<Self, Fault> {
        let mut files = BTreeMap::new();
        for path in walk(folder).map_err(|fault| cannot_read(folder, &fault))? {
            if path.extension().is_none_or(|e| e != "pkt" && e != "toml") {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|fault| cannot_read(&path, &fault))?;
            let below = path.strip_prefix(folder).expect("walk stays below its folder");
            let name = below.to_str().ok_or_else(|| Fault::Environment(format!("{below:?} is not UTF-8")))?;
            files.insert(name.replace('\\', "/"), Cow::Owned(text));
        }
        Ok(Self { root: Root::Folder(folder.to_path_buf()), files })
    }

    /// Text of one file by its path below the folder.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(AsRef::as_ref)
    }

    /// A number that equal texts under equal paths give.
    pub fn digest(&self) -> u64 {
        let mut hasher = SipHasher13::new();
        for (path, text) in &self.files {
            (path.as_str(), text.as_ref()).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// How messages name a file: so that an editor finds it where there is one to find.
    pub fn display(&self, path: &str) -> String {
        match &self.root {
            Root::Folder(folder) => folder.join(path).display().to_string(),
            Root::Embedded => format!("specs/{path}"),
        }
    }

    /// Paths of the scripts, in order, without fixtures.
    pub fn scripts(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().map(|(path, text)| (path.as_str(), text.as_ref()));
        files.filter(|(path, _)| path.ends_with(".pkt") && !path.starts_with("fixtures/"))
    }

    /// The registers: `rfcNNNN/rules.toml`.
    pub fn registers(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().map(|(path, text)| (path.as_str(), text.as_ref()));
        files.filter(|(path, _)| path.ends_with("/rules.toml"))
    }

    /// The expectation files: SUT, path.
    pub fn expectations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.keys().filter_map(|path| {
            let sut = path.strip_prefix("expect/")?.strip_suffix(".toml")?;
            Some((sut, path.as_str()))
        })
    }

    /// The id of a script of these specs that a path on disk leads to; folders lead to a prefix of ids.
    pub fn id_of(&self, path: &Path) -> Option<String> {
        let Root::Folder(folder) = &self.root else { return None };
        let below = path.canonicalize().ok()?.strip_prefix(folder.canonicalize().ok()?).ok()?.to_path_buf();
        let below = below.to_str()?;
        Some(below.strip_suffix(".pkt").unwrap_or(below).to_string())
    }
}

/// Every file below a folder, in order; hidden ones are left out.
pub fn walk(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            files.extend(walk(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn cannot_read(path: &Path, fault: &dyn std::fmt::Display) -> Fault {
    Fault::Environment(format!("cannot read {}: {fault}", path.display()))
}
