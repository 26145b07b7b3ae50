//! Kills among reloads: another configuration does not loosen the promise.

use std::time::Duration;

use crate::{Chance, SPANS, Setup, number, quiet};

const FIRST: &str = include_str!("journal.yaml");

/// What may change under a journal: what is behind it, what guards it. The first one is what it begins with.
fn configurations() -> [String; 4] {
    let smaller = FIRST.replace("send_batch_size: 200", "send_batch_size: 30");
    let guarded = FIRST.replace("limit_mib: 256", "limit_mib: 255");
    let attributes = "processors:\n  attributes: {actions: [{key: more, value: yes, action: upsert}]}\n";
    let more = FIRST.replace("processors:\n  m", &format!("{attributes}  m"));
    [
        FIRST.to_owned(),
        smaller,
        guarded,
        more.replace("[memory_limiter, batch]", "[memory_limiter, attributes, batch]"),
    ]
}

/// The receiver closes, and opens again.
fn of_another_receiver() -> String {
    FIRST.replace("      http:\n", "      http:\n        max_request_body_size: 1000000\n")
}

/// Scenario: under load the configuration changes again and again, now and then the receiver too; the process is killed
/// (SIGKILL) a moment after a change or amid one, and begins with whatever configuration is there; one backend comes and goes.
/// Guarantees: all changes but the last come into force; every span whose request was answered with success arrives at both
/// backends; what comes twice was not settled at a kill; in the end nothing is unaccounted for, and a restart repeats nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_among_reloads_loses_an_accepted_span() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    let setup = Setup::new(&file).await;
    let mut chance = Chance(number("JOURNAL_SEED", 7));
    let kills = number("JOURNAL_KILLS", 20) / 2;
    for kill in 0..kills {
        std::fs::write(&file, FIRST).unwrap();
        let product = setup.start().await;
        let mut clients = setup.load(&product, Duration::from_millis(1));
        setup.flap(&mut chance);
        let [_, mut changes @ ..] = configurations();
        changes.rotate_left(chance.below(3) as usize);
        let receiver = (kill % 3 == 0).then(of_another_receiver);
        for (number, yaml) in changes.into_iter().chain(receiver).enumerate() {
            tokio::time::sleep(Duration::from_millis(chance.below(100))).await;
            std::fs::write(&file, yaml).unwrap();
            product.reload().await.unwrap();
            let applied = 2.0 + number as f64;
            product.wait_for_metric("throughline_config_reloads{result=\"applied\"}", applied).await.unwrap();
        }
        if kill % 3 == 0 {
            // Their connections were closed.
            clients = setup.load(&product, Duration::from_millis(1));
        }
        std::fs::write(&file, FIRST).unwrap();
        product.reload().await.unwrap();
        tokio::time::sleep(Duration::from_millis(chance.below(100))).await;
        if kill == kills / 2 {
            clients.shutdown().await;
            setup.settle(&product, |_| true).await;
        }
        product.kill().await.unwrap();
        clients.shutdown().await;
        println!("kill {kill}: {} spans accepted so far", setup.accepted().len());
    }
    setup.flapping.set(sim::sink::Behaviour::default());
    let product = setup.start().await;
    let accepted = setup.accepted();
    setup.delivered(&product, &accepted).await;
    quiet(&product).await;
    product.stop().await.unwrap();
    let twice = setup.repeated();
    println!("{kills} kills, {} spans accepted, {twice:?} came twice", accepted.len());
    assert!(accepted.len() as u64 > kills * SPANS, "there was load");
    setup.nothing_comes_again().await;
}
