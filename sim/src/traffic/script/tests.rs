use std::collections::BTreeMap;

use expect_test::expect;
use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn the_same_numbers_give_the_same_call(seed: u64, number: u64) {
        prop_assert_eq!(script(seed, number), script(seed, number));
        prop_assert_ne!(script(seed, number).trace_id, script(seed, number.wrapping_add(1)).trace_id);
        prop_assert_ne!(script(seed, number).trace_id, script(seed.wrapping_add(1), number).trace_id);
    }

    #[test]
    fn whoever_knows_the_conversation_knows_trace_and_root(seed: u64, number: u64) {
        let script = script(seed, number);
        prop_assert_eq!(TraceId::from_uuid(&script.conversation), Some(script.trace_id));
        prop_assert!(script.trace_id.to_string().starts_with(&script.root_id.to_string()));
        prop_assert_eq!(script.conversation.as_bytes()[14], b'4', "the version");
        prop_assert!(b"89ab".contains(&script.conversation.as_bytes()[19]), "the variant");
    }

    #[test]
    fn stages_follow_each_other_as_in_a_real_call(seed: u64, number: u64) {
        let script = script(seed, number);
        let stages: Vec<_> = script.steps.iter().map(|step| step.stage).collect();
        prop_assert_eq!(stages[0], Stage::Setup);
        prop_assert_eq!(stages.iter().filter(|stage| **stage == Stage::Setup).count(), 1);
        for pair in script.steps.windows(2) {
            prop_assert!(may_follow(&pair[0], &pair[1]), "{:?} then {:?}", pair[0], pair[1]);
        }
        let end = stages.last().copied();
        let expected = match script.outcome {
            Outcome::Resolved => [Stage::Wrapup].as_slice(),
            Outcome::SelfService => &[Stage::Ivr],
            Outcome::Abandoned => &[Stage::Ivr, Stage::Queue],
            Outcome::Voicemail => &[Stage::Voicemail],
            Outcome::NoAnswer => &[Stage::Setup],
        };
        prop_assert!(end.is_some_and(|end| expected.contains(&end)), "{:?} ends in {end:?}", script.outcome);
        prop_assert!(!script.steps.last().is_some_and(|step| step.meanwhile), "nobody waits for the last stage");
    }

    #[test]
    fn who_is_waited_for_is_named(seed: u64, number: u64) {
        for step in script(seed, number).steps {
            let with_agent = matches!(
                step.stage,
                Stage::Alert | Stage::Talk | Stage::Hold | Stage::Consult | Stage::Transfer | Stage::Wrapup
            );
            prop_assert_eq!(step.agent.is_some(), with_agent);
            prop_assert_eq!(step.queue.is_some(), !matches!(step.stage, Stage::Setup | Stage::Ivr));
            prop_assert!(step.lasts() > Duration::ZERO);
        }
    }

    #[test]
    fn a_call_lasts_seconds_to_an_hour(seed: u64, number: u64) {
        let lasts = script(seed, number).lasts();
        prop_assert!((Duration::from_secs(1)..Duration::from_secs(3600)).contains(&lasts), "{lasts:?}");
    }
}

fn may_follow(first: &Step, second: &Step) -> bool {
    use Stage::*;
    let next = second.stage;
    match first.stage {
        Setup => matches!(next, Ivr | Alert),
        Ivr => next == Queue,
        Queue => matches!(next, Alert | Voicemail),
        Alert if first.missed => next == Queue,
        Alert => next == Talk,
        Talk => matches!(next, Hold | Transfer | Wrapup),
        Hold => matches!(next, Talk | Consult),
        Consult => next == Transfer,
        Transfer => next == Wrapup && second.meanwhile,
        Wrapup => first.meanwhile && matches!(next, Queue | Talk),
        Voicemail => false,
    }
}

#[test]
fn a_thousand_calls_have_everything_in_them() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |what: &str| *seen.entry(what.to_owned()).or_default() += 1;
    let mut lengths = Vec::new();
    for number in 0..1000 {
        let script = script(1, number);
        lengths.push(script.lasts().as_secs());
        count(&format!("outcome {}", script.outcome.word()));
        count(&format!("direction {}", script.direction.word()));
        count(&format!("region {}", script.region));
        for step in &script.steps {
            count(&format!("stage {}", step.stage.word()));
            let schedules = step.cues.iter().filter(|cue| matches!(cue.what, Happening::Schedule { .. }));
            schedules.for_each(|_| count("action schedule"));
        }
        if script.steps.iter().any(|step| step.missed) {
            count("offered again");
        }
    }
    lengths.sort_unstable();
    let shown: Vec<_> = seen.iter().map(|(what, times)| format!("{what}: {times}")).collect();
    expect![[r#"
        action schedule: 249
        direction inbound: 874
        direction outbound: 126
        offered again: 97
        outcome abandoned: 109
        outcome no_answer: 47
        outcome resolved: 743
        outcome self_service: 71
        outcome voicemail: 30
        region ap-southeast-2: 156
        region eu-west-2: 597
        region us-east-1: 247
        stage alert: 910
        stage consult: 41
        stage hold: 138
        stage ivr: 874
        stage queue: 930
        stage setup: 1000
        stage talk: 943
        stage transfer: 103
        stage voicemail: 30
        stage wrapup: 846"#]]
    .assert_eq(&shown.join("\n"));
    assert!((180..420).contains(&lengths[500]), "half of the calls are shorter than {} s", lengths[500]);
}
