//! The section `trust` of the receivers: whose `traceparent` in participant data is continued.

use flow::config::{Finding, Node, closest};
use serde::Deserialize;

use crate::settings::{Names, Trust};

/// `all` stands for every name; an empty list for nobody.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Trusted {
    /// `voice`, `callback`, `chat`, `message`, `email`.
    channels: Vec<String>,
    /// `customer`, `ivr`, `agent` and so on.
    participants: Vec<String>,
}

impl Default for Trusted {
    fn default() -> Self {
        let names = |names: Names| match names {
            Names::All => vec!["all".to_owned()],
            Names::Only(names) => names.iter().map(ToString::to_string).collect(),
        };
        let Trust { channels, participants } = Trust::default();
        Self { channels: names(channels), participants: names(participants) }
    }
}

impl Trusted {
    pub(crate) fn trust(&self) -> Trust {
        let names = |names: &[String]| Names::of(names.iter().map(String::as_str));
        Trust { channels: names(&self.channels), participants: names(&self.participants) }
    }

    /// A word that no conversation has believes nobody: not an error, since there may be new ones.
    pub(crate) fn check(section: &Node) -> Vec<Finding> {
        let Some(trust) = section.get("trust") else { return Vec::new() };
        let lists = [("channels", CHANNELS), ("participants", PARTICIPANTS)];
        let mut findings = Vec::new();
        for (key, known) in lists {
            let words = trust.get(key).map(Node::items).unwrap_or_default();
            for word in words.iter().filter(|word| word.text().is_some_and(|text| !known.contains(&text))) {
                let text = word.text().unwrap_or_default();
                let finding = Finding::advice(word, format!("`{text}` is none of the usual {key}"));
                let help = match closest(text, known.iter().copied()) {
                    Some(other) => format!("did you mean `{other}`?"),
                    None => format!("the usual ones are {}", known.join(", ")),
                };
                findings.push(finding.help(help));
            }
        }
        findings
    }
}

const CHANNELS: &[&str] =
    &["all", "voice", "callback", "chat", "message", "email", "cobrowse", "video", "screenshare"];
const PARTICIPANTS: &[&str] = &[
    "all",
    "customer",
    "ivr",
    "acd",
    "agent",
    "user",
    "external",
    "voicemail",
    "workflow",
    "botflow",
    "voicesurveyflow",
    "campaign",
    "dialer",
    "api",
    "group",
    "manual",
    "station",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> (Trust, String) {
        let node = Node::load("c.yaml", &format!("trust: {yaml}")).unwrap();
        let section: Trusted = node.get("trust").unwrap().parse().unwrap();
        let findings = Trusted::check(&node);
        (section.trust(), findings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_left_out_is_as_usual() {
        assert_eq!(read("{}"), (Trust::default(), String::new()));
        assert_eq!(Trusted::default().trust(), Trust::default());
        let (trust, _) = read("{channels: [all]}");
        assert!(trust.believes(Some("chat"), None));
        let (trust, _) = read("{participants: [ivr]}");
        assert!(
            trust.believes(Some("voice"), Some("ivr")) && !trust.believes(Some("voice"), Some("customer"))
        );
        assert!(!trust.believes(Some("chat"), Some("ivr")) && !trust.believes(None, Some("ivr")));
        assert!(!read("{channels: []}").0.believes(Some("voice"), Some("ivr")));
    }

    #[test]
    fn a_word_that_nobody_uses_is_pointed_out() {
        let (_, said) = read("{channels: [voise], participants: [customer]}");
        assert!(said.contains("`voise`") && said.contains("did you mean `voice`?"), "{said}");
    }
}
