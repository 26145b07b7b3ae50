//! Decisions as they stand in a journal, so that spans that come again are not decided on again.

use std::sync::Arc;

use super::policy::TraceId;

const TRACE: u8 = b't';
const INTERACTION: u8 = b'i';
const LEFT_OUT: u8 = 0;
const SAMPLED: u8 = 1;

/// What was decided for whom.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Decision {
    pub(crate) subject: Decided,
    /// Nothing where it is left out.
    pub(crate) sampled: Option<Sampled>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Decided {
    Trace(TraceId),
    /// All traces of an interaction.
    Interaction(Arc<str>),
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Sampled {
    /// The name of the policy.
    pub(crate) by: Arc<str>,
    /// The share of such traces that is kept, where that is known.
    pub(crate) probability: Option<f64>,
}

impl Decision {
    /// As key and verdict.
    pub(crate) fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        let key = match &self.subject {
            Decided::Trace(id) => [&[TRACE], id.as_slice()].concat(),
            Decided::Interaction(id) => [&[INTERACTION], id.as_bytes()].concat(),
        };
        let verdict = match &self.sampled {
            None => vec![LEFT_OUT],
            Some(Sampled { by, probability }) => {
                let probability = probability.unwrap_or(f64::NAN).to_le_bytes();
                [&[SAMPLED], probability.as_slice(), by.as_bytes()].concat()
            }
        };
        (key, verdict)
    }

    /// Nothing where another version wrote something else.
    pub(crate) fn decode(key: &[u8], verdict: &[u8]) -> Option<Self> {
        let text = |bytes| Some(Arc::from(std::str::from_utf8(bytes).ok()?));
        let subject = match key.split_first()? {
            (&TRACE, id) => Decided::Trace(id.try_into().ok()?),
            (&INTERACTION, id) => Decided::Interaction(text(id)?),
            _ => return None,
        };
        let sampled = match verdict.split_first()? {
            (&LEFT_OUT, []) => None,
            (&SAMPLED, rest) => {
                let (probability, by) = rest.split_first_chunk::<8>()?;
                let probability = Some(f64::from_le_bytes(*probability)).filter(|share| !share.is_nan());
                Some(Sampled { by: text(by)?, probability })
            }
            _ => return None,
        };
        Some(Self { subject, sampled })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_decision_comes_back() {
        let sampled = |probability| Some(Sampled { by: "slow".into(), probability });
        for subject in [Decided::Trace([7; 16]), Decided::Interaction("c-1".into())] {
            for sampled in [None, sampled(None), sampled(Some(0.25))] {
                let decision = Decision { subject: subject.clone(), sampled };
                let (key, verdict) = decision.encode();
                assert_eq!(Decision::decode(&key, &verdict), Some(decision));
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_decision_or_none(key: Vec<u8>, verdict: Vec<u8>) {
            if let Some(decision) = Decision::decode(&key, &verdict) {
                prop_assert_eq!(decision.encode().0, key);
            }
        }
    }
}
