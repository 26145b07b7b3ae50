use std::fs;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use expect_test::expect;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::disk::simulated::Simulated;

const NOON: u64 = 1_795_176_000_000_000_000;

fn columns() -> Schema {
    let pair = vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Int64, false)];
    let entries = Field::new("key_value", DataType::Struct(pair.into()), false);
    Schema::new(vec![
        Field::new("id", DataType::Binary, false),
        Field::new("numbers", DataType::Map(Arc::new(entries), false), false),
    ])
}

fn create(directory: &TempDir) -> Log {
    create_on(&Disk::new(directory.path()))
}

fn create_on(disk: &Disk) -> Log {
    let columns = columns();
    let new = New { name: "t", columns: &columns, partitions: &[("day", "date")], skipping: &["id"] };
    let change = Change { adds: vec![add("first")], now_ns: NOON, ..Change::default() };
    Log::create(disk, &new, change).unwrap()
}

fn open(directory: &TempDir) -> Result<Option<Log>, StoreError> {
    Log::open(&Disk::new(directory.path()), "t")
}

fn add(path: &str) -> Add {
    Add {
        path: path.to_owned(),
        partition_values: Values::from([("day".to_owned(), None)]),
        size: 7,
        modification_time: 1,
        data_change: true,
        stats: Some(r#"{"numRecords":1}"#.to_owned()),
        tags: Some(Values::from([("throughline".to_owned(), Some("{}".to_owned()))])),
    }
}

fn change(adds: &[&str], removes: &[&str]) -> Change {
    Change {
        operation: "WRITE",
        adds: adds.iter().map(|path| add(path)).collect(),
        removes: removes.iter().map(|path| (*path).to_owned()).collect(),
        rows_change: true,
        generation: Some(9),
        now_ns: NOON,
        ..Change::default()
    }
}

fn paths(log: &Log) -> Vec<&str> {
    log.state.adds.keys().map(String::as_str).collect()
}

fn file(directory: &TempDir, version: u64) -> PathBuf {
    entry(&directory.path().join("t"), version)
}

#[test]
fn entries_are_in_the_words_of_the_protocol() {
    let directory = TempDir::new().unwrap();
    let mut log = create(&directory);
    let id = log.state.metadata.clone().unwrap().id;
    assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
    let gone = log.commit(&change(&["second"], &["first"])).unwrap();
    assert_eq!(gone, [add("first")]);
    let text = |version| fs::read_to_string(file(&directory, version)).unwrap().replace(&id, "ID");
    expect![[r#"
        {"commitInfo":{"engineInfo":"throughline/0.1.0","operation":"CREATE TABLE","timestamp":1795176000000}}
        {"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
        {"metaData":{"id":"ID","name":"t","format":{"provider":"parquet","options":{}},"schemaString":"{\"fields\":[{\"metadata\":{},\"name\":\"id\",\"nullable\":false,\"type\":\"binary\"},{\"metadata\":{},\"name\":\"numbers\",\"nullable\":false,\"type\":{\"keyType\":\"string\",\"type\":\"map\",\"valueContainsNull\":false,\"valueType\":\"long\"}},{\"metadata\":{},\"name\":\"day\",\"nullable\":true,\"type\":\"date\"}],\"type\":\"struct\"}","partitionColumns":["day"],"configuration":{"delta.checkpointInterval":"100","delta.dataSkippingStatsColumns":"id"},"createdTime":1795176000000}}
        {"add":{"path":"first","partitionValues":{"day":null},"size":7,"modificationTime":1,"dataChange":true,"stats":"{\"numRecords\":1}","tags":{"throughline":"{}"}}}
    "#]]
    .assert_eq(&text(0));
    expect![[r#"
        {"commitInfo":{"engineInfo":"throughline/0.1.0","operation":"WRITE","timestamp":1795176000000}}
        {"txn":{"appId":"throughline","version":9,"lastUpdated":1795176000000}}
        {"remove":{"path":"first","deletionTimestamp":1795176000000,"dataChange":true,"extendedFileMetadata":true,"partitionValues":{"day":null},"size":7}}
        {"add":{"path":"second","partitionValues":{"day":null},"size":7,"modificationTime":1,"dataChange":true,"stats":"{\"numRecords\":1}","tags":{"throughline":"{}"}}}
    "#]]
    .assert_eq(&text(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Scenario: files come and go over some hundred entries, with checkpoints among them.
    /// Guarantees: who opens the log knows what its writer knows, from a checkpoint as from the entries.
    #[test]
    fn what_is_committed_is_read(steps in prop::collection::vec((0..40_u8, 0..40_u8), 0..230)) {
        let directory = TempDir::new().unwrap();
        let mut log = create(&directory);
        for (comes, goes) in steps {
            let (comes, goes) = (format!("f{comes}"), format!("f{goes}"));
            log.commit(&change(&[&comes], &[&goes])).unwrap();
        }
        let known = log.state.clone();
        prop_assert_eq!(&open(&directory).unwrap().unwrap().state, &known);
        for checkpoint in fs::read_dir(directory.path().join("t/_delta_log")).unwrap().map(Result::unwrap) {
            if checkpoint.path().extension().is_some_and(|ending| ending == "parquet") {
                fs::write(checkpoint.path(), "garbage").unwrap();
            }
        }
        prop_assert_eq!(&open(&directory).unwrap().unwrap().state, &known, "from the entries alone");
    }

    #[test]
    fn any_bytes_are_an_entry_or_not(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let directory = TempDir::new().unwrap();
        create(&directory);
        fs::write(file(&directory, 1), &bytes).unwrap();
        let log = open(&directory).unwrap().unwrap();
        prop_assert_eq!(log.is_torn(), action::parse(&bytes).is_err());
        prop_assert!(checkpoint::decode(bytes).is_err());
    }
}

#[test]
fn old_entries_go_when_a_checkpoint_has_made_them_needless() {
    let directory = TempDir::new().unwrap();
    let mut log = create(&directory);
    for _ in 0..100 {
        log.commit(&change(&["a"], &[])).unwrap();
    }
    assert!(file(&directory, 0).exists(), "a young entry stays");
    let tomorrow = SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
        + 25 * 3600 * 1_000_000_000;
    for _ in 0..100 {
        log.commit(&Change { now_ns: tomorrow, ..change(&["b"], &["a"]) }).unwrap();
    }
    let folder = open::Folder::list(&Disk::new(directory.path()), &directory.path().join("t")).unwrap();
    assert_eq!((folder.entries, folder.checkpoints), (vec![200], vec![200]));
    let last = fs::read_to_string(directory.path().join("t/_delta_log/_last_checkpoint")).unwrap();
    assert_eq!(last, r#"{"size":6,"version":200}"#);
    assert_eq!(paths(&open(&directory).unwrap().unwrap()), ["b", "first"]);
}

#[test]
fn a_torn_last_entry_is_moved_aside_and_an_older_one_is_told() {
    let directory = TempDir::new().unwrap();
    let mut log = create(&directory);
    log.commit(&change(&["a"], &[])).unwrap();
    log.commit(&change(&["b"], &[])).unwrap();
    let whole = fs::read(file(&directory, 2)).unwrap();
    fs::write(file(&directory, 2), &whole[..whole.len() - 9]).unwrap();
    let log = open(&directory).unwrap().unwrap();
    assert_eq!((paths(&log), log.is_torn()), (vec!["a", "first"], true));
    assert!(directory.path().join("aside/t__delta_log_00000000000000000002.json").exists());
    fs::write(file(&directory, 2), &whole).unwrap();
    fs::write(file(&directory, 1), "{").unwrap();
    let told = open(&directory).err().unwrap().to_string();
    let told = told.replace(&directory.path().display().to_string(), "STORE");
    expect!["STORE/t/_delta_log/00000000000000000001.json is damaged: line 1: EOF while parsing an object at line 1 column 1; run `throughline store repair` on the directory"].assert_eq(&told);
    fs::remove_file(file(&directory, 1)).unwrap();
    let told = open(&directory).err().unwrap().to_string();
    assert!(told.contains("entry 1 is missing before it"), "{told}");
    assert!(file(&directory, 2).exists());
}

#[test]
fn an_entry_of_somebody_else_is_learnt_before_the_next() {
    let directory = TempDir::new().unwrap();
    let (mut one, mut other) = (create(&directory), open(&directory).unwrap().unwrap());
    one.commit(&change(&["a"], &["first"])).unwrap();
    other.commit(&change(&["b"], &["first"])).unwrap();
    assert_eq!((paths(&other), other.state.version), (vec!["a", "b"], Some(2)));
    assert_eq!(open(&directory).unwrap().unwrap().state, other.state);
}

proptest! {
    /// Scenario: the disk fails now and then while entries are written, until the power goes; three times over.
    /// Guarantees: the log opens again, and has every entry that was told to be there.
    #[test]
    fn no_entry_outlasts_the_one_before_it(seed in any::<u64>(), entries in 1_usize..20) {
        let directory = TempDir::new().unwrap();
        let faulty = Arc::new(Simulated::new(directory.path(), seed));
        let disk = Disk::on(directory.path(), Arc::clone(&faulty) as _);
        let (mut log, mut told) = (create_on(&disk), Vec::new());
        for life in 0..3 {
            faulty.light(usize::MAX, 300);
            for number in 0..entries {
                let name = format!("{life}-{number}");
                if log.commit(&change(&[&name], &[])).is_ok() {
                    told.push(name);
                }
            }
            faulty.restart();
            log = Log::open(&disk, "t").unwrap().unwrap();
            prop_assert!(told.iter().all(|name| log.state.adds.contains_key(name)), "{:?}", paths(&log));
        }
    }
}

#[test]
fn what_was_undone_goes_with_the_next_entry() {
    let directory = TempDir::new().unwrap();
    let mut log = create(&directory);
    let part = change(&["a"], &["first"]);
    let gone = log.commit(&part).unwrap();
    log.undo(&part.adds, gone);
    log.commit(&change(&["b"], &[])).unwrap();
    assert_eq!(paths(&log), ["b", "first"]);
    log.commit(&change(&["c"], &[])).unwrap();
    assert_eq!(paths(&open(&directory).unwrap().unwrap()), ["b", "c", "first"]);
}

#[test]
fn what_is_tried_again_is_not_undone() {
    let directory = TempDir::new().unwrap();
    let mut log = create(&directory);
    let part = change(&["a"], &["first"]);
    let before = log.commit(&part).unwrap();
    log.undo(&part.adds, before);
    log.commit(&change(&["b"], &["first"])).unwrap();
    assert_eq!(paths(&log), ["b"]);
    assert_eq!(paths(&open(&directory).unwrap().unwrap()), ["b"]);
}

#[test]
fn a_file_that_is_told_of_anew_is_undone_as_it_was() {
    let directory = TempDir::new().unwrap();
    let mut log = create(&directory);
    let first = log.state.adds["first"].clone();
    let part =
        Change { adds: vec![Add { tags: Some(Values::default()), ..first.clone() }], ..change(&[], &[]) };
    let before = log.commit(&part).unwrap();
    assert_ne!(log.state.adds["first"], first);
    log.undo(&part.adds, before);
    log.commit(&change(&["b"], &[])).unwrap();
    let again = open(&directory).unwrap().unwrap();
    assert_eq!((paths(&again), &again.state.adds["first"]), (vec!["b", "first"], &first));
}

#[test]
fn what_we_do_not_know_is_left_alone() {
    let directory = TempDir::new().unwrap();
    create(&directory);
    let line = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}"#;
    fs::write(file(&directory, 1), line).unwrap();
    let told = open(&directory).err().unwrap().to_string();
    assert!(
        told.contains(
            "made by something newer: it wants readers of version 3 with deletionVectors, and this is 1"
        ),
        "{told}"
    );
}
