//! Where a configuration comes from.

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use flow::config::{Finding, MAX_BYTES, Mark, Node, Value};

use super::expand::Expansion;
use super::merge::{merge, nested};

/// What was given on the command line.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Sources {
    /// In order, the later wins: a path, `file:path`, `env:VARIABLE` or `yaml:a::b: c`.
    pub configs: Vec<String>,
    /// `a.b=c`, applied after all configs.
    pub sets: Vec<String>,
}

/// What lies outside of a configuration.
#[derive(Clone, Copy)]
pub struct World<'a> {
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The text of a file, or why it cannot be read.
    pub file: &'a dyn Fn(&str) -> Result<String, String>,
}

impl World<'static> {
    /// The environment and the files of this process.
    pub fn process() -> Self {
        Self {
            env: &|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()),
            file: &read_file,
        }
    }
}

/// Reads a file of at most [`MAX_BYTES`].
pub fn read_file(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    std::fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_string(&mut text)).map_err(
        |why| match why.kind() {
            ErrorKind::NotFound => "there is no such file".to_owned(),
            ErrorKind::PermissionDenied => "it may not be read by this user".to_owned(),
            ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            ErrorKind::IsADirectory => "it is a directory".to_owned(),
            _ => why.to_string(),
        },
    )?;
    if text.len() > MAX_BYTES { Err(format!("it is larger than {MAX_BYTES} bytes")) } else { Ok(text) }
}

impl Sources {
    /// Reads, merges and expands. Nothing is returned where no source could be read.
    pub fn read(&self, world: World<'_>) -> (Option<Node>, Vec<Finding>) {
        let mut findings = Vec::new();
        let mut merged = None;
        if self.configs.is_empty() {
            let message = "no configuration is given";
            findings.push(Finding::error_at(start("--config"), "", message).help("give one: --config FILE"));
        }
        let configs = self.configs.iter().map(|config| read(config, world));
        for source in configs.chain(self.sets.iter().map(|set| assignment(set))) {
            match source {
                Ok(node) => {
                    merged = Some(match merged {
                        Some(earlier) => merge(earlier, node),
                        None => node,
                    });
                }
                Err(wrong) => findings.extend(wrong),
            }
        }
        let root = merged.map(|merged| {
            let mut expansion = Expansion::new(world);
            let mut root = expansion.whole(merged);
            findings.extend(expansion.findings);
            root.set_path(String::new());
            root
        });
        (root, findings)
    }
}

fn read(config: &str, world: World<'_>) -> Result<Node, Vec<Finding>> {
    let fail = |source: &str, message: String| vec![Finding::error_at(start(source), "", message)];
    let (source, text) = match scheme(config) {
        None => (config, (world.file)(config)),
        Some(("file", path)) => (path, (world.file)(path)),
        Some(("env", name)) => {
            (config, (world.env)(name).ok_or_else(|| format!("the variable `{name}` is not set")))
        }
        Some(("yaml", text)) => ("--config yaml", Ok(text.to_owned())),
        Some(("http" | "https", _)) => {
            return Err(vec![
                Finding::error_at(start(config), "", "a configuration is not fetched over HTTP")
                    .help("fetch it first, and give it as a file"),
            ]);
        }
        Some((scheme, _)) => {
            let message = format!("`{scheme}:` is not a kind of source");
            return Err(vec![
                Finding::error_at(start(config), "", message)
                    .help("the kinds are file:, env: and yaml:; a file with a colon in its name needs file:"),
            ]);
        }
    };
    let text = text.map_err(|why| fail(source, format!("cannot read this: {why}")))?;
    let node = Node::load(source, &text)?;
    match node.value {
        Value::Map(entries) => Ok(nested(node.mark, entries)),
        Value::Null => Ok(Node::new(node.mark, Value::Map(Vec::new()))),
        _ => Err(fail(source, format!("a configuration is a block of keys, found {}", node.described()))),
    }
}

/// `a.b=c` as a block: the key's dots part the steps, the value is YAML.
fn assignment(set: &str) -> Result<Node, Vec<Finding>> {
    let Some((path, value)) = set.split_once('=') else {
        let message = "`--set` takes `path=value`";
        return Err(vec![
            Finding::error_at(start("--set"), "", message)
                .help("for example: --set processors.batch.timeout=2s"),
        ]);
    };
    let path = path.trim();
    let source = format!("--set {path}");
    if path.split('.').any(str::is_empty) {
        let message = "a step of the path is empty";
        return Err(vec![Finding::error_at(start(&source), "", message)]);
    }
    let value = Node::load(&source, value.trim())?;
    let key = flow::config::Key { name: path.replace('.', "::"), mark: start(&source) };
    Ok(nested(start(&source), vec![(key, value)]))
}

/// The scheme of a URI; one letter is a drive, not a scheme.
pub(super) fn scheme(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let mut letters = scheme.chars();
    let valid = scheme.len() > 1
        && letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'));
    valid.then_some((scheme, rest))
}

fn start(source: &str) -> Mark {
    Mark { source: Arc::from(source), line: 1, column: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_within_a_limit() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
        for (name, bytes) in
            [("good", vec![b'a'; 10]), ("long", vec![b'a'; MAX_BYTES + 1]), ("bytes", vec![255])]
        {
            std::fs::write(path(name), bytes).expect("a file");
        }
        assert_eq!(read_file(&path("good")).as_deref(), Ok("aaaaaaaaaa"));
        assert_eq!(read_file(&path("long")), Err("it is larger than 4194304 bytes".to_owned()));
        assert_eq!(read_file(&path("bytes")), Err("it is not UTF-8 text".to_owned()));
        assert_eq!(read_file(&path("none")), Err("there is no such file".to_owned()));
        assert_eq!(read_file(&path("")), Err("it is a directory".to_owned()));
    }

    #[test]
    fn schemes_of_sources() {
        assert_eq!(scheme("file:a:b"), Some(("file", "a:b")));
        for path in ["a.yaml", "C:/a.yaml", "./a:b", "é:a", ":a"] {
            assert_eq!(scheme(path), None, "{path}");
        }
    }
}
