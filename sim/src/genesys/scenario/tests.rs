use expect_test::expect;

use super::super::record::Record;
use super::*;
use crate::chance::Chance;

fn wrong(text: &str) -> String {
    Scenario::parse("calls/mine.yaml", text).unwrap_err().to_string()
}

#[test]
fn a_scenario_is_read_as_it_is_written() {
    let text = "# Says hello.\n# And goes.\nmedia: voice\nclocks: {events: +250ms}\nsteps:\n  - arrives\n  - flow \"Main menu\" for 1m30s\n  - customer disconnects\n";
    let scenario = Scenario::parse("calls/mine.yaml", text).unwrap();
    assert_eq!((scenario.name.as_str(), scenario.about.as_str()), ("mine", "Says hello. And goes."));
    assert_eq!(scenario.clocks, Clocks { events: 250, analytics: 0 });
    let what: Vec<_> = scenario.steps.into_iter().map(|step| (step.line, step.what)).collect();
    let flow = What::Flow { name: "Main menu".to_owned(), lasts: 90_000 };
    assert_eq!(what, [(6, What::Arrives), (7, flow), (8, What::Disconnects(Party::Customer))]);
}

/// Guarantees: a wrong file is refused with its name, the line, what is wrong and what to write.
#[test]
fn mistakes_are_named_with_their_place_and_mend() {
    let cases = [
        "steps: [arrives]\n",
        "# x\n",
        "# x\nmedia: fax\nsteps: [arrives]\n",
        "# x\nstep: [arrives]\n",
        "# x\nsteps:\n  - arrives\n  - quue billing for 40s\n",
        "# x\nsteps:\n  - arrives\n  - queue billing for 40\n",
        "# x\nsteps:\n  - arrives\n  - flow \"Main for 3s\n",
        "# x\nsteps:\n  - arrives\n  - alert ann for 3s, answered\n",
        "# x\nsteps:\n  - arrives\n  - queue billing for 3s\n",
        "# x\nsteps:\n  - arrives\n  - flow F for 3s\n  - milestone M at 4s\n  - customer disconnects\n",
        "# x\nsteps:\n  - arrives\n  - queue q for 3s\n  - alert ann for 3s, answered\n  - park 3s\n",
        "# x\nsteps:\n  - arrives\n  - customer disconnects\n  - customer disconnects\n",
        "# x\nclocks: {events: soon}\nsteps: [arrives]\n",
        "# x\nstarts: 25:00:00\nsteps: [arrives]\n",
        "# x\nweight: 0\nsteps: [arrives]\n",
        "# x\nsteps: {a: [}\n",
    ];
    let found: Vec<_> = cases.iter().map(|text| wrong(text)).collect();
    expect![[r#"
        calls/mine.yaml:1: nobody can tell what happens here; begin the file with a comment that says it
        calls/mine.yaml:2: the file is empty; the keys are weight, media, direction, customer, dialled, subject, starts, clocks and steps
        calls/mine.yaml:2: `fax` is no media; media is voice, callback, chat, message or email
        calls/mine.yaml:2: `step` is no key of a scenario; the keys are weight, media, direction, customer, dialled, subject, starts, clocks and steps
        calls/mine.yaml:4: `quue billing for 40s` is no step; a step begins with arrives, flow, milestone, data action, outcome, set, queue, wait, alert, talk, hold, park, consult, conference, transfer, voicemail, calls back, wrap-up, `<who> disconnects`, `<agent> dials` or `<agent> calls`
        calls/mine.yaml:4: `queue billing for 40` is no step; write a duration as 800ms, 40s, 2m or 1m30s, 24h at most
        calls/mine.yaml:4: `flow "Main for 3s` is no step; close the quotation mark
        calls/mine.yaml:4: nothing can ring at ann's; write `queue billing for 40s` or `transfer agent ...` before it
        calls/mine.yaml:4: the conversation never ends; end it: `customer disconnects`
        calls/mine.yaml:5: the flow has ended by then; times in a flow count from its beginning
        calls/mine.yaml:6: only emails and messages are parked; write `hold 30s`
        calls/mine.yaml:5: the customer is not there; name somebody who has answered and not left
        calls/mine.yaml:2: `soon` is no difference; write `clocks: {events: +250ms, analytics: -1s}`, at most 10m
        calls/mine.yaml:2: this is no time of day; write a time of day in quotes: "23:59:45"
        calls/mine.yaml:2: `0` is no weight; write a whole number from 1 to 1000: a scenario of weight 3 comes three times as often as one of weight 1
        calls/mine.yaml:2: this is not YAML: while parsing a node, did not find expected node content; the keys are weight, media, direction, customer, dialled, subject, starts, clocks and steps
    "#]].assert_eq(&(found.join("\n") + "\n"));
}

#[test]
fn the_seed_chooses_digits() {
    let text = "# x\ncustomer: \"tel:+442079460###\"\nsteps: [arrives, customer disconnects]\n";
    let scenario = Scenario::parse("x.yaml", text).unwrap();
    let number = |seed| Record::new(&scenario, seed, 0).customer_address().to_owned();
    assert!((0..50).map(number).all(|number| {
        let digits = number.strip_prefix("tel:+442079460").unwrap();
        digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit())
    }));
    assert_eq!(number(1), number(1));
    assert_ne!(number(1), number(2));
}

/// Guarantees: whatever the lengths, a scenario can be played, and a flow leaves its Data Actions the time they had.
#[test]
fn lengths_vary_and_flows_are_never_shorter() {
    let flows = |scenario: &Scenario| -> Vec<u64> {
        let lasts = |step: &Step| match step.what {
            What::Flow { lasts, .. } => Some(lasts),
            _ => None,
        };
        scenario.steps.iter().filter_map(lasts).collect()
    };
    for scenario in library().unwrap().into_iter().chain(demonstration().unwrap()) {
        let scenario = scenario.faster(10.0);
        for seed in 0..20 {
            let varied = scenario.varied(0.5, &mut Chance::new(seed));
            let played = Record::try_play(&varied, seed, 0);
            assert!(played.is_ok(), "{}: {played:?}", scenario.name);
            let longer = flows(&varied).into_iter().zip(flows(&scenario)).all(|(now, before)| now >= before);
            assert!(longer, "{}", scenario.name);
            assert_eq!(varied, scenario.varied(0.5, &mut Chance::new(seed)));
        }
    }
}

#[test]
fn a_time_of_day_is_the_next_of_its_kind() {
    let text = "# x\nstarts: \"23:59:45\"\nsteps: [arrives, customer disconnects]\n";
    let scenario = Scenario::parse("x.yaml", text).unwrap();
    let starts =
        |at: &str| super::super::time::iso(scenario.next_start(super::super::time::parse_iso(at).unwrap()));
    assert_eq!(starts("2026-03-01T10:00:00Z"), "2026-03-01T23:59:45.000Z");
    assert_eq!(starts("2026-03-01T23:59:46Z"), "2026-03-02T23:59:45.000Z");
}

const SENTENCES: &[&str] = &[
    "arrives",
    "flow menu for 3s",
    "milestone m at 1s",
    "outcome o fails",
    "set k v",
    "queue billing for 4s",
    "wait 2s",
    "alert ann for 3s, answered",
    "alert bob for 3s, no answer",
    "alert bob for 3s",
    "talk 9s",
    "hold 4s",
    "consult agent cleo, rings 1s, talks 2s, cancelled",
    "consult queue other, waits 1s, dan rings 1s, talks 2s, completed",
    "conference number +4930, rings 1s, talks 2s",
    "transfer agent bob",
    "transfer queue other for 3s",
    "transfer number +4930, rings 1s, talks 2s",
    "voicemail for 3s",
    "customer disconnects",
    "agent disconnects",
    "wrap-up ann for 3s",
];

proptest::proptest! {
    /// Guarantees: whatever a file says, reading it ends with a scenario or with an error that has a place.
    #[test]
    fn no_text_makes_the_reader_panic(text in "(?s).{0,300}") {
        if let Err(wrong) = Scenario::parse("x.yaml", &text) {
            proptest::prop_assert!(wrong.line <= text.lines().count() + 1 && !wrong.mend.is_empty());
        }
    }

    /// Guarantees: steps in any order are refused, or make a conversation in which all phases follow each other.
    #[test]
    fn what_is_accepted_can_be_told(steps in proptest::collection::vec(proptest::sample::select(SENTENCES), 1..14)) {
        let list: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
        let text = format!("# x\nsteps:\n  - arrives\n  - queue q for 2s\n  - alert ann for 1s, answered\n{list}  - customer disconnects\n");
        if let Ok(scenario) = Scenario::parse("x.yaml", &text) {
            let record = Record::new(&scenario, 1, 1_000_000);
            let body = record.conversation(record.last_ms()).unwrap();
            for one in body["participants"].as_array().unwrap() {
                for call in one["calls"].as_array().unwrap() {
                    let segments = call["segments"].as_array().unwrap();
                    for (one, next) in segments.iter().zip(segments.iter().skip(1)) {
                        proptest::prop_assert_eq!(&one["endTime"], &next["startTime"]);
                    }
                    let times = segments.iter().flat_map(|one| [&one["startTime"], &one["endTime"]]);
                    proptest::prop_assert!(times.map(|time| time.as_str().unwrap()).is_sorted(), "{}", call);
                }
            }
        }
    }
}
