//! The scenarios that come with the simulator.

use super::{Scenario, Wrong};

/// Every scenario of `sim/scenarios/genesys`, by name: one of each thing that can happen.
pub fn library() -> Result<Vec<Scenario>, Wrong> {
    read(FILES)
}

/// Every scenario of `sim/scenarios/demo`: the day of a contact centre that answers for deliveries and technicians.
pub fn demonstration() -> Result<Vec<Scenario>, Wrong> {
    read(DEMO)
}

fn read(files: &[File]) -> Result<Vec<Scenario>, Wrong> {
    files.iter().map(|(file, text)| Scenario::parse(file, text)).collect()
}

/// Its name and its text.
type File = (&'static str, &'static str);

macro_rules! files {
    ($folder:literal; $($name:literal),* $(,)?) => {
        &[$((
            concat!($name, ".yaml"),
            include_str!(concat!("../../../scenarios/", $folder, "/", $name, ".yaml")),
        )),*]
    };
}

const FILES: &[File] = files!["genesys";
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

const DEMO: &[File] = files!["demo";
    "abandoned-in-menu",
    "abandoned-in-queue",
    "abandoned-while-ringing",
    "answered",
    "answered-at-once",
    "answered-with-hold",
    "callback",
    "chat",
    "conference",
    "consult-cancelled",
    "consult-completed",
    "consult-to-queue",
    "dropped",
    "email",
    "message",
    "outbound",
    "outbound-no-answer",
    "re-offered",
    "technician-and-a-question",
    "technician-booked",
    "transferred-to-agent",
    "transferred-to-queue",
    "transferred-twice",
    "unknown-caller",
    "voicemail",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{DEMO, FILES, File};

    #[test]
    fn every_file_of_the_folders_is_here() {
        for (folder, files) in [("genesys", FILES), ("demo", DEMO)] {
            let path = format!("{}/scenarios/{folder}", env!("CARGO_MANIFEST_DIR"));
            let entries = std::fs::read_dir(path).unwrap();
            let names: BTreeSet<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            let listed: BTreeSet<_> = files.iter().map(|(name, _): &File| (*name).to_owned()).collect();
            assert_eq!(listed, names, "{folder}");
        }
    }
}
