use super::*;
use crate::disk::imagined::Imagined;
use crate::disk::shared::Shared;

const SECOND: u64 = 1_000_000_000;

fn disk(bucket: &Imagined, directory: &tempfile::TempDir) -> Disk {
    let shared = Shared::open(Box::new(bucket.clone()), "s3://b", directory.path(), 1 << 20).unwrap();
    Disk::in_bucket(directory.path(), shared)
}

/// Scenario: three nodes look at the lease; the one that holds it renews it, sleeps too long, and wakes up.
/// Guarantees: one leads at a time as far as they know; each change of hands has a greater term; who was overtaken
/// learns it at the next renewal.
#[test]
fn one_leads_until_its_lease_ends() {
    let (bucket, directory) = (Imagined::new(1), tempfile::tempdir().unwrap());
    let disk = disk(&bucket, &directory);
    let [one, two, three] = [Lead::new(), Lead::new(), Lead::new()];
    let at = |lead: &Lead, seconds: u64| lead.look(&disk, 0, seconds * SECOND).unwrap();
    assert_eq!(at(&one, 0), Leads::Begins(1));
    assert_eq!((at(&two, 1), at(&one, 5)), (Leads::No, Leads::Yes(1)));
    assert_eq!(at(&one, 20), Leads::Yes(1), "renewed");
    assert_eq!(at(&two, 32), Leads::No, "what it waits for has changed");
    assert_eq!(at(&two, 61), Leads::No);
    assert_eq!(at(&two, 62), Leads::Begins(2));
    assert_eq!(at(&three, 63), Leads::No);
    assert_eq!(one.term(), Some(1), "it sleeps and knows nothing");
    assert_eq!((at(&one, 64), one.term()), (Leads::No, None));
    assert_eq!(at(&two, 65), Leads::Yes(2));
    two.lose();
    assert_eq!(at(&two, 66), Leads::Begins(3), "its own lease it need not wait for");
}

#[test]
fn a_term_is_greater_than_all_that_the_logs_tell() {
    let (bucket, directory) = (Imagined::new(1), tempfile::tempdir().unwrap());
    let disk = disk(&bucket, &directory);
    assert_eq!(Lead::new().look(&disk, 41, 0).unwrap(), Leads::Begins(42));
    disk.remove(&directory.path().join(FILE)).unwrap();
    assert_eq!(Lead::new().look(&disk, 42, 0).unwrap(), Leads::Begins(43));
    disk.put(&directory.path().join(FILE), b"garbage").unwrap();
    assert_eq!(Lead::new().look(&disk, 43, 0).unwrap(), Leads::Begins(44));
}

/// Guarantees: whatever requests fail, and whether or not they were carried out, no two nodes begin one term.
#[test]
fn terms_are_unique_on_a_bad_line() {
    for seed in 0..200 {
        let (bucket, directory) = (Imagined::new(seed), tempfile::tempdir().unwrap());
        let disk = disk(&bucket, &directory);
        bucket.fail(300);
        let nodes = [Lead::new(), Lead::new(), Lead::new()];
        let mut terms = Vec::new();
        for step in 0..60 {
            let node = &nodes[bucket.below(3)];
            if let Ok(Leads::Begins(term)) = node.look(&disk, 0, step * 15 * SECOND) {
                terms.push(term);
            }
        }
        assert!(terms.is_sorted_by(|a, b| a < b), "seed {seed}: {terms:?}");
    }
}
