//! Every scenario of the simulator, seen live, after a gap and long afterwards: one tree.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "scenarios/compare.rs"]
mod compare;
#[path = "scenarios/play.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod play;
#[path = "scenarios/tree.rs"]
mod tree;

use expect_test::expect_file;

/// One test for each file.
macro_rules! scenarios {
    ($($test:ident $name:literal)*) => {
        $(
            #[test]
            fn $test() {
                let played = play::Played::new($name);
                let after = played.gap_fill();
                expect_file![concat!("scenarios/golden/", $name, ".txt")].assert_eq(&tree::text(&after));
                compare::nothing_counts_twice(&after);
                compare::same("live", &played.live(), &after, 0);
                if let Some(seen) = played.notifications() {
                    compare::same("queue and user topics", &seen, &after, 0);
                }
                compare::same("back-fill", &played.back_fill(), &after, played.analytics_clock());
                compare::same("everything", &played.everything(), &after, 0);
            }
        )*

        /// The same with other ids and other milliseconds between what happens.
        #[test]
        fn the_seed_does_not_matter() {
            for (name, seed) in [$($name),*].into_iter().flat_map(|name| (100..103).map(move |seed| (name, seed))) {
                let played = play::Played::seeded(name, seed);
                let (after, about) = (played.gap_fill(), format!("{name} {seed}"));
                compare::nothing_counts_twice(&after);
                compare::same(&about, &played.live(), &after, 0);
                if let Some(seen) = played.notifications() {
                    compare::same(&about, &seen, &after, 0);
                }
                compare::same(&about, &played.back_fill(), &after, played.analytics_clock());
            }
        }

        #[test]
        fn each_scenario_has_a_test() {
            let library = sim::genesys::scenario::library().unwrap();
            let mut names: Vec<_> = library.iter().map(|one| one.name.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, [$($name),*]);
        }
    };
}

scenarios! {
    abandoned_in_ivr "abandoned-in-ivr"
    abandoned_in_queue "abandoned-in-queue"
    abandoned_while_ringing "abandoned-while-ringing"
    agent_disconnects "agent-disconnects"
    answered "answered"
    blind_transfer_to_agent "blind-transfer-to-agent"
    blind_transfer_to_number "blind-transfer-to-number"
    blind_transfer_to_queue "blind-transfer-to-queue"
    callback "callback"
    chat "chat"
    clock_skew "clock-skew"
    conference "conference"
    consult_cancelled "consult-cancelled"
    consult_completed "consult-completed"
    consult_to_number "consult-to-number"
    consult_to_queue "consult-to-queue"
    crossing_midnight "crossing-midnight"
    email "email"
    flow_disconnects "flow-disconnects"
    hold_three_times "hold-three-times"
    internal_call "internal-call"
    message "message"
    outbound "outbound"
    outbound_no_answer "outbound-no-answer"
    re_offered_three_times "re-offered-three-times"
    system_disconnects "system-disconnects"
    traced "traced"
    transferred_twice "transferred-twice"
    two_flows "two-flows"
    voicemail "voicemail"
    wrap_up_skipped "wrap-up-skipped"
    wrap_up_timed_out "wrap-up-timed-out"
}
