//! The scenarios that come with the simulator.

use super::{Scenario, Wrong};

/// Every scenario of `sim/scenarios/genesys`, by name.
pub fn library() -> Result<Vec<Scenario>, Wrong> {
    FILES.iter().map(|(file, text)| Scenario::parse(file, text)).collect()
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$((concat!($name, ".yaml"), include_str!(concat!("../../../scenarios/genesys/", $name, ".yaml")))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "abandoned-in-ivr",
    "abandoned-in-queue",
    "abandoned-while-ringing",
    "agent-disconnects",
    "answered",
    "blind-transfer-to-agent",
    "blind-transfer-to-number",
    "blind-transfer-to-queue",
    "callback",
    "chat",
    "clock-skew",
    "conference",
    "consult-cancelled",
    "consult-completed",
    "consult-to-number",
    "consult-to-queue",
    "crossing-midnight",
    "email",
    "flow-disconnects",
    "hold-three-times",
    "internal-call",
    "message",
    "outbound-no-answer",
    "outbound",
    "re-offered-three-times",
    "system-disconnects",
    "traced",
    "transferred-twice",
    "two-flows",
    "voicemail",
    "wrap-up-skipped",
    "wrap-up-timed-out",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::FILES;

    #[test]
    fn every_file_of_the_folder_is_here() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/genesys");
        let names =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let listed: BTreeSet<_> = FILES.iter().map(|(file, _)| (*file).to_owned()).collect();
        assert_eq!(listed, names.collect::<BTreeSet<_>>());
    }
}
