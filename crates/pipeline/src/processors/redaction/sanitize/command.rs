//! Commands of Redis, Valkey and Memcached without values.

/// Commands whose first argument is no key, or a secret.
const WITHOUT_KEY: [&str; 9] =
    ["AUTH", "HELLO", "CONFIG", "EVAL", "EVALSHA", "ACL", "MIGRATE", "PUBLISH", "SCRIPT"];

/// The command and its key stay; every other argument becomes one `?`. One command for each line.
pub(super) fn redis(text: &str, out: &mut String) {
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut words = line.split_ascii_whitespace().peekable();
        let Some(command) = words.next() else { continue };
        out.push_str(command);
        let has_key = !WITHOUT_KEY.iter().any(|known| known.eq_ignore_ascii_case(command));
        // Of a quoted key with spaces in it, one word would be left.
        if let Some(key) = words.next_if(|key| has_key && !key.starts_with(['"', '\''])) {
            out.push(' ');
            out.push_str(key);
        }
        if words.next().is_some() {
            out.push_str(" ?");
        }
    }
}

/// The first line stays: the command, its key, flags and lengths. What follows is the value.
pub(super) fn memcached(text: &str, out: &mut String) {
    out.push_str(text.split(['\r', '\n']).next().unwrap_or_default());
}
